// Uses something of every library that is installed.
#include <metaqnn/architecture/shapes.h>
#include <metaqnn/predict/cross_validation.h>
#include <metaqnn/predict/model.h>
#include <metaqnn/report/report.h>
#include <metaqnn/search/import.h>
#include <metaqnn/search/search.h>

#include <cstdio>

using namespace metaqnn;

namespace {

// The library with LibTorch in it is found where it was installed: what a search says that wants to
// train, and has no images.
std::string why_no_training() {
  search::Configuration configuration;
  configuration.data.name = "mnist";
  configuration.data.path = "/nonexistent";
  try {
    search::make_evaluator(configuration.evaluator, configuration.data, {});
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

int main() {
  const Analysis analysis = analyse(parse_architecture("[C(64,3,1), P(2,2), SM(10)]"), {3, 32, 32});
  search::Configuration configuration;
  configuration.space.input = "3x32x32";
  configuration.space.classes = 10;
  configuration.space.cnn.depth_limit = 2;
  const search::Space space = search::build_space(configuration);
  const auto strategy = search::make_strategy(configuration.strategy, space, 1);
  Random random(1);
  const std::string text = space.text(strategy->propose({}, random));
  const std::string training = why_no_training();
  std::printf("%ld parameters, a walk %s, studies here: %d, %zu methods; %s\n",
              static_cast<long>(analysis.parameters), text.c_str(),
              search::study_exists("sqlite:///none.db") ? 1 : 0, predict::method_names().size(),
              training.c_str());
#ifdef WITH_TORCH
  if (training.find("/nonexistent") == std::string::npos) return 1;
#endif
  return analysis.parameters == 165642 && space.find(text).walk ? 0 : 1;
}
