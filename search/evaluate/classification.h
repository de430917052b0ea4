// How well are images classified, and what is taken for what?
//
//   Classification of_one = classify(network->probabilities(data.test), data.test.labels);
//   of_one.error();         // 0.083
//   of_one.confusion(3, 5)  // images of class 3 that were taken for class 5
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

namespace metaqnn::search {

struct Classification {
  // classes x classes: row = label, column = answer; numbers of images.
  Eigen::Matrix<int64_t, Eigen::Dynamic, Eigen::Dynamic> confusion;

  // Fraction of all images, or of those with one label, whose answer is wrong; NaN where there are
  // none.
  double error() const;
  double class_error(int label) const;
};

// The answer is the class with the highest probability, the first of equals. `probabilities`: n x
// classes, any scores will do; as many labels as rows.
Classification classify(const Eigen::MatrixXd& probabilities, const std::vector<int32_t>& labels);

// The committee's probabilities: the mean of its members', all n x classes. At least one member.
Eigen::MatrixXd mean_probabilities(const std::vector<Eigen::MatrixXd>& members);

}  // namespace metaqnn::search
