#include "search/surroundings.h"

#include <algorithm>

#include "base/numbers.h"
#include "base/parallel.h"
#include "metaqnn/search/evaluate/evaluator.h"
#include "metaqnn/search/search.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {
namespace {

// What it holds, and how much of that the space has.
std::vector<std::string> remarks_on_table(const Configuration& configuration) {
  const auto evaluator = make_evaluator(configuration.evaluator, configuration.data, {});
  std::vector<std::string> remarks = evaluator->remarks();
  const auto in_table = evaluator->architectures();
  if (!in_table) return remarks;
  const int64_t searched = searched_space(configuration, *evaluator).architecture_count();
  if (const int64_t others = static_cast<int64_t>(in_table->size()) - searched; others > 0)
    remarks.push_back(plural(others, "network") + " of the table left out: not in the space");
  if (const Space space = build_space(configuration); searched < space.architecture_count()) {
    remarks.push_back("the space has " + scientific(space.architectures()) +
                      " networks; only the " + grouped(searched) + " of the table are proposed");
  }
  return remarks;
}

}  // namespace

Surroundings look_around(const Configuration& configuration, const std::string& device) {
  Surroundings found;
  if (configuration.evaluator.trains()) {
    check_objective(configuration.evaluator);
    require_torch();
    found.devices = resolve_devices(device.empty() ? configuration.device : device);
    const Space space = build_space(configuration);
    found.images =
        find_images(configuration.data, space.input(), space.classes(), configuration.seed);
  } else {
    found.remarks = remarks_on_table(configuration);
  }
  return found;
}

Machine machine_for(const Configuration& configuration, int workers) {
  Machine machine;
  machine.devices = resolve_devices(configuration.device);
  machine.workers = workers;
  machine.parallel = workers * static_cast<int>(machine.devices.size());
  const int cores = available_cores();
  machine.threads = std::max(1, cores / machine.parallel);
  if (machine.is_cpu()) machine.parallel = std::min(machine.parallel, cores);
  machine.precision =
      resolve_precision(configuration.evaluator.training.precision, machine.devices.front());
  return machine;
}

}  // namespace metaqnn::search
