#include <algorithm>
#include <cmath>

#include "metaqnn/search/configuration.h"
#include "search/evaluate/image_source.h"
#include "search/evaluate/table.h"

namespace metaqnn::search {
namespace {

constexpr int64_t kValidationPart = 5;
constexpr int kLargestBatch = 128, kSmallestBatch = 16;
constexpr int64_t kLeastSteps = 30;     // of an epoch
constexpr int64_t kSteps = 1200;        // of a training
constexpr int kRates = 3;               // of a training, one after another
constexpr int64_t kStepsToLearn = 300;  // something, where there is something to learn
constexpr int64_t kFewestEpochs = 20, kManyEpochs = 100;

void settle_objective(EvaluatorSettings& evaluator) {
  if (evaluator.looks_up() && is_there(evaluator.table))
    evaluator.objective = table_objective(evaluator.table, evaluator.objective);
  measure_of(evaluator.objective);
}

int batch_size(int64_t images) {
  int size = kLargestBatch;
  while (size > kSmallestBatch && images < kLeastSteps * size) size /= 2;
  return size;
}

int64_t divided_up(int64_t number, int64_t by) { return (number + by - 1) / by; }

void settle_images(DataSettings& data, TrainingSettings& training) {
  const datasets::DataSetFacts facts = datasets::look_at(image_source(data));
  if (datasets::find_data_set(data.name).is_open()) {
    data.input = to_string(facts.shape);
    data.class_names = facts.class_names;
  }
  if (data.validation_images == 0)
    data.validation_images = std::max<int64_t>(1, facts.training_images / kValidationPart);
  const int64_t images = data.training_images > 0
                             ? data.training_images
                             : std::max<int64_t>(1, facts.training_images - data.validation_images);
  if (training.batch_size == 0) training.batch_size = batch_size(images);
  const int64_t steps = divided_up(images, training.batch_size);
  if (training.epochs == 0) {
    training.epochs =
        static_cast<int>(std::clamp(divided_up(kSteps, steps), kFewestEpochs, kManyEpochs));
  }
  if (training.learning_rate_every == 0)
    training.learning_rate_every = static_cast<int>(divided_up(training.epochs, kRates));
  if (training.chance_epochs == 0)
    training.chance_epochs = static_cast<int>(divided_up(kStepsToLearn, steps));
}

template <typename T>
void fill_in(T& requested, const T& stored, const T& open) {
  if (requested == open) requested = stored;
}

}  // namespace

Configuration settled(Configuration configuration) {
  settle_objective(configuration.evaluator);
  if (configuration.evaluator.trains() && !configuration.data.name.empty())
    settle_images(configuration.data, configuration.evaluator.training);
  return configuration;
}

Configuration settled_as(Configuration requested, const Configuration& stored) {
  DataSettings& data = requested.data;
  fill_in(data.input, stored.data.input, {});
  fill_in(data.class_names, stored.data.class_names, {});
  fill_in(data.validation_images, stored.data.validation_images, {});
  TrainingSettings& training = requested.evaluator.training;
  fill_in(training.batch_size, stored.evaluator.training.batch_size, 0);
  fill_in(training.epochs, stored.evaluator.training.epochs, 0);
  fill_in(training.learning_rate_every, stored.evaluator.training.learning_rate_every, 0);
  fill_in(training.chance_epochs, stored.evaluator.training.chance_epochs, 0);
  Objective& objective = requested.evaluator.objective;
  const Objective& known = stored.evaluator.objective;
  const auto limits = objective.limits;
  if (objective.is_unset()) objective = known;
  objective.limits = limits;
  if (objective.measure.empty() || (objective.is_accuracy() && known.is_accuracy()))
    objective.measure = known.measure;
  if (!objective.direction) objective.direction = known.direction;
  if (!known.direction && objective.direction == datasets::Direction::maximize)
    objective.direction.reset();
  return requested;
}

}  // namespace metaqnn::search
