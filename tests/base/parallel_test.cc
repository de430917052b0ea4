#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "metaqnn/base/error.h"

namespace metaqnn {
namespace {

TEST(ParallelFor, RunsEachPartOnceWithAnyNumberOfThreads) {
  for (int threads : {1, 2, 3, 40}) {
    std::vector<std::atomic<int>> runs(20);
    parallel_for(20, threads, [&](int64_t part) { ++runs[static_cast<size_t>(part)]; });
    for (const auto& count : runs) EXPECT_EQ(count, 1) << threads << " threads";
  }
}

TEST(ParallelFor, OfNoPartsRunsNothing) {
  for (int threads : {1, 3}) {
    bool run = false;
    parallel_for(0, threads, [&](int64_t) { run = true; });
    EXPECT_FALSE(run);
  }
}

TEST(ParallelFor, WithOneThreadRunsInOrderInTheCaller) {
  std::vector<int64_t> order, expected(10);
  std::iota(expected.begin(), expected.end(), 0);
  const std::thread::id caller = std::this_thread::get_id();
  parallel_for(10, 1, [&](int64_t part) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(part);
  });
  EXPECT_EQ(order, expected);
}

TEST(ParallelFor, UsesNoMoreThreadsThanAskedFor) {
  std::mutex mutex;
  std::set<std::thread::id> seen;
  parallel_for(200, 3, [&](int64_t) {
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  EXPECT_LE(seen.size(), 3);
}

TEST(ParallelFor, ThrowsTheExceptionOfAPartAgain) {
  for (int threads : {1, 3}) {
    std::string message;
    try {
      parallel_for(10, threads, [](int64_t part) {
        if (part == 4) throw UsageError("part " + std::to_string(part) + " is wrong");
      });
    } catch (const UsageError& error) {
      message = error.what();
    }
    EXPECT_EQ(message, "part 4 is wrong") << threads << " threads";
  }
}

TEST(ParallelFor, ThrowsOneExceptionWhereAllPartsFail) {
  const auto fail = [](int64_t) { throw UsageError("wrong"); };
  EXPECT_THROW(parallel_for(10, 3, fail), UsageError);
}

TEST(ParallelFor, BeginsNoPartAfterAnException) {
  std::vector<int64_t> begun;
  EXPECT_THROW(parallel_for(10, 1,
                            [&](int64_t part) {
                              begun.push_back(part);
                              if (part == 2) throw UsageError("wrong");
                            }),
               UsageError);
  EXPECT_EQ(begun, (std::vector<int64_t>{0, 1, 2}));
}

}  // namespace
}  // namespace metaqnn
