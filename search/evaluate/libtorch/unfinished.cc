#include "search/evaluate/libtorch/unfinished.h"

#include <cmath>

#include "search/evaluate/image_source.h"

namespace metaqnn::search {

Checkpoint blank_checkpoint(const Architecture& architecture, const DataSettings& settings,
                            const TrainingSettings& training, const DeviceData& data,
                            const Shape& image) {
  Checkpoint checkpoint;
  checkpoint.architecture = identity(architecture);
  checkpoint.image = image;
  checkpoint.input = data.shape();
  checkpoint.classes = data.classes();
  checkpoint.batch_normalization = training.batch_normalization;
  checkpoint.dropout = training.dropout;
  checkpoint.data_set = settings.name;
  checkpoint.class_names = image_facts(settings).class_names;
  checkpoint.fit = datasets::parse_fit(settings.fit);
  checkpoint.preprocessing = datasets::parse_preprocessing(settings.preprocessing);
  checkpoint.normalization = data.normalization();
  checkpoint.unfinished.emplace();
  return checkpoint;
}

void take_state(const RunState& state, Checkpoint& checkpoint) {
  TrainingFacts& facts = checkpoint.facts;
  const double accuracy = facts.curve.back().validation_accuracy;
  const bool validated = !std::isnan(accuracy);
  UnfinishedTraining& unfinished = *checkpoint.unfinished;
  unfinished = {{}, {}, state.optimizer};
  if (!validated || !facts.validation_accuracy || accuracy > *facts.validation_accuracy) {
    checkpoint.parameters = to_vector(state.parameters);
    checkpoint.running_statistics = to_vector(state.running_statistics);
    facts.best_epoch = static_cast<int>(facts.curve.size());
    if (validated) facts.validation_accuracy = accuracy;
  } else {
    unfinished.parameters = to_vector(state.parameters);
    unfinished.running_statistics = to_vector(state.running_statistics);
  }
}

void restore(const Checkpoint& checkpoint, TrainingRun& run) {
  const UnfinishedTraining& unfinished = *checkpoint.unfinished;
  const bool last_is_best = unfinished.parameters.empty();
  run.restore(
      {to_tensor(last_is_best ? checkpoint.parameters : unfinished.parameters),
       to_tensor(last_is_best ? checkpoint.running_statistics : unfinished.running_statistics),
       unfinished.optimizer});
}

}  // namespace metaqnn::search
