#include "architecture/features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace metaqnn {
namespace {

constexpr int kPositionColumns = 8;

template <typename T>
double log2_of(T value) {
  return std::log2(static_cast<double>(value));
}

// Names and values are listed in one place, in one order.
class Features {
 public:
  void add(const char* group, std::string name, double value) {
    columns.push_back({std::move(name), group});
    values.push_back(value);
  }
  std::vector<FeatureColumn> columns;
  std::vector<double> values;
};

struct PlacedConvolution {
  Convolution layer;
  int input_side;
};

// What one pass over the layers gathers.
struct Survey {
  std::vector<PlacedConvolution> convolutions;
  std::vector<Pooling> poolings;
  std::vector<int> neurons;
  std::vector<double> log2_fan_in;  // of C and FC
  int depth = 0, gap = 0, longest_run = 0;
  int first_pooling = -1, last_pooling = -1;
  bool starts_with_pooling = false, ends_with_pooling = false;
  Shape map;    // what the last C or P left
  Shape final;  // what the softmax layer reads
  double receptive_field = 1, total_stride = 1;
};

void widen_field(Survey& survey, int field, int stride) {
  survey.receptive_field += (field - 1) * survey.total_stride;
  survey.total_stride *= stride;
}

Survey survey_layers(const Analysis& analysis) {
  Survey survey;
  survey.map = survey.final = analysis.input;
  int run = 0;
  for (const LayerAnalysis& layer : analysis.layers) {
    const Shape input = survey.final;
    bool pooling = false, convolution = false, described = true;
    std::visit(Match{[&](const Convolution& c) {
                       survey.convolutions.push_back({c, input.height});
                       survey.log2_fan_in.push_back(
                           std::log2(double{1} * c.field * c.field * input.channels));
                       widen_field(survey, c.field, c.stride);
                       survey.map = layer.output;
                       convolution = true;
                     },
                     [&](const Pooling& p) {
                       survey.poolings.push_back(p);
                       widen_field(survey, p.field, p.stride);
                       survey.map = layer.output;
                       if (survey.first_pooling < 0) survey.first_pooling = survey.depth;
                       survey.last_pooling = survey.depth;
                       pooling = true;
                     },
                     [&](const FullyConnected& f) {
                       survey.neurons.push_back(f.neurons);
                       survey.log2_fan_in.push_back(log2_of(input.elements()));
                     },
                     [&](const GlobalAveragePooling&) { ++survey.gap; },
                     [&](const Dropout&) { described = false; },
                     [&](const Softmax&) { described = false; }},
               layer.layer);
    if (!described) continue;
    run = convolution ? run + 1 : 0;
    survey.longest_run = std::max(survey.longest_run, run);
    if (survey.depth == 0) survey.starts_with_pooling = pooling;
    survey.ends_with_pooling = pooling;
    survey.final = layer.output;
    ++survey.depth;
  }
  return survey;
}

void add_counts(Features& out, const Survey& survey) {
  const auto with_field = [&](int from, int to) {
    return std::count_if(
        survey.convolutions.begin(), survey.convolutions.end(),
        [&](const auto& c) { return c.layer.field >= from && c.layer.field < to; });
  };
  out.add("counts", "depth", survey.depth);
  out.add("counts", "convolutions", static_cast<double>(survey.convolutions.size()));
  out.add("counts", "poolings", static_cast<double>(survey.poolings.size()));
  out.add("counts", "fully_connected", static_cast<double>(survey.neurons.size()));
  out.add("counts", "global_average_poolings", survey.gap);
  out.add("counts", "convolutions_field_1", static_cast<double>(with_field(1, 2)));
  out.add("counts", "convolutions_field_3", static_cast<double>(with_field(2, 4)));
  out.add("counts", "convolutions_field_5_up", static_cast<double>(with_field(4, 256)));
}

void add_sizes(Features& out, const Survey& survey, const Analysis& analysis) {
  double weights = 0;
  int channels = analysis.input.channels;
  for (const auto& [c, side] : survey.convolutions) {
    weights += double{1} * c.filters * c.field * c.field * channels;
    channels = c.filters;
  }
  out.add("sizes", "log2_parameters", log2_of(1 + analysis.parameters));
  out.add("sizes", "log2_macs", log2_of(1 + analysis.macs));
  out.add("sizes", "log2_convolution_weights", log2_of(1 + weights));
  out.add("sizes", "log2_softmax_inputs", log2_of(survey.final.elements()));
  out.add("sizes", "log2_final_side", log2_of(survey.map.height));
  out.add("sizes", "log2_final_channels", log2_of(survey.map.channels));
  out.add("sizes", "log2_receptive_field", std::log2(survey.receptive_field));
  out.add("sizes", "log2_total_stride", std::log2(survey.total_stride));
}

// Numbers that an output of a convolution or of a layer of neurons adds up.
void add_fan_in(Features& out, const Survey& survey) {
  double sum = 0;
  for (double fan_in : survey.log2_fan_in) sum += fan_in;
  const auto& all = survey.log2_fan_in;
  const bool any = !all.empty();
  out.add("sizes", "mean_log2_fan_in", any ? sum / static_cast<double>(all.size()) : 0);
  out.add("sizes", "min_log2_fan_in", any ? *std::min_element(all.begin(), all.end()) : 0);
  out.add("sizes", "max_log2_fan_in", any ? *std::max_element(all.begin(), all.end()) : 0);
  out.add("sizes", "last_log2_fan_in", any ? all.back() : 0);
}

void add_widths(Features& out, const Survey& survey) {
  std::vector<double> widths;
  for (const auto& c : survey.convolutions) widths.push_back(log2_of(c.layer.filters));
  double sum = 0;
  std::array<int, 4> count{};  // up to 64, 128, 256 filters, and more
  for (double width : widths) {
    sum += width;
    ++count[static_cast<size_t>(std::clamp(std::lround(width) - 6, 0L, 3L))];
  }
  const bool any = !widths.empty();
  out.add("widths", "mean_log2_filters", any ? sum / static_cast<double>(widths.size()) : 0);
  out.add("widths", "min_log2_filters", any ? *std::min_element(widths.begin(), widths.end()) : 0);
  out.add("widths", "max_log2_filters", any ? *std::max_element(widths.begin(), widths.end()) : 0);
  out.add("widths", "first_log2_filters", any ? widths.front() : 0);
  out.add("widths", "last_log2_filters", any ? widths.back() : 0);
  out.add("widths", "convolutions_up_to_64", count[0]);
  out.add("widths", "convolutions_of_128", count[1]);
  out.add("widths", "convolutions_of_256", count[2]);
  out.add("widths", "convolutions_of_512_up", count[3]);
  double neurons = 0, fewest = 0;
  for (int n : survey.neurons) {
    neurons += log2_of(n);
    fewest = fewest == 0 ? log2_of(n) : std::min(fewest, log2_of(n));
  }
  out.add("widths", "sum_log2_neurons", neurons);
  out.add("widths", "min_log2_neurons", fewest);
}

void add_fields(Features& out, const Survey& survey) {
  double reach = 0, area = 0;
  for (const auto& c : survey.convolutions) {
    reach += c.layer.field - 1;
    area += double{1} * c.layer.field * c.layer.field;
  }
  int largest_pooling = 0;
  for (const Pooling& p : survey.poolings) largest_pooling = std::max(largest_pooling, p.field);
  const bool any = !survey.convolutions.empty();
  out.add("fields", "first_field", any ? survey.convolutions.front().layer.field : 0);
  out.add("fields", "last_field", any ? survey.convolutions.back().layer.field : 0);
  out.add("fields", "sum_of_fields", reach);
  out.add("fields", "sum_of_squared_fields", area);
  out.add("fields", "largest_pooling_field", largest_pooling);
}

// Convolutions by the side of the map they read, as a share of the input's side.
void add_resolutions(Features& out, const Survey& survey, int input_side) {
  struct Band {
    const char* name;
    double from;
    int count = 0;
    double reach = 0, width = 0;
  };
  std::array<Band, 4> bands{{{"full", 0.6}, {"half", 0.3}, {"quarter", 0.15}, {"eighth", 0}}};
  for (const auto& [c, side] : survey.convolutions) {
    Band& band = *std::find_if(bands.begin(), bands.end(),
                               [&, s = side](const Band& b) { return s >= b.from * input_side; });
    ++band.count;
    band.reach += (c.field - 1) / 2.0;
    band.width += log2_of(c.filters);
  }
  for (const Band& band : bands) {
    const std::string name = std::string("_at_") + band.name + "_side";
    out.add("arrangement", "convolutions" + name, band.count);
    out.add("arrangement", "sum_of_fields" + name, band.reach);
    out.add("arrangement", "sum_log2_filters" + name, band.width);
  }
}

// The same by that side in pixels, whatever the input's.
void add_sides(Features& out, const Survey& survey) {
  struct Band {
    int from;
    int count = 0;
    double reach = 0;
  };
  std::array<Band, 5> bands{{{24}, {12}, {6}, {3}, {0}}};
  for (const auto& [c, side] : survey.convolutions) {
    Band& band = *std::find_if(bands.begin(), bands.end(),
                               [s = side](const Band& b) { return s >= b.from; });
    ++band.count;
    band.reach += (c.field - 1) / 2.0;
  }
  for (const Band& band : bands) {
    const std::string name = "_at_side_from_" + std::to_string(band.from);
    out.add("arrangement", "convolutions" + name, band.count);
    out.add("arrangement", "sum_of_fields" + name, band.reach);
  }
}

void add_arrangement(Features& out, const Survey& survey, int input_side) {
  const int first = survey.first_pooling < 0 ? survey.depth : survey.first_pooling;
  out.add("arrangement", "longest_run_of_convolutions", survey.longest_run);
  out.add("arrangement", "first_pooling", first);
  out.add("arrangement", "first_pooling_share",
          survey.depth == 0 ? 0 : static_cast<double>(first) / survey.depth);
  out.add("arrangement", "last_pooling", survey.last_pooling);
  out.add("arrangement", "starts_with_pooling", survey.starts_with_pooling);
  out.add("arrangement", "ends_with_pooling", survey.ends_with_pooling);
  add_resolutions(out, survey, input_side);
  add_sides(out, survey);
}

Features all_features(const Architecture& architecture, const Shape& input) {
  const Analysis analysis = analyse(architecture, input);
  const Survey survey = survey_layers(analysis);
  Features out;
  add_counts(out, survey);
  add_sizes(out, survey, analysis);
  add_fan_in(out, survey);
  add_widths(out, survey);
  add_fields(out, survey);
  add_arrangement(out, survey, input.height);
  return out;
}

std::array<double, kPositionColumns> layer_features(const Layer& layer) {
  return std::visit(
      Match{[](const Convolution& c) -> std::array<double, kPositionColumns> {
              return {1, 0, 0, 0, log2_of(c.filters), double(c.field), double(c.stride), 0};
            },
            [](const Pooling& p) -> std::array<double, kPositionColumns> {
              return {0, 1, 0, 0, 0, double(p.field), double(p.stride), 0};
            },
            [](const FullyConnected& f) -> std::array<double, kPositionColumns> {
              return {0, 0, 1, 0, 0, 0, 0, log2_of(f.neurons)};
            },
            [](const GlobalAveragePooling&) -> std::array<double, kPositionColumns> {
              return {0, 0, 0, 1, 0, 0, 0, 0};
            },
            [](const auto&) -> std::array<double, kPositionColumns> { return {}; }},
      layer);
}

}  // namespace

