// How are the weights moved, and what of that does a training need which goes on later? Included by
// .cc files of search/evaluate alone.
//
// The state is taken out and put back number by number. LibTorch's own archives are not read: what
// reads them would run a program that lies in one.
//
//   auto optimizer = make_optimizer({.kind = "sgd", .momentum = 0.9}, parameters);
//   OptimizerState state = optimizer_state(*optimizer);   // after some steps
//   restore_optimizer(state, settings, *another);         // which goes on as the first would
#pragma once

#include <ATen/ATen.h>
#include <torch/optim/optimizer.h>

#include <memory>
#include <string>

#include "search/evaluate/checkpoint.h"

namespace metaqnn::search {

struct OptimizerSettings {
  std::string kind = "adam";  // sgd, adam
  double momentum = 0;        // of sgd
  double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;
  double weight_decay = 0;  // L2, added to the gradient
};

// Of one flat tensor, which it holds. Its learning rate is to be set.
std::unique_ptr<torch::optim::Optimizer> make_optimizer(const OptimizerSettings& settings,
                                                        const at::Tensor& parameters);

// Empty before the first step.
OptimizerState optimizer_state(torch::optim::Optimizer& optimizer);

// `optimizer` is new and of these settings. Throws DataError where the state is of an optimizer of
// another kind or for another number of weights.
void restore_optimizer(const OptimizerState& state, const OptimizerSettings& settings,
                       torch::optim::Optimizer& optimizer);

}  // namespace metaqnn::search
