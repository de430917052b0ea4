#include "search/evaluate/libtorch/optimizer.h"

#include <torch/optim/adam.h>
#include <torch/optim/sgd.h>

#include <sstream>
#include <type_traits>
#include <utility>
#include <vector>

#include "metaqnn/base/error.h"
#include "search/evaluate/libtorch/network.h"

namespace metaqnn::search {
namespace {

using torch::optim::AdamParamState;
using torch::optim::SGDParamState;

constexpr const char *kMomentum = "momentum", *kFirstMoment = "first_moment",
                     *kSecondMoment = "second_moment";

const at::Tensor& parameters_of(torch::optim::Optimizer& optimizer) {
  return optimizer.param_groups().at(0).params().at(0);
}

// LibTorch finds the state of a tensor by its address, which older versions write as a text.
using StateKey =
    std::remove_cvref_t<decltype(std::declval<torch::optim::Optimizer&>().state())>::key_type;

template <typename Key>
Key state_key(const at::Tensor& parameters) {
  if constexpr (std::is_pointer_v<Key>) {
    return parameters.unsafeGetTensorImpl();
  } else {
    std::ostringstream text;
    text << parameters.unsafeGetTensorImpl();
    return text.str();
  }
}

// The tensor of that name, where the optimizer's is.
at::Tensor value(const OptimizerState& state, const std::string& name,
                 const at::Tensor& parameters) {
  const auto found = state.values.find(name);
  if (found == state.values.end())
    throw DataError("its optimizer has no " + name + "; remove the file to train it again");
  if (std::cmp_not_equal(found->second.size(), parameters.numel())) {
    throw DataError("the " + name + " of its optimizer is not that of the " +
                    std::to_string(parameters.numel()) +
                    " weights; remove the file to train it again");
  }
  return to_tensor(found->second).to(parameters.device());
}

}  // namespace

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const OptimizerSettings& settings,
                                                        const at::Tensor& parameters) {
  constexpr double kRateOfNoEpoch = 1;  // every epoch sets its own
  if (settings.kind == "sgd") {
    return std::make_unique<torch::optim::SGD>(std::vector<at::Tensor>{parameters},
                                               torch::optim::SGDOptions(kRateOfNoEpoch)
                                                   .momentum(settings.momentum)
                                                   .weight_decay(settings.weight_decay));
  }
  METAQNN_ASSERT(settings.kind == "adam", "optimizer " + settings.kind);
  return std::make_unique<torch::optim::Adam>(std::vector<at::Tensor>{parameters},
                                              torch::optim::AdamOptions(kRateOfNoEpoch)
                                                  .betas({settings.adam_beta1, settings.adam_beta2})
                                                  .eps(settings.adam_epsilon)
                                                  .weight_decay(settings.weight_decay));
}

OptimizerState optimizer_state(torch::optim::Optimizer& optimizer) {
  OptimizerState state;
  const auto found = optimizer.state().find(state_key<StateKey>(parameters_of(optimizer)));
  if (found == optimizer.state().end()) return state;
  if (const auto* adam = dynamic_cast<const AdamParamState*>(found->second.get())) {
    state.step = adam->step();
    state.values[kFirstMoment] = to_vector(adam->exp_avg());
    state.values[kSecondMoment] = to_vector(adam->exp_avg_sq());
  } else if (const auto* sgd = dynamic_cast<const SGDParamState*>(found->second.get())) {
    state.values[kMomentum] = to_vector(sgd->momentum_buffer());
  }
  return state;
}

void restore_optimizer(const OptimizerState& state, const OptimizerSettings& settings,
                       torch::optim::Optimizer& optimizer) {
  const at::Tensor& parameters = parameters_of(optimizer);
  auto& own = optimizer.state();
  size_t count = 0;
  if (dynamic_cast<torch::optim::Adam*>(&optimizer) != nullptr) {
    auto adam = std::make_unique<AdamParamState>();
    adam->step(state.step);
    adam->exp_avg(value(state, kFirstMoment, parameters));
    adam->exp_avg_sq(value(state, kSecondMoment, parameters));
    own[state_key<StateKey>(parameters)] = std::move(adam);
    count = 2;
  } else if (settings.momentum != 0) {
    auto sgd = std::make_unique<SGDParamState>();
    sgd->momentum_buffer(value(state, kMomentum, parameters));
    own[state_key<StateKey>(parameters)] = std::move(sgd);
    count = 1;
  }
  if (state.values.size() != count) {
    throw DataError("its optimizer is another than " + settings.kind +
                    "; remove the file to train it again");
  }
}

}  // namespace metaqnn::search
