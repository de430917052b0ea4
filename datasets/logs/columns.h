// Which columns of a table are what? Chosen by what the reader was told, then by what the form says,
// then by names and content.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/logs/data_frame.h"
#include "metaqnn/base/error.h"
#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::datasets {

enum class Format { own, curves, replay, table };

// Columns are indices; -1 where the file does not have it.
struct EpochColumns {
  int training_loss = -1, training_accuracy = -1, validation_loss = -1, validation_accuracy = -1,
      value = -1;
};

struct Columns {
  Format format = Format::table;
  int architecture = -1;
  int target = -1;  // -1: the best of the curve
  Measure measure;
  bool holds_accuracies = false;  // by definition of the format
  int direction = -1;             // in which our export says which values of its measure are better
  int state = -1, reason = -1, samples = -1, best_iteration = -1, sequence = -1;
  std::map<std::string_view, int> fields;  // by their names in datasets/logs/fields.h
  std::vector<EpochColumns> epochs;
  std::vector<int> measures;  // beside the target
  std::vector<int> features;
  int budget = -1;  // one of the features
  std::vector<std::string> remarks;
};

// Nobody has said whether less or more of a measure is better, and its name suggests less.
class UnknownDirection : public UsageError {
 public:
  // `remedy`: how to say it.
  UnknownDirection(const std::string& source, const std::string& name, const std::string& remedy);

  std::string source, name;
};

// Throws UsageError where a column that is named is missing or holds no number, where one has to be
// named, or where the direction of the target has to be told (UnknownDirection).
Columns find_columns(const DataFrame& frame, const LogOptions& options);

// Those that a name, or a pattern with * and ?, means.
std::vector<int> matching_columns(const DataFrame& frame, const std::string& pattern);
// A column by its name; throws UsageError with the nearest.
int named_column(const DataFrame& frame, const std::string& name, const std::string& purpose);

}  // namespace metaqnn::datasets
