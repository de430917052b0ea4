#include "kernels/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace metaqnn::kernels {

void parallel_for(Eigen::Index parts, int threads, const std::function<void(Eigen::Index)>& run) {
  std::atomic<Eigen::Index> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (Eigen::Index part; (part = next++) < parts;) run(part);
    } catch (...) {
      next = parts;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  std::vector<std::jthread> helpers;
  for (Eigen::Index i = 1; i < std::min<Eigen::Index>(threads, parts); ++i)
    helpers.emplace_back(work);
  work();
  helpers.clear();  // joins
  if (failure) std::rethrow_exception(failure);
}

}  // namespace metaqnn::kernels
