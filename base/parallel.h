// How is a loop of independent parts shared between threads?
//
//   parallel_for(rows, threads, [&](int64_t row) { result.row(row) = ...; });
//
// The parts are taken in their order by whichever thread is free, so they may be unequal; what each
// writes must not depend on which thread runs it. The first exception is thrown again in the caller
// after all threads have ended. Cost: one thread started for each beyond the first.
#pragma once

#include <cstdint>
#include <functional>

namespace metaqnn {

// Processor cores that this process may use; and these where `threads` is 0.
int available_cores();
int threads_or_cores(int threads);

void parallel_for(int64_t parts, int threads, const std::function<void(int64_t)>& run);

}  // namespace metaqnn
