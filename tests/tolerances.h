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

// A few additions and divisions in double of numbers around 1.
constexpr double kRounding = 1e-12;
// Sums of up to 2,000 numbers in double in two orders, relative.
constexpr double kRoundingOfSums = 1e-9;
// Systems of some dozens of equations solved in double in two ways; condition up to 1e5.
constexpr double kLinearAlgebra = 1e-8;
// Central differences with a step of 1e-6 against a derivative, relative: truncation is of the
// order of the step's square, rounding of 1e-16 / 1e-6 times the condition.
constexpr double kDerivative = 1e-4;
// The norm of left-out residuals of a clipped kernel in closed form against fitting without each
// point: measured 0.974 and 1.024 of it on 150 and 100 points.
constexpr double kLeftOutOfClipped = 0.05;
// A difference over a step of 0.1 against the derivative of the root of an edit distance by the
// logarithm of a cost, in parts of the largest entry: the second derivative is at most the first,
// and half a step of that is 5%; rounding distances above 1 to 1/256 adds up to as much again.
constexpr double kCostDerivative = 0.1;

}  // namespace metaqnn::tests
