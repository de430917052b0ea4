// How close is equal? Each tolerance with its reason.
#pragma once

namespace metaqnn::tests {

// A float32 network against the same one in double: sums of a few hundred products of numbers
// around 1, each rounded to 24 bits.
constexpr double kFloatNetwork = 1e-4;
// One multiplication and one addition in float32 of numbers up to 10.
constexpr double kFloatArithmetic = 1e-5;
// A small network trained in bfloat16 and in float32 from the same weights: the two walk apart, so
// only the accuracies are compared, on 500 images, whose binomial deviation at 0.7 is 0.02.
constexpr double kPrecisionAccuracy = 0.08;
// The estimate of training memory against the measured peak.
constexpr double kMemoryEstimate = 0.25;

}  // namespace metaqnn::tests
