// A training that has not ended, as a checkpoint and back. Included by .cc files of search/evaluate
// alone.
//
//   Checkpoint checkpoint = blank_checkpoint(architecture, data_settings, training, data, image);
//   checkpoint.facts.curve = curve;             // after each epoch
//   take_state(run.state(), checkpoint);
//   restore(checkpoint, another_run);           // which goes on as the first would
#pragma once

#include "search/evaluate/checkpoint.h"
#include "search/evaluate/libtorch/device_data.h"
#include "search/evaluate/libtorch/training_run.h"

namespace metaqnn::search {

// What is known before the first epoch, but for most of the facts. `image`: the shape of the data set's
// images.
Checkpoint blank_checkpoint(const Architecture& architecture, const DataSettings& settings,
                            const TrainingSettings& training, const DeviceData& data,
                            const Shape& image);

// The weights of the last epoch in the facts' curve: the best ones, or only what the next epoch
// needs.
void take_state(const RunState& state, Checkpoint& checkpoint);

// Throws DataError where the state is not one of such a network and optimizer.
void restore(const Checkpoint& checkpoint, TrainingRun& run);

}  // namespace metaqnn::search
