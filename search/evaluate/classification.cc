#include "search/evaluate/classification.h"

#include <limits>
#include <string>

#include "metaqnn/base/error.h"

namespace metaqnn::search {
namespace {

double share_of_wrong(int64_t right, int64_t all) {
  if (all == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(all - right) / static_cast<double>(all);
}

}  // namespace

double Classification::error() const { return share_of_wrong(confusion.trace(), confusion.sum()); }

double Classification::class_error(int label) const {
  return share_of_wrong(confusion(label, label), confusion.row(label).sum());
}

Classification classify(const Eigen::MatrixXd& probabilities, const std::vector<int32_t>& labels) {
  METAQNN_ASSERT(probabilities.rows() == static_cast<Eigen::Index>(labels.size()),
                 std::to_string(probabilities.rows()) + " rows for " +
                     std::to_string(labels.size()) + " labels");
  Classification result;
  result.confusion.setZero(probabilities.cols(), probabilities.cols());
  for (Eigen::Index i = 0; i < probabilities.rows(); ++i) {
    Eigen::Index answer = 0;
    probabilities.row(i).maxCoeff(&answer);
    ++result.confusion(labels[static_cast<size_t>(i)], answer);
  }
  return result;
}

Eigen::MatrixXd mean_probabilities(const std::vector<Eigen::MatrixXd>& members) {
  METAQNN_ASSERT(!members.empty(), "a committee of 0 members");
  Eigen::MatrixXd sum = members[0];
  for (size_t i = 1; i < members.size(); ++i) {
    METAQNN_ASSERT(members[i].rows() == sum.rows() && members[i].cols() == sum.cols(),
                   "members that saw different images");
    sum += members[i];
  }
  return sum / static_cast<double>(members.size());
}

}  // namespace metaqnn::search
