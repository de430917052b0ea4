#include "search/evaluate/image_source.h"

namespace metaqnn::search {

datasets::ImageSource image_source(const DataSettings& data) {
  datasets::ImageSource source;
  source.name = data.name;
  source.folder = data.path;
  if (!data.input.empty()) source.input = parse_shape(data.input);
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
