#include "cli/final_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/parallel.h"
#include "cli/json.h"
#include "search/evaluate/torch.h"

namespace metaqnn::cli {
namespace {

std::atomic<bool> stop{false};

// None of one whose training failed.
search::TrainingFacts facts_of(const search::FinalModel& model) {
  return model.checkpoint ? model.checkpoint->facts : search::TrainingFacts{};
}

Json to_json(const search::FinalModel& model) {
  Json json{{"model", model.name},
            {"file", model.file.string()},
            {"architecture", model.architecture},
            {"state", model.checkpoint ? "finished" : "failed"},
            {"reason", model.reason()},
            {"search_accuracy", or_null(model.search_accuracy)}};
  const search::TrainingFacts facts = facts_of(model);
  json["started_from"] = facts.started_from;
  json["validation_accuracy"] = or_null(facts.validation_accuracy);
  json["test_error"] = or_null(facts.test_error);
  json["epochs"] = facts.epochs;
  json["best_epoch"] = facts.best_epoch;
  json["seconds"] = facts.seconds;
  return json;
}

void print_json(const std::vector<search::FinalModel>& models) {
  Json list = Json::array();
  for (const search::FinalModel& model : models) list.push_back(to_json(model));
  print_document(list);
}

void print_table(const std::vector<search::FinalModel>& models) {
  Table table({{"model"},
               {"search", Align::right},
               {"validation", Align::right},
               {"test error", Align::right},
               {"epoch", Align::right},
               {"architecture"}});
  for (const search::FinalModel& model : models) {
    const search::TrainingFacts facts = facts_of(model);
    table.add({model.name, fixed(model.search_accuracy, 4), fixed(facts.validation_accuracy, 4),
               model.checkpoint ? percent(facts.test_error) : "failed",
               model.checkpoint ? fmt::format("{}/{}", facts.best_epoch, facts.epochs) : "-",
               model.architecture});
  }
  print("{}", table.render());
}

}  // namespace

void add_final_options(CLI::App& app, FinalArguments& arguments) {
  app.add_option("-o,--output", arguments.output,
                 "folder for the models; the same one resumes or shares the work")
      ->required();
  app.add_option("--device", arguments.device, "auto, cpu, cuda or cuda:1");
  app.add_option("--epochs-scale", arguments.epochs_scale,
                 "multiply the epochs of each step of final.schedule")
      ->check(CLI::Range(1e-6, 1e3));
  add_seed(app, arguments.seed, "instead of the configuration's", kLargest);
  add_threads(app, arguments.threads, "default: all cores");
  add_format(app, arguments.format, {"table", "json"});
}

std::string first_device(const std::string& text) { return search::resolve_devices(text).front(); }

search::FinalOptions final_options(const FinalArguments& arguments,
                                   const search::Configuration& configuration) {
  on_interrupt([](int) { stop = true; }, true);
  return {
      .folder = arguments.output,
      .device = first_device(arguments.device.empty() ? configuration.device : arguments.device),
      .threads = threads_or_cores(arguments.threads),
      .stop = &stop};
}

void apply(const FinalArguments& arguments, search::Configuration& configuration) {
  if (arguments.seed) configuration.seed = *arguments.seed;
  search::scale_epochs(configuration.final_training, arguments.epochs_scale);
}

void FinalProgress::images_loaded(const search::FinalTrainer& trainer) {
  line_.clear();
  say("{} images train, {} choose the epoch, {} test\n", grouped(trainer.training_images()),
      grouped(trainer.validation_images()), grouped(trainer.test_images()));
}

void FinalProgress::model_began(const search::FinalModel& model, int epochs_done, int epochs) {
  if (epochs_done > 0) say("{} goes on after epoch {} of {}\n", model.name, epochs_done, epochs);
  line_.show(
      fmt::format("[{}/{}] {}  epoch {}/{}", ended_ + 1, models_, model.name, epochs_done, epochs));
}

void FinalProgress::epoch_ended(const search::FinalModel& model,
                                const search::TrainingFacts& facts) {
  const auto done = facts.curve.size();
  const auto epochs = static_cast<size_t>(facts.epochs);
  const double left =
      facts.seconds / static_cast<double>(done) * static_cast<double>(epochs - done);
  line_.show(fmt::format(
      "[{}/{}] {}  epoch {}/{}  loss {:.4f}{}  left {}", ended_ + 1, models_, model.name, done,
      epochs, facts.curve.back().training_loss,
      facts.validation_accuracy ? fmt::format("  best {:.4f}", *facts.validation_accuracy) : "",
      duration(left)));
}

void FinalProgress::model_awaited(const search::FinalModel& model) {
  line_.clear();
  say("{} is in training by another process\n", model.name);
}

void FinalProgress::model_ended(const search::FinalModel& model) {
  line_.clear();
  ++ended_;
  if (model.checkpoint) {
    const search::TrainingFacts& facts = model.checkpoint->facts;
    say("[{}/{}] {}  test error {}  {}\n", ended_, models_, model.name, percent(facts.test_error),
        duration(facts.seconds));
  } else {
    say("[{}/{}] {}  failed: {}\n", ended_, models_, model.name, model.reason());
  }
}

ExitStatus print_trained(const std::string& format,
                         const std::function<std::vector<search::FinalModel>()>& train) {
  std::vector<search::FinalModel> models;
  try {
    models = train();
  } catch (const InterruptedError&) {
    throw InterruptedError("stopped; the same command goes on from the last whole epoch");
  }
  if (std::none_of(models.begin(), models.end(), [](const auto& m) { return m.checkpoint; }))
    throw FailureError("no model was finished; the reasons are above");
  format == "json" ? print_json(models) : print_table(models);
  return ExitStatus::done;
}

}  // namespace metaqnn::cli
