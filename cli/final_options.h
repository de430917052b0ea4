// What the commands that train for use have in common: their options, what they show on standard
// error, and Ctrl-C, which leaves the epoch in hand so that the same command goes on from there; a
// second Ctrl-C ends the program at once.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/output.h"
#include "search/final_models.h"

namespace metaqnn::cli {

struct FinalArguments {
  std::string config, output, device, format = "table";
  std::optional<uint64_t> seed;
  double epochs_scale = 1;
  int threads = 0;  // 0 = the cores this process may use
};

void add_final_options(CLI::App& app, FinalArguments& arguments);

// The device of the arguments, or the configuration's; of several the first, since models are trained one
// after another.
search::FinalOptions final_options(const FinalArguments& arguments,
                                   const search::Configuration& configuration);

// Applies --seed and --epochs-scale.
void apply(const FinalArguments& arguments, search::Configuration& configuration);

// On a terminal one line that lives, otherwise one line for each model.
class FinalProgress : public search::FinalObserver {
 public:
  explicit FinalProgress(size_t models) : models_(models) {}

  void images_loaded(const search::FinalTrainer& trainer) override;
  void model_began(const search::FinalModel& model, int epochs_done, int epochs) override;
  void epoch_ended(const search::FinalModel& model, const search::TrainingFacts& facts) override;
  void model_awaited(const search::FinalModel& model) override;
  void model_ended(const search::FinalModel& model) override;

 private:
  size_t models_, ended_ = 0;
  LiveLine line_;
};

// Trains and prints one row for each model, best first as they come; or a list in JSON. Where it is
// stopped, the error says how to go on. Throws FailureError where no model was finished.
ExitStatus print_trained(const std::string& format,
                         const std::function<std::vector<search::FinalModel>()>& train);

// The device that is meant where a network is only used: the first of resolve_devices().
std::string first_device(const std::string& text);

}  // namespace metaqnn::cli
