// A worker process whose device faults; the tests' supervisor starts it in place of the program.
//
//   faulty_worker WHERE --study URL --device DEVICE ...
//
// WHERE: the device that faults with every network; a network that faults on every device; or the
// path of a file, which the first worker makes that has trained two networks: from then on all
// fault.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

#include "metaqnn/base/error.h"
#include "search/supervisor.h"

namespace metaqnn::tests {
namespace {

class FaultyEvaluator : public search::Evaluator {
 public:
  FaultyEvaluator(std::string where, std::string device)
      : where_(std::move(where)), device_(std::move(device)) {}
  void evaluate(search::Trial& trial) override {
    if (where_ == device_ || where_ == trial.architecture || std::filesystem::exists(where_)) {
      throw search::DeviceFault(device_,
                                "CUDA error: an illegal memory access was encountered\nDetails.");
    }
    trial.state = search::TrialState::complete;
    trial.validation_accuracy = 0.5;
    if (where_.starts_with('/')) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      if (++trained_ == 2) std::ofstream(where_) << "broken";
    }
  }

 private:
  std::string where_, device_;
  int trained_ = 0;
};

std::string option(int argc, char** argv, const std::string& name) {
  for (int i = 2; i + 1 < argc; ++i) {
    if (argv[i] == name) return argv[i + 1];
  }
  return "";
}

ExitStatus run(int argc, char** argv) {
  search::become_supervised_worker(std::stoi(option(argc, argv, "--supervised")));
  return search::run_supervised_worker([&] {
    const auto study = search::open_study(option(argc, argv, "--study"));
    search::WorkOptions options;
    options.resources.device = option(argc, argv, "--device");
    options.make_evaluator = [&](const auto&, const search::Resources& resources) {
      return std::make_unique<FaultyEvaluator>(argv[1], resources.device);
    };
    return search::work(*study, options);
  });
}

}  // namespace
}  // namespace metaqnn::tests

int main(int argc, char** argv) {
  try {
    return static_cast<int>(metaqnn::tests::run(argc, argv));
  } catch (const metaqnn::Error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(error.status());
  }
}
