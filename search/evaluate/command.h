// Has a program of the user's train and measure each network: a script in any language, run once a
// trial. The protocol is docs/command.md: what it needs to know stands in environment variables, and
// lines of its standard output that are JSON objects are reports.
//
// A program that ends with another status than 0, is killed, takes longer than max_seconds, says that
// it has failed, reports no value of what is searched for or one that is no finite number, or writes more
// than kMostOutput, makes a failed trial, whose detail says so and ends with its last words. It runs
// as search/evaluate/guarded_process.h says.
#pragma once

#include <cstdint>
#include <memory>

#include "metaqnn/search/evaluate/evaluator.h"

namespace metaqnn::search {

// Bytes of standard output and error together.
constexpr int64_t kMostOutput = 64 << 20;

// Ends what earlier workers that are dead have left. Throws UsageError where no command is given or
// it cannot be started.
std::unique_ptr<Evaluator> make_command_evaluator(const EvaluatorSettings& settings,
                                                  const Resources& resources);

}  // namespace metaqnn::search
