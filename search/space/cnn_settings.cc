// Are the settings of a CNN space a space?
#include <algorithm>

#include "metaqnn/base/error.h"
#include "search/space/cnn_rules.h"

namespace metaqnn::search {
namespace {

constexpr int kLargestSize = 65536;  // the limits of the grammar, architecture.h
constexpr int kLargestField = 255;
constexpr int kLargestDepth = 999;

std::string name_of(int value) { return std::to_string(value); }
std::string name_of(const Pooling& pooling) { return to_string(Layer(pooling)); }

[[noreturn]] void refuse(const std::string& key, const std::string& why) {
  throw UsageError("space." + key + ": " + why);
}

void check_range(const std::string& key, int value, int smallest, int largest) {
  if (value >= smallest && value <= largest) return;
  refuse(key, std::to_string(value) + " is not a whole number from " + std::to_string(smallest) +
                  " to " + std::to_string(largest));
}

template <typename T>
void check_different(const std::string& key, const std::vector<T>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::find(values.begin(), values.begin() + i, values[i]) != values.begin() + i)
      refuse(key, name_of(values[i]) + " stands there twice");
  }
}

void check_list(const std::string& key, const std::vector<int>& values, int largest,
                const std::string& instead) {
  if (values.empty()) refuse(key, "the list is empty; " + instead);
  for (int value : values) check_range(key, value, 1, largest);
  check_different(key, values);
}

void check_bin(const SizeBin& bin, size_t index) {
  const std::string key = "size_bins, bin " + std::to_string(index + 1) + ", ";
  for (int field : bin.convolution_fields) {
    check_range(key + "convolution_fields", field, 1, kLargestField);
    if (field % 2 == 0) {
      refuse(key + "convolution_fields",
             std::to_string(field) + " is even, which cannot keep the size; use an odd field");
    }
  }
  check_different(key + "convolution_fields", bin.convolution_fields);
  for (const Pooling& pooling : bin.pooling) {
    check_range(key + "pooling, field", pooling.field, 1, kLargestField);
    check_range(key + "pooling, stride", pooling.stride, 1, kLargestField);
    if (pooling.field > bin.smallest) {
      refuse(key + "pooling", name_of(pooling) + " is larger than the bin's smallest size, " +
                                  std::to_string(bin.smallest) +
                                  "; every layer of a bin must fit all its sizes");
    }
  }
  check_different(key + "pooling", bin.pooling);
}

void check_bins(const std::vector<SizeBin>& bins) {
  if (bins.empty()) refuse("size_bins", "the list is empty; the last bin begins at size 1");
  for (size_t i = 0; i < bins.size(); ++i) {
    check_range("size_bins, bin " + std::to_string(i + 1) + ", smallest", bins[i].smallest, 1,
                kLargestSize);
    if (i > 0 && bins[i].smallest >= bins[i - 1].smallest) {
      refuse("size_bins", "bin " + std::to_string(i + 1) + " begins at size " +
                              std::to_string(bins[i].smallest) + " after one that begins at " +
                              std::to_string(bins[i - 1].smallest) +
                              "; order them from the largest sizes to the smallest");
    }
    check_bin(bins[i], i);
  }
  if (bins.back().smallest != 1) {
    refuse("size_bins", "the last bin begins at size " + std::to_string(bins.back().smallest) +
                            "; it must begin at 1, so that every size has a bin");
  }
}

// Of lists; 0 layers or branches: none.
void check_lists(const CnnSpaceSettings& settings) {
  check_range("residual_layers", settings.residual_layers, 0, kLargestDepth);
  check_range("split_layers", settings.split_layers, 1, kLargestDepth);
  check_range("split_branches", settings.split_branches, 0, kLargestDepth);
  if (settings.split_branches == 1)
    refuse("split_branches", "a split has at least 2 branches; 0 for a space without");
  for (const auto& [key, filters] : {std::pair("residual_filters", &settings.residual_filters),
                                     std::pair("split_filters", &settings.split_filters)}) {
    for (int value : *filters) check_range(key, value, 1, kLargestSize);
    check_different(key, *filters);
  }
}

}  // namespace

void check(const CnnSpaceSettings& settings) {
  for (int side : {settings.input.channels, settings.input.height, settings.input.width})
    check_range("input", side, 1, kLargestSize);
  check_range("classes", settings.classes, 1, kLargestSize);
  check_range("depth_limit", settings.depth_limit, 1, kLargestDepth);
  check_list("convolution_filters", settings.convolution_filters, kLargestSize,
             "for a space without C leave the bins' convolution_fields empty");
  check_list("convolution_strides", settings.convolution_strides, kLargestField,
             "stride 1 keeps the size");
  check_list("fully_connected_neurons", settings.fully_connected_neurons, kLargestSize,
             "for a space without FC set fully_connected_in_a_row = 0");
  check_range("fully_connected_in_a_row", settings.fully_connected_in_a_row, 0, kLargestDepth);
  check_bins(settings.bins);
  check_lists(settings);
}

}  // namespace metaqnn::search
