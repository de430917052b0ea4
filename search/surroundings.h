// What is there to search with, before a study is made or a worker begins: devices, images, cores?
//
//   Surroundings found = look_around(configuration);
//   Machine machine = machine_for(configuration, workers);
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metaqnn/search/configuration.h"
#include "search/evaluate/found_images.h"

namespace metaqnn::search {

struct Surroundings {
  std::vector<std::string> devices{"cpu"};  // a table needs no other
  std::optional<FoundImages> images;        // of an evaluator that trains
  std::vector<std::string> remarks;         // of another
};

// Throws what a worker would stumble over and the user must mend: a device that is not there, images
// or a table that cannot be read, images that do not fit the space or are fewer than wanted.
// `device`: in place of the configuration's, where it is not "".
Surroundings look_around(const Configuration& configuration, const std::string& device = "");

// Where networks train, and how many at a time.
struct Machine {
  std::vector<std::string> devices;
  int workers = 1, parallel = 1, threads = 1;  // workers of each device, threads of each
  std::string precision;

  bool is_cpu() const { return devices.front() == "cpu"; }
};

// As the supervisor shares cores out; more workers than cores are no faster. Throws where a device is
// not there.
Machine machine_for(const Configuration& configuration, int workers);

}  // namespace metaqnn::search
