// What several figures of a report draw alike.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "report/study.h"
#include "report/svg.h"

namespace metaqnn::report {

inline constexpr char kNoResult[] = "No network has a result yet.";

struct Mean {
  double sum = 0;
  int64_t count = 0;

  void add(double value) {
    sum += value;
    ++count;
  }
  double value() const { return sum / static_cast<double>(count); }
};

using Trials = std::vector<const search::Trial*>;

// The networks with an accuracy, apart by how they are drawn.
struct Groups {
  Trials searched, screened, not_learning;

  explicit Groups(const ReportedStudy& study);
  int64_t size() const {
    return static_cast<int64_t>(searched.size() + screened.size() + not_learning.size());
  }
};

using OfTrial = std::function<double(const search::Trial&)>;

std::vector<Point> points_of(const Trials& trials, const OfTrial& x);
// Around some values of the study's measure.
Axis value_axis(const ReportedStudy& study, const std::vector<double>& values);
std::vector<double> values_of(const ReportedStudy& study);
int64_t count_if(const ReportedStudy& study,
                 const std::function<bool(const search::Trial&)>& holds);

std::string of_chance(const ReportedStudy& study);
// What a figure of values cannot show; "" where that is nothing.
std::string left_out(const ReportedStudy& study);

double dot_size(size_t count);
void mark_groups(Chart& chart, const Groups& groups, const OfTrial& x);
std::string hint_of(const search::Trial& trial);
// Steps at each new best of the points, which are in the order of x.
std::vector<Point> running_best(const ReportedStudy& study, const std::vector<Point>& points,
                                double end);

// A measure that a learning curve shows.
bool is_of_a_curve(const std::string& measure);

// Of many trials so many, drawn by the study's seed, in their order.
Trials some_of(const Trials& trials, size_t most, const ReportedStudy& study, const char* purpose);

// Charts that are parts of one figure: three in a row, or below each other where it is narrow.
std::string panels(const Canvas& canvas, const std::string& name, size_t count,
                   const std::function<Chart(const Canvas&, size_t)>& chart);

}  // namespace metaqnn::report
