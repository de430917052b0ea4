// Uses something of every library that is installed.
#include <cstdio>

#include "architecture/shapes.h"
#include "datasets/images/data_set.h"
#include "search/evaluate/torch.h"
#include "search/search.h"

int main() {
  using namespace metaqnn;
  const Analysis analysis = analyse(parse_architecture("[C(64,3,1), P(2,2), SM(10)]"), {3, 32, 32});
  search::Configuration configuration;
  configuration.data.name = datasets::data_sets().front().name;
  configuration.space.cnn.depth_limit = 2;
  const search::Space space = search::build_space(configuration);
  const auto strategy = search::make_strategy(configuration.strategy, space, 1);
  Random random(1);
  const std::string text = space.text(strategy->propose({}, random));
  std::printf("%ld parameters, a walk %s, studies here: %d\n",
              static_cast<long>(analysis.parameters), text.c_str(),
              search::study_exists("sqlite:///none.db") ? 1 : 0);
#ifdef WITH_TORCH
  // The library with LibTorch in it is found where it was installed.
  if (search::torch_version().rfind("LibTorch ", 0) != 0) return 1;
#endif
  return analysis.parameters == 165642 && space.find(text).walk ? 0 : 1;
}
