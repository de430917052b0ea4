// What is each choice worth, where a table of states is too coarse to say?
//
//   Q(s, u) = b_t + w_t' phi(s, u)
//
// t is the number of layers or slots written so far; phi counts what the walk wrote and what it would
// write next:
//
//   u; the last label with u                                        always
//   each earlier slot's token; each of them with u; pairs of them   sequences; pairs of up to 8 slots
//   how often each label was written; the types of the last and of  convolutional networks
//   the next layer; log2 of the side's divisor and of the filters
//
// Fitted Q iteration, from the last step to the first: w_t is the ridge regression, over the different
// architectures sampled so far, of
//
//   the normal score of its reward              where the walk ends with u
//   gamma max over u' of Q(s', u')              where it goes on, with the w_{t+1} just fitted
//
// Normal scores (predict/target_scale.h) are those of the rewards so far: only their order counts, so
// that networks which did not learn do not drown the differences at the top.
//
// So what a table knows of one state, this knows of all that are alike; the state is the walk itself,
// not the layer, the bin and the depth that stand for it in the table (search/agent/q_learning.h).
// Source: Ernst, Geurts, Wehenkel, "Tree-based batch mode reinforcement learning", Journal of Machine
// Learning Research 6 (2005), with linear functions in place of trees; the slides' "Q-Value Approximation".
//
// A function of the samples in their order and the settings. It is fitted again when the samples have
// grown by a fiftieth, so that proposals between cost nothing and a search is rebuilt by one fit.
// Cost of a fit: samples x steps x (choices + features of a step squared).
#pragma once

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <map>
#include <unordered_set>
#include <vector>

#include "metaqnn/search/agent/strategy.h"

namespace metaqnn::search {

class QApproximation : public Strategy {
 public:
  QApproximation(const StrategySettings& settings, const Space& space);

  void observe(const SequencedSample& sample) override;
  void prepare(const std::vector<std::string>& pending) override;
  // Each step greedy with probability 1 - epsilon, ties broken at random; uniform otherwise.
  Walk propose(const Situation& situation, Random& random) override;

  // Q-values, in normal scores, of the choices at a position that was reached by these labels, in their
  // order; 0 before there is a sample. prepare() fits first.
  std::vector<double> values(int32_t position, const std::vector<int32_t>& written) const;

 private:
  // What a feature is about: its kind, and up to three numbers.
  using Key = std::array<int32_t, 4>;
  using Features = std::vector<std::pair<Key, double>>;
  struct Episode {
    Walk walk;
    std::vector<int32_t> labels;
    double reward, score;
  };
  // Of one number of steps.
  struct Regression {
    std::map<Key, double> weights;
    double mean = 0;
    double value(const Features& features) const;
  };

  Features features(const std::vector<int32_t>& written, int32_t next) const;
  double target(const Episode& episode, size_t step) const;
  Regression regression(size_t step, size_t episodes) const;
  void fit();

  StrategySettings settings_;
  const Space& space_;
  std::vector<Episode> episodes_;
  std::unordered_set<std::string> known_;
  std::vector<Regression> regressions_;  // by step
  size_t fitted_ = 0;                    // episodes
};

}  // namespace metaqnn::search
