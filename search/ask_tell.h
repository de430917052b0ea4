// Who trains what a study proposes, where that is somebody else's program? ask() reserves the next
// networks of the study's own strategy, tell() stores what became of one.
//
// A reservation is a running trial without a worker, which holds until its lease ends. One that was
// never told is given out again, before anything new, by ask() or to a worker, and has then cost
// an attempt. Whoever tells first is heard; until then a result that comes late is as good as any.
// Any number of processes ask and tell at once, beside workers too: a study of the evaluator "told"
// has results by tell() alone, in others workers train what nobody has asked for. A process that is
// killed in ask() leaves reservations at most, which expire.
//
//   const auto study = open_study("sqlite:///mine.db");
//   for (const Trial& trial : ask(*study, 4, std::chrono::hours(1)))
//     tell(*study, trial.number, {.value = measure(trial.architecture)});
//
// Cost of ask(): the strategy learns from all samples once a call, as a worker's does once.
// Errors: those of a Study, and UsageError as said below.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

// So many reserved trials, with the times at which their leases end; fewer where the schedule is
// done, the space exhausted, all that is left reserved, or a lease over before the last is found.
// One process that asks for one, tells it, and asks again makes the study that a search makes.
// Once `stop` is set it ends with those that it has.
std::vector<Trial> ask(Study& study, int64_t count, std::chrono::seconds lease,
                       const std::atomic<bool>* stop = nullptr);

// Of these trials, as ask() gave them, those that are still reserved by it go back: they wait, and
// are given out before anything new, with no attempt more. Returns how many.
int64_t give_back(Study& study, const std::vector<Trial>& reserved);

// What became of a network: a value, or a failure.
struct Told {
  // Of what the study searches for, in its unit; a validation accuracy is a fraction.
  std::optional<double> value = {};
  std::map<std::string, double> measures = {};  // others by their names
  std::vector<EpochResult> curve = {};
  // As Trial::fail() takes it: "not learning" counts as a model, other words are kept as they
  // stand.
  std::optional<std::string> failure = {};
};

// An epoch by the names of its figures: training_loss, training_accuracy, validation_loss,
// validation_accuracy and `measure`; what is not there is not known (NaN). Throws UsageError for another
// name.
EpochResult epoch_of(const std::map<std::string, double>& figures, const std::string& measure);

// Stores it, and returns the trial as it is stored: one above a limit of the objective has failed.
// Throws UsageError, and changes nothing, where there is no such trial, it has a result or a worker
// trains it; where there is neither a value nor a failure, or both; and for a number that is not
// finite, or no fraction where it must be one.
Trial tell(Study& study, int64_t trial, const Told& told);

}  // namespace metaqnn::search
