#include "search/evaluate/image_source.h"

#include <string>

#include "metaqnn/base/error.h"

namespace metaqnn::search {
namespace {

// Of an open data set; a known one does not look at it.
Shape input_of(const std::string& text) {
  const auto refuse = [](const std::string& why) { throw UsageError("data.input: " + why); };
  Shape shape{};
  try {
    shape = parse_shape(text);
  } catch (const UsageError& error) {
    refuse(error.what());
  }
  if (shape.channels != 1 && shape.channels != 3)
    refuse(text + " has " + std::to_string(shape.channels) +
           " channels; pictures become images of 1 (grey) or 3 (colours)");
  return shape;
}

}  // namespace

datasets::ImageSource image_source(const DataSettings& data) {
  datasets::ImageSource source;
  source.name = data.name;
  source.folder = data.path;
  if (!data.input.empty()) source.input = input_of(data.input);
  source.fit = datasets::parse_fit(data.fit);
  source.class_names = data.class_names;
  source.test_share = data.test_share;
  source.test_seed = data.test_seed;
  return source;
}

datasets::DataSetFacts image_facts(const DataSettings& data) {
  const datasets::ImageSource source = image_source(data);
  const bool is_known =
      source.input && !source.class_names.empty() && datasets::find_data_set(data.name).is_open();
  return is_known ? datasets::DataSetFacts{*source.input, source.class_names, 0}
                  : datasets::look_at(source);
}

}  // namespace metaqnn::search
