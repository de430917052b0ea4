#include <algorithm>
#include <memory>
#include <numeric>

#include "base/parallel.h"
#include "cli/command.h"
#include "cli/final_options.h"
#include "cli/json.h"
#include "cli/output.h"
#include "datasets/images/picture.h"
#include "search/evaluate/torch.h"
#include "search/evaluate/trained_network.h"
#include "search/supervisor.h"

namespace metaqnn::cli {
namespace {

struct PredictImageOptions {
  std::string model, device = "cpu", format = "table";
  std::vector<std::string> images;
  size_t top = 3;
};

// Classes from likely to unlikely, at most `top`.
std::vector<int> ranking(const Eigen::VectorXd& probabilities, size_t top) {
  std::vector<int> order(static_cast<size_t>(probabilities.size()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return probabilities(a) > probabilities(b); });
  order.resize(std::min(order.size(), top));
  return order;
}

// The pictures that can be read, and why the others cannot.
struct Pictures {
  datasets::ImageSet images;
  std::vector<std::string> errors;  // of each file; "" where it is among the images
};

Pictures read_pictures(const std::vector<std::string>& files,
                       const search::Checkpoint& checkpoint) {
  Pictures pictures{{checkpoint.image, checkpoint.classes, {}, {}}, {}};
  for (const std::string& file : files) {
    try {
      const datasets::ImageSet image = datasets::fit_picture(
          datasets::read_picture(file, checkpoint.image), checkpoint.image, checkpoint.fit);
      pictures.images.pixels.insert(pictures.images.pixels.end(), image.pixels.begin(),
                                    image.pixels.end());
      pictures.images.labels.push_back(0);  // not known, and not used
      pictures.errors.emplace_back();
    } catch (const DataError& error) {
      pictures.errors.emplace_back(error.what());
    }
  }
  return pictures;
}

// The labels of one image, as JSON and as lines of the table.
Json labels_of(const std::string& file, const Eigen::VectorXd& row, size_t top,
               const search::Checkpoint& checkpoint, Table& table) {
  Json labels = Json::array();
  for (int label : ranking(row, top)) {
    labels.push_back({{"label", checkpoint.class_name(label)}, {"probability", row(label)}});
    table.add({labels.size() == 1 ? file : "", fixed(row(label), 4), checkpoint.class_name(label)});
  }
  return labels;
}

void print_labels(const PredictImageOptions& options, const search::Checkpoint& checkpoint,
                  const Pictures& pictures) {
  Eigen::MatrixXd probabilities;
  if (pictures.images.size() > 0) {
    probabilities = search::torch_library()
                        .load_network(checkpoint, first_device(options.device), available_cores())
                        ->probabilities(pictures.images);
  }
  Json list = Json::array();
  Table table({{"image"}, {"probability", Align::right}, {"label"}});
  Eigen::Index next = 0;
  for (size_t i = 0; i < options.images.size(); ++i) {
    const std::string& file = options.images[i];
    if (!pictures.errors[i].empty()) {
      list.push_back({{"image", file}, {"labels", Json::array()}, {"error", pictures.errors[i]}});
      continue;
    }
    const Eigen::VectorXd row = probabilities.row(next++);
    list.push_back(
        {{"image", file}, {"labels", labels_of(file, row, options.top, checkpoint, table)}});
  }
  if (options.format == "json") {
    print_document(list);
  } else if (pictures.images.size() > 0) {
    print("{}", table.render());
  }
}

// What cannot be read keeps no other from its answer, and shows in the status.
ExitStatus run(const PredictImageOptions& options) {
  const search::Checkpoint checkpoint = search::read_finished_checkpoint(options.model);
  const Pictures pictures = read_pictures(options.images, checkpoint);
  std::vector<std::string> problems = pictures.errors;
  std::erase(problems, "");
  print_problems(problems);
  print_labels(options, checkpoint, pictures);
  return problems.empty() ? ExitStatus::done : ExitStatus::data;
}

std::function<ExitStatus()> set_up_predict_image(CLI::App& app) {
  auto options = std::make_shared<PredictImageOptions>();
  app.add_option("--model", options->model, "checkpoint of metaqnn finetune")->required();
  app.add_option("IMAGE", options->images,
                 "PNG or JPEG files; each is resized to the size of the training images")
      ->required();
  add_count(app, "--top", options->top, "how many labels for each image");
  app.add_option("--device", options->device, "auto, cpu, cuda or cuda:1")->capture_default_str();
  add_format(app, options->format, {"table", "json"});
  return [options] { return run(*options); };
}

}  // namespace

const Command predict_image_command{
    "predict-image", "Label images with a trained network",
    "metaqnn predict-image --model quick-models/trial-42.checkpoint shoe.png",
    set_up_predict_image};

}  // namespace metaqnn::cli
