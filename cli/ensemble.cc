#include <fmt/format.h>

#include <memory>

#include "base/parallel.h"
#include "cli/command.h"
#include "cli/final_options.h"
#include "cli/json.h"
#include "cli/output.h"
#include "search/evaluate/classification.h"
#include "search/evaluate/image_source.h"
#include "search/evaluate/torch.h"
#include "search/evaluate/trained_network.h"

namespace metaqnn::cli {
namespace {

using search::Classification;

struct EnsembleOptions {
  std::string models, data, device = "auto", format = "table";
  size_t top = 5;
  int threads = 0;
};

struct Member {
  search::FinalModel model;
  Classification alone;
};

struct Committee {
  std::string data_set;
  std::vector<std::string> class_names;
  std::vector<Member> members;
  Classification together;
};

std::vector<search::FinalModel> choose_models(const EnsembleOptions& options) {
  std::vector<std::string> unfinished;
  std::vector<search::FinalModel> models = search::read_models(options.models, unfinished);
  for (const std::string& name : unfinished)
    say("{} is left out: its training has not ended\n", name);
  if (models.empty()) {
    throw UsageError(options.models +
                     ": holds no finished model; make some with metaqnn finetune -o " +
                     options.models);
  }
  if (models.size() > options.top) models.resize(options.top);
  if (models.size() < options.top)
    say("only {} of {} models are there\n", models.size(), options.top);
  return models;
}

// The test images that all of them were made for.
datasets::ImageSet test_images(const std::vector<search::FinalModel>& models,
                               const std::string& folder) {
  const search::Checkpoint& first = *models[0].checkpoint;
  for (const search::FinalModel& model : models) {
    if (model.checkpoint->data_set == first.data_set && model.checkpoint->image == first.image &&
        model.checkpoint->class_names == first.class_names)
      continue;
    throw UsageError(fmt::format("{} was trained on {}, {} on {}: a committee needs one data set",
                                 model.name, model.checkpoint->data_set, models[0].name,
                                 first.data_set));
  }
  search::DataSettings data =
      search::parse_configuration(first.facts.configuration, models[0].file.string(), "/").data;
  // The extra images of SVHN train only: the test part is the same without them.
  data.name = first.data_set == "svhn_extra" ? "svhn" : first.data_set;
  if (!folder.empty()) data.path = folder;
  datasets::ImageSet images = datasets::load_data_set(search::image_source(data)).test;
  for (const search::FinalModel& model : models) {
    if (model.checkpoint->classes == images.classes) continue;
    throw DataError(fmt::format("{}: it tells {} classes apart, {} has {}; train it again",
                                model.file.string(), model.checkpoint->classes, data.name,
                                images.classes));
  }
  return images;
}

Committee gather(const EnsembleOptions& options) {
  std::vector<search::FinalModel> models = choose_models(options);
  const std::string device = first_device(options.device);
  const int threads = threads_or_cores(options.threads);
  const datasets::ImageSet images = test_images(models, options.data);
  Committee committee{models[0].checkpoint->data_set, {}, {}, {}};
  for (int label = 0; label < images.classes; ++label)
    committee.class_names.push_back(models[0].checkpoint->class_name(label));
  std::vector<Eigen::MatrixXd> answers;
  for (search::FinalModel& model : models) {
    answers.push_back(search::torch_library()
                          .load_network(*model.checkpoint, device, threads)
                          ->probabilities(images));
    committee.members.push_back(
        {std::move(model), search::classify(answers.back(), images.labels)});
  }
  committee.together = search::classify(search::mean_probabilities(answers), images.labels);
  return committee;
}

// What is not a number is null in JSON.
void print_json(const Committee& committee) {
  Json json{{"data_set", committee.data_set}, {"images", committee.together.confusion.sum()},
            {"models", Json::array()},        {"error", committee.together.error()},
            {"classes", Json::array()},       {"confusion", Json::array()}};
  for (const Member& member : committee.members) {
    json["models"].push_back({{"model", member.model.name},
                              {"architecture", member.model.architecture},
                              {"error", member.alone.error()}});
  }
  for (size_t label = 0; label < committee.class_names.size(); ++label) {
    const int row = static_cast<int>(label);
    json["classes"].push_back(
        {{"name", committee.class_names[label]}, {"error", committee.together.class_error(row)}});
    const Eigen::VectorX<int64_t> counts = committee.together.confusion.row(row);
    json["confusion"].push_back(std::vector<int64_t>(counts.begin(), counts.end()));
  }
  print_document(json);
}

void print_confusion(const Committee& committee) {
  constexpr size_t kMostClasses = 12;  // that fit a terminal
  const size_t classes = committee.class_names.size();
  std::vector<Table::Column> columns{{"class"}, {"error", Align::right}};
  const bool whole = classes <= kMostClasses;
  for (size_t answer = 0; whole && answer < classes; ++answer)
    columns.push_back({std::to_string(answer), Align::right});
  Table table(columns);
  for (size_t label = 0; label < classes; ++label) {
    const int row = static_cast<int>(label);
    std::vector<std::string> cells{whole ? fmt::format("{} {}", label, committee.class_names[label])
                                         : committee.class_names[label],
                                   percent(committee.together.class_error(row))};
    for (size_t answer = 0; whole && answer < classes; ++answer)
      cells.push_back(
          std::to_string(committee.together.confusion(row, static_cast<Eigen::Index>(answer))));
    table.add(cells);
  }
  print("\n{}:\n{}",
        whole ? "The ensemble's answers (columns) to the images of each class (rows)"
              : "The ensemble's error in each class (--format json has the confusion matrix)",
        table.render());
}

void print_table(const Committee& committee) {
  Table table({{"model"}, {"test error", Align::right}, {"architecture"}});
  for (const Member& member : committee.members)
    table.add({member.model.name, percent(member.alone.error()), member.model.architecture});
  table.add({"ensemble", percent(committee.together.error()),
             fmt::format("mean of the {} above", committee.members.size())});
  print("{} test images of {}\n\n{}", grouped(committee.together.confusion.sum()),
        committee.data_set, table.render());
  print_confusion(committee);
}

ExitStatus run(const EnsembleOptions& options) {
  const Committee committee = gather(options);
  options.format == "json" ? print_json(committee) : print_table(committee);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_ensemble(CLI::App& app) {
  auto options = std::make_shared<EnsembleOptions>();
  app.add_option("--models", options->models, "folder of metaqnn finetune")->required();
  add_count(app, "--top", options->top, "how many of the best, by validation accuracy");
  app.add_option("--data", options->data, "folder of the images (default: that of the training)");
  app.add_option("--device", options->device, "auto, cpu, cuda or cuda:1")->capture_default_str();
  add_threads(app, options->threads, "default: all cores");
  add_format(app, options->format, {"table", "json"});
  return [options] { return run(*options); };
}

}  // namespace

const Command ensemble_command{"ensemble", "Mean of the best models' answers on the test images",
                               "metaqnn ensemble --models quick-models --top 5", set_up_ensemble};

}  // namespace metaqnn::cli
