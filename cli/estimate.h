// Prints what a search will cost, before there is a study.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "metaqnn/base/error.h"
#include "metaqnn/search/configuration.h"

namespace metaqnn::cli {

struct EstimateRequest {
  int64_t sample = 12;
  std::optional<int64_t> trials;  // as of `search`
  int workers = 1;                // for each device
  std::string format = "table";
};

ExitStatus print_estimate(const search::Configuration& configuration,
                          const EstimateRequest& request);

}  // namespace metaqnn::cli
