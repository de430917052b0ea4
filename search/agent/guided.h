// Which of many architectures is worth training next? The predictor says, once there are a few results.
//
// 1. Until `initial_models` different architectures are known or in training: uniform walks.
// 2. Then a Gaussian process (predict/least_squares.h) with the kernels of `combined`, linear, RBF
//    and edit distance, on the normal scores of the rewards: only their order counts, so that the
//    failures at chance do not drown the differences at the top.
// 3. Candidates: the whole space if it has at most kEnumerable architectures. Otherwise
//    `candidates` of them, half uniform walks, a quarter walks of a Q-learning agent that saw the
//    same samples, a quarter mutations of the best ones; then mutations of the best candidates.
// 4. Next is the candidate with the largest  mean + exploration * deviation  (upper confidence
//    bound; Srinivas, Krause, Kakade, Seeger, ICML 2010), and after it the largest if the mean had
//    been observed there, and so on (Desautels, Krause, Burdick, JMLR 15, 2014): several workers
//    get different networks, and no two alike. What is in training counts as such too. In every
//    second proposal exploration grows, to twice its value over 20 models that were no better than
//    the best, to four times at most: without that one search in eight of NAS-Bench-201 stayed at a
//    local optimum for good.
//
// Of several measures each has a process of its own, and so has each that is only limited; in 3. and 4. the
// candidate is next whose values, `exploration` thirds of a deviation better than the means, would add most to
// the hypervolume of the front (search/agent/prospects.h), always with the same exploration. What is picked or in
// training counts as observed at its means. Mutations are those of the front.
//
// Walks and candidates that may not be proposed (admission.h) are drawn again. Epsilon is not used;
// the schedule says how many models there shall be. Hyper-parameters are chosen again whenever a
// tenth more is known, and the process is fitted again whenever one in 200 more is, of several workers
// by each after as many proposals of its own: until then what was ranked is proposed in its order. All this is a function of the samples in their order and of
// the seed, whenever a search was stopped and begun again. Beyond kMostPoints samples the process sees
// the better half and others drawn at random. Cost of a fit: n^3 for n of at most kMostPoints samples,
// n for each candidate, n^2 for the 2,000 with the best means; 0.1 to 1 s, outside the study's lock.
#pragma once

#include <memory>

#include "metaqnn/search/agent/strategy.h"

namespace metaqnn::search {

std::unique_ptr<Strategy> make_guided(const StrategySettings& settings, const Space& space,
                                      uint64_t seed, Admission admits = {});

}  // namespace metaqnn::search
