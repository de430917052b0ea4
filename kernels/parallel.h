// How is a loop of independent parts shared between threads?
//
//   parallel_for(rows, threads, [&](Eigen::Index row) { result.row(row) = ...; });
//
// The parts are taken in their order by whichever thread is free, so they may be unequal; what each
// writes must not depend on which thread runs it. The first exception is thrown again in the caller
// after all threads have ended. Cost: one thread started for each beyond the first.
#pragma once

#include <Eigen/Core>
#include <functional>

namespace metaqnn::kernels {

void parallel_for(Eigen::Index parts, int threads, const std::function<void(Eigen::Index)>& run);

}  // namespace metaqnn::kernels
