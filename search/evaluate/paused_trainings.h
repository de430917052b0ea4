// Where do stopped trainings wait, in case they are finished later? In a folder, one unfinished
// checkpoint (search/evaluate/checkpoint.h) for each: trial-12.checkpoint.
//
// A file is a saving of time, never the truth: what the study does not confirm is not used. A
// training goes on from a file whose curve is, number by number, the one that the study has of the
// trial; without one it begins anew and comes to the same.
//
//   PausedTrainings paused("search.db-stopped");
//   paused.keep(checkpoint);                 // of trial checkpoint.facts.trial
//   paused.find(trial);                      // nothing, or what it goes on from
//   paused.tidy(study.trials(false), datasets::Direction::maximize, 1e9);
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "search/evaluate/checkpoint.h"

namespace metaqnn::search {

class PausedTrainings {
 public:
  // "": nothing is kept and nothing found.
  explicit PausedTrainings(std::filesystem::path folder = {}) : folder_(std::move(folder)) {}

  bool keeps() const { return !folder_.empty(); }
  // The folder is made if need be. Throws FailureError where it cannot be written.
  void keep(const Checkpoint& checkpoint) const;
  // Of a trial that has its curve. Nothing where there is no file, where it is damaged, or of another
  // training.
  std::optional<Checkpoint> find(const Trial& trial) const;
  // Removes the files of trials that are finished but not stopped, and of the stopped ones those
  // beyond `max_bytes` in all, best value first. `trials`: of the study, in any order; what is in hand
  // is left alone.
  void tidy(std::vector<Trial> trials, datasets::Direction direction, double max_bytes) const;

 private:
  std::filesystem::path file(int64_t trial) const;

  std::filesystem::path folder_;
};

}  // namespace metaqnn::search
