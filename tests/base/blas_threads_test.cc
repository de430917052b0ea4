#include "base/blas_threads.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "kernels/dense.h"
#include "kernels/positive_definite.h"
#include "tests/matrix.h"

namespace metaqnn {
namespace {

// The number of the process: what a call under way is computed with.
class OpenBlas : public testing::Test {
 protected:
  void SetUp() override {
    if (get_ == nullptr) GTEST_SKIP() << "BLAS is not OpenBLAS";
    set_blas_threads(2);
  }
  int threads() const { return get_(); }

 private:
  using Get = int (*)();
  const Get get_ = reinterpret_cast<Get>(dlsym(RTLD_DEFAULT, "openblas_get_num_threads"));
};
using BlasThreadsOf = OpenBlas;

TEST_F(BlasThreadsOf, ACallAreThoseAskedForAndThenThoseFoundBefore) {
  for (int asked : {1, 2, 3}) {
    const BlasThreads scope(asked);
    EXPECT_EQ(threads(), 2);  // nothing is set before the call
    {
      const BlasCall call;
      EXPECT_EQ(threads(), asked);
    }
    EXPECT_EQ(threads(), 2);
  }
}

TEST_F(BlasThreadsOf, AnInnerScopeHideThoseOfTheOuterOne) {
  const auto during_call = [this] {
    const BlasCall call;
    return threads();
  };
  const BlasThreads outer(3);
  EXPECT_EQ(during_call(), 3);
  {
    const BlasThreads inner(1);
    EXPECT_EQ(during_call(), 1);
  }
  EXPECT_EQ(during_call(), 3);
}

TEST_F(BlasThreadsOf, OneThreadAreNotThoseOfAnother) {
  const BlasThreads one(1);
  int other = 0;
  std::jthread([&] {
    const BlasCall call;
    other = threads();
  }).join();
  EXPECT_EQ(other, 2);
}

TEST_F(BlasThreadsOf, ACallThatThrowsAreReturned) {
  const BlasThreads one(1);
  EXPECT_THROW(kernels::decompose(Eigen::MatrixXd(2, 3)), std::exception);
  try {
    const BlasCall call;
    throw std::runtime_error("in the middle");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(threads(), 2);
}

TEST_F(BlasThreadsOf, TheProcessMayBeSetDuringACall) {
  const BlasThreads one(1);
  {
    const BlasCall call;
    set_blas_threads(3);
    EXPECT_EQ(threads(), 1);
  }
  EXPECT_EQ(threads(), 3);
}

// Each thread asks for a number of its own, or the same as another, again and again.
TEST_F(BlasThreadsOf, CallsThatOverlapAreTheirOwnThroughout) {
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> callers;
    for (int asked : {1, 1, 2, 3, 3}) {
      callers.emplace_back([&, asked] {
        const BlasThreads mine(asked);
        for (int i = 0; i < 300; ++i) {
          const BlasCall call;
          wrong += threads() != asked;
          std::this_thread::yield();
          wrong += threads() != asked;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(threads(), 2);
}

// Two calls of the same number: neither ends before the other has begun.
TEST_F(BlasThreadsOf, CallsOfTheSameNumberRunBesideEachOther) {
  std::atomic<int> inside{0};
  const auto meet = [&] {
    const BlasThreads one(1);
    const BlasCall call;
    ++inside;
    while (inside < 2) std::this_thread::yield();
  };
  std::jthread first(meet), second(meet);
}

TEST_F(BlasThreadsOf, ProductsAndDecompositionsAreTheSameBesideOthersAsAlone) {
  const Eigen::MatrixXd a = tests::random_matrix(300, 300, 1);
  const Eigen::MatrixXd symmetric = a + a.transpose();
  const auto compute = [&](int asked) {
    const BlasThreads mine(asked);
    return Eigen::MatrixXd(kernels::product(kernels::decompose(symmetric).vectors, a));
  };
  const std::vector<int> asked{1, 2, 1, 2};
  std::vector<Eigen::MatrixXd> beside(asked.size());
  {
    std::vector<std::jthread> callers;
    for (size_t i = 0; i < asked.size(); ++i)
      callers.emplace_back([&, i] { beside[i] = compute(asked[i]); });
  }
  for (size_t i = 0; i < asked.size(); ++i) EXPECT_EQ(beside[i], compute(asked[i]));
}

}  // namespace
}  // namespace metaqnn