std::vector<Layer> described_layers(const Architecture& architecture) {
  std::vector<Layer> layers;
  for (const Layer& layer : architecture.layers) {
    if (!std::holds_alternative<Dropout>(layer) && !std::holds_alternative<Softmax>(layer))
      layers.push_back(layer);
  }
  return layers;
}

const std::vector<FeatureColumn>& global_feature_columns() {
  static const std::vector<FeatureColumn> columns =
      all_features(Architecture{{Softmax{2}}}, {1, 1, 1}).columns;
  return columns;
}

Eigen::VectorXd global_features(const Architecture& architecture, const Shape& input) {
  const std::vector<double> values = all_features(architecture, input).values;
  return Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

std::vector<FeatureColumn> position_feature_columns(int positions) {
  constexpr std::array<const char*, kPositionColumns> kNames{
      "convolution",  "pooling", "fully_connected", "global_average_pooling",
      "log2_filters", "field",   "stride",          "log2_neurons"};
  std::vector<FeatureColumn> columns;
  for (int position = 1; position <= positions; ++position) {
    for (const char* name : kNames)
      columns.push_back({"layer_" + std::to_string(position) + "_" + name, "positions"});
  }
  return columns;
}

Eigen::VectorXd position_features(const Architecture& architecture, int positions) {
  const std::vector<Layer> layers = described_layers(architecture);
  Eigen::VectorXd features = Eigen::VectorXd::Zero(Eigen::Index{kPositionColumns} * positions);
  const int described = std::min(positions, static_cast<int>(layers.size()));
  for (int i = 0; i < described; ++i) {
    const auto values = layer_features(layers[static_cast<size_t>(i)]);
    std::copy(values.begin(), values.end(), features.data() + Eigen::Index{kPositionColumns} * i);
  }
  return features;
}

}  // namespace metaqnn
