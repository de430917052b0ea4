// The CPU's own layers, on every instruction set of this machine.
#include "search/evaluate/libtorch/layers.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

#include "tests/each_target.h"

namespace metaqnn::search {
namespace {

struct Case {
  int channels, field, stride;
};

at::Tensor map_of(int channels, at::ScalarType type) {
  // Whole numbers in part, so that windows have ties, and some without a positive number.
  const at::Tensor values = at::randn({3, channels, 11, 14});
  return at::where(values.abs().gt(1), values.round(), values)
      .sub(0.5)
      .to(type)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor plain(const at::Tensor& x, const Case& c) {
  return at::max_pool2d(at::relu(x), c.field, c.stride);
}

at::Tensor gradient_of(const at::Tensor& output, const at::Tensor& x, const at::Tensor& weights) {
  return torch::autograd::grad({output}, {x}, {weights})[0];
}

class PoolingOfEachKind : public ::testing::TestWithParam<Case> {};

TEST_P(PoolingOfEachKind, HasTheValuesOfLibTorchToTheLastBit) {
  at::manual_seed(1);
  tests::for_each_target([&] {
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      const at::Tensor x = map_of(GetParam().channels, type);
      const at::Tensor pooled = relu_max_pool(x, GetParam().field, GetParam().stride);
      EXPECT_TRUE(pooled.equal(plain(x, GetParam()))) << type;
      EXPECT_TRUE(pooled.is_contiguous(at::MemoryFormat::ChannelsLast));
    }
  });
}

TEST_P(PoolingOfEachKind, HasTheGradientOfLibTorch) {
  at::manual_seed(2);
  tests::for_each_target([&] {
    const at::Tensor x = map_of(GetParam().channels, at::kFloat).requires_grad_();
    const at::Tensor expected = plain(x, GetParam());
    const at::Tensor weights = at::randn_like(expected);
    const at::Tensor pooled = relu_max_pool(x, GetParam().field, GetParam().stride);
    EXPECT_TRUE(at::allclose(gradient_of(pooled, x, weights), gradient_of(expected, x, weights),
                             1e-6, 1e-6));
  });
}

// Sums of overlapping windows are rounded once; LibTorch's may be rounded at each window.
TEST_P(PoolingOfEachKind, RoundsBfloat16GradientsToTheNearest) {
  at::manual_seed(3);
  tests::for_each_target([&] {
    const at::Tensor x = map_of(GetParam().channels, at::kBFloat16).requires_grad_();
    const at::Tensor wide = x.detach().to(at::kFloat).requires_grad_();
    const at::Tensor pooled = relu_max_pool(x, GetParam().field, GetParam().stride);
    const at::Tensor weights = at::randn_like(pooled);
    const at::Tensor exact = gradient_of(plain(wide, GetParam()), wide, weights.to(at::kFloat));
    EXPECT_TRUE(gradient_of(pooled, x, weights).equal(exact.to(at::kBFloat16)));
  });
}

INSTANTIATE_TEST_SUITE_P(Layers, PoolingOfEachKind,
                         ::testing::Values(Case{1, 2, 2}, Case{3, 3, 2}, Case{8, 2, 2},
                                           Case{17, 5, 3}, Case{40, 3, 2}, Case{64, 2, 3},
                                           Case{70, 2, 1}, Case{16, 1, 1}, Case{4, 11, 1}));

TEST(Pooling, PassesNaNOnWhateverItsSign) {
  tests::for_each_target([&] {
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      for (const float nan :
           {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()}) {
        at::Tensor x = map_of(20, type);
        x[1][7][4][4] = nan;
        const at::Tensor pooled = relu_max_pool(x, 2, 2);
        EXPECT_TRUE(pooled[1][7][2][2].isnan().item<bool>());
        EXPECT_EQ(pooled.isnan().sum().item<int>(), 1);
        const at::Tensor y = map_of(20, type).requires_grad_();
        for (const int field : {1, 3}) {  // windows apart, and windows whose gradients are summed
          const auto gradient_of_all = [&](float value) {
            const at::Tensor output = relu_max_pool(y, field, 1);
            return gradient_of(output, y, at::full_like(output, value));
          };
          EXPECT_TRUE(gradient_of_all(nan).isnan().equal(gradient_of_all(1).gt(0)));
        }
      }
    }
  });
}

TEST(Dropout, KeepsOrDropsANumberAndItsGradientAlike) {
  tests::for_each_target([&] {
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      at::manual_seed(4);
      const at::Tensor x = map_of(37, type).requires_grad_();
      const at::Tensor dropped = dropout(x, 0.25);
      const at::Tensor gradient = gradient_of(dropped, x, at::ones_like(x));
      const at::Tensor kept = gradient.ne(0);
      const double scale = 256.0 / (256 - 64);
      EXPECT_TRUE(gradient.equal(kept.to(type).mul(scale))) << type;
      EXPECT_TRUE(dropped.equal((x.to(at::kFloat) * kept * scale).to(type))) << type;
      EXPECT_NEAR(kept.to(at::kFloat).mean().item<double>(), 0.75, 0.02);
      const at::Tensor nans = dropout(at::full_like(x, -NAN), 0.01);
      EXPECT_TRUE(nans.isnan().equal(nans.ne(0)));
    }
  });
}

TEST(Dropout, FollowsTheSeedAndDropsOthersEachTime) {
  const at::Tensor x = at::ones({1000});
  at::manual_seed(5);
  const at::Tensor first = dropout(x, 0.5), second = dropout(x, 0.5);
  at::manual_seed(5);
  EXPECT_TRUE(dropout(x, 0.5).equal(first));
  EXPECT_FALSE(second.equal(first));
}

}  // namespace
}  // namespace metaqnn::search
