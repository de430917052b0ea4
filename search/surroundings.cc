#include "search/surroundings.h"

#include <algorithm>

#include "base/parallel.h"
#include "metaqnn/search/evaluate/evaluator.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {

Surroundings look_around(const Configuration& configuration, const std::string& device) {
  Surroundings found;
  if (configuration.evaluator.trains()) {
    require_torch();
    found.devices = resolve_devices(device.empty() ? configuration.device : device);
    const Space space = build_space(configuration);
    found.images =
        find_images(configuration.data, space.input(), space.classes(), configuration.seed);
  } else {
    found.remarks = make_evaluator(configuration.evaluator, configuration.data, {})->remarks();
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
