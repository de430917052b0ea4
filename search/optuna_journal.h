// How does a study look in the dashboard of Optuna (optuna.org)?
//
// As the journal that its JournalStorage reads, 3.1 and later: one operation a line, in JSON; one
// makes the study, each of the others a trial.
//
//   ours                         there
//   complete, failed, stopped    COMPLETE, FAIL, PRUNED
//   running, waiting             RUNNING, WAITING
//   value                        value of what is complete; of what was stopped the last of its curve
//   value after each epoch       intermediate values; epochs from 1 on
//   layers, tokens of a template categorical parameters "layer 1", ... or "slot 1", ..., whose choices
//                                are those that the study holds; the softmax layer is none
//   all else that is known       user attributes, among them the architecture and trial, its number,
//                                which Optuna counts from 0
//
// Times are UTC, without saying so, as Optuna wants them; that of the beginning is the end less the
// seconds that the trial took. The study is called as its file or database, its objective as its
// measure.
//
//   write_file("quick.journal", to_optuna_journal(*open_study_to_read("sqlite:///quick.db")));
#pragma once

#include <string>

#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

std::string to_optuna_journal(Study& study);

}  // namespace metaqnn::search
