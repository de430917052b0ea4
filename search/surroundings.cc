#include "search/surroundings.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>

#include "base/foreign_text.h"
#include "base/numbers.h"
#include "base/parallel.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/evaluate/evaluator.h"
#include "metaqnn/search/search.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {
namespace {

bool is_whole_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What the evaluator says, and of a table how much of it the space has.
std::vector<std::string> remarks_on(const Configuration& configuration) {
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

// GPUs of this machine that a process may use, whatever LibTorch is able to.
int count_gpus() {
  if (const char* seen = std::getenv("CUDA_VISIBLE_DEVICES")) {
    const std::string list = seen;
    return list.empty() ? 0 : 1 + static_cast<int>(std::count(list.begin(), list.end(), ','));
  }
  int count = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/dev", ignored)) {
    const std::string name = entry.path().filename().string();
    constexpr std::string_view kGpu = "nvidia";
    if (name.starts_with(kGpu) && is_whole_number(name.substr(kGpu.size()))) ++count;
  }
  return count;
}

// What a device means to a program of the user's, which may use GPUs that LibTorch cannot: those that
// are named are not looked for.
std::vector<std::string> devices_of_others(const std::string& text) {
  constexpr std::string_view kGpu = "cuda:";
  if (text == "cpu") return {"cpu"};
  std::vector<std::string> devices;
  if (text == "auto" || text == "cuda") {
    for (int i = 0; i < count_gpus(); ++i) devices.push_back(std::string(kGpu) + std::to_string(i));
    if (devices.empty() && text == "cuda")
      throw FailureError("device cuda: this machine shows no GPU; name it, as cuda:0, or use cpu");
    return devices.empty() ? std::vector<std::string>{"cpu"} : devices;
  }
  std::istringstream names(text);
  for (std::string name; std::getline(names, name, ',');) {
    if (!name.starts_with(kGpu) || !is_whole_number(name.substr(kGpu.size()))) {
      throw UsageError("device '" + shown(name) +
                       "' is not known; use auto, cpu, cuda or a list such as cuda:0,cuda:2");
    }
    devices.push_back(name);
  }
  return devices;
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
  } else if (!configuration.evaluator.is_told()) {
    if (configuration.evaluator.runs_command())
      found.devices = devices_of_others(device.empty() ? configuration.device : device);
    found.remarks = remarks_on(configuration);
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
