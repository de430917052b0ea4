#include "architecture/features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace metaqnn {
namespace {

constexpr int kPositionColumns = 14;

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
  int input_side, input_channels;
};

// What one pass over the layers gathers.
struct Survey {
  std::vector<PlacedConvolution> convolutions;
  std::vector<DepthwiseConvolution> depthwise;
  std::vector<int> pooling_fields;  // of all kinds
  std::vector<int> neurons;
  std::vector<double> log2_fan_in;  // of C and FC
  int described = 0, gap = 0, longest_run = 0;
  int first_pooling = -1, last_pooling = -1;
  bool starts_with_pooling = false, ends_with_pooling = false;
  Shape map;    // what the last layer with a map left
  Shape final;  // what the softmax layer reads
  double receptive_field = 1, total_stride = 1;
  // Of what lists hold, and which lists.
  int residuals = 0, splits = 0, branches = 0, shortcuts = 0, in_residuals = 0, in_splits = 0;
  int average_poolings = 0, mixed_poolings = 0, normalizations = 0;
  double split_channels = 0;  // sum of their log2
};

class Surveyor {
 public:
  explicit Surveyor(const Analysis& analysis) {
    survey_.map = survey_.final = analysis.input;
    follow(analysis.layers);
  }
  const Survey& survey() const { return survey_; }

 private:
  void follow(const std::vector<LayerAnalysis>& layers) {
    for (const LayerAnalysis& layer : layers)
      std::visit([&](const auto& it) { visit(it, layer); }, layer.layer);
  }

  void widen_field(int field, int stride) {
    survey_.receptive_field += (field - 1) * survey_.total_stride;
    survey_.total_stride *= stride;
  }

  enum class Kind { convolution, pooling, other };
  void describe(const LayerAnalysis& layer, Kind kind) {
    const bool is_pooling = kind == Kind::pooling;
    run_ = kind == Kind::convolution ? run_ + 1 : 0;
    survey_.longest_run = std::max(survey_.longest_run, run_);
    if (survey_.described == 0) survey_.starts_with_pooling = is_pooling;
    survey_.ends_with_pooling = is_pooling;
    survey_.final = layer.output;
    survey_.in_residuals += in_residuals_ > 0;
    survey_.in_splits += in_splits_ > 0;
    ++survey_.described;
  }

  void visit(const Convolution& c, const LayerAnalysis& layer) {
    const Shape input = survey_.final;
    survey_.convolutions.push_back({c, input.height, input.channels});
    survey_.log2_fan_in.push_back(std::log2(double{1} * c.field * c.field * input.channels));
    widen_field(c.field, c.stride);
    survey_.map = layer.output;
    describe(layer, Kind::convolution);
  }
  void visit(const DepthwiseConvolution& c, const LayerAnalysis& layer) {
    survey_.depthwise.push_back(c);
    widen_field(c.field, c.stride);
    survey_.map = layer.output;
    describe(layer, Kind::convolution);
  }

  void pool(int field, int stride, const LayerAnalysis& layer) {
    survey_.pooling_fields.push_back(field);
    widen_field(field, stride);
    survey_.map = layer.output;
    if (survey_.first_pooling < 0) survey_.first_pooling = survey_.described;
    survey_.last_pooling = survey_.described;
    describe(layer, Kind::pooling);
  }
  void visit(const Pooling& p, const LayerAnalysis& layer) { pool(p.field, p.stride, layer); }
  void visit(const AveragePooling& p, const LayerAnalysis& layer) {
    ++survey_.average_poolings;
    pool(p.field, p.stride, layer);
  }
  void visit(const MixedPooling& p, const LayerAnalysis& layer) {
    ++survey_.mixed_poolings;
    pool(p.field, p.stride, layer);
  }

  void visit(const FullyConnected& f, const LayerAnalysis& layer) {
    survey_.neurons.push_back(f.neurons);
    survey_.log2_fan_in.push_back(log2_of(survey_.final.elements()));
    describe(layer, Kind::other);
  }
  void visit(const GlobalAveragePooling&, const LayerAnalysis& layer) {
    ++survey_.gap;
    describe(layer, Kind::other);
  }
  void visit(const BatchNormalization&, const LayerAnalysis& layer) {
    ++survey_.normalizations;
    describe(layer, Kind::other);
  }
  void visit(const Dropout&, const LayerAnalysis&) {}
  void visit(const Softmax&, const LayerAnalysis&) {}

  void visit(const Residual&, const LayerAnalysis& layer) {
    ++survey_.residuals;
    survey_.shortcuts += layer.shortcut.has_value();
    ++in_residuals_;
    follow(layer.lists[0]);
    --in_residuals_;
  }

  // Every branch from the split's input; fields are those of the widest.
  void visit(const Split&, const LayerAnalysis& layer) {
    ++survey_.splits;
    survey_.branches += static_cast<int>(layer.lists.size());
    survey_.split_channels += log2_of(layer.output.channels);
    ++in_splits_;
    const Shape input = survey_.final;
    const double field = survey_.receptive_field, stride = survey_.total_stride;
    double widest = field;
    for (const auto& branch : layer.lists) {
      survey_.final = input;
      survey_.receptive_field = field;
      survey_.total_stride = stride;
      run_ = 0;
      follow(branch);
      widest = std::max(widest, survey_.receptive_field);
    }
    survey_.receptive_field = widest;
    survey_.map = survey_.final = layer.output;
    run_ = 0;
    --in_splits_;
  }

  Survey survey_;
  int run_ = 0, in_residuals_ = 0, in_splits_ = 0;
};

void add_counts(Features& out, const Survey& survey) {
  const auto with_field = [&](int from, int to) {
    return std::count_if(
        survey.convolutions.begin(), survey.convolutions.end(),
        [&](const auto& c) { return c.layer.field >= from && c.layer.field < to; });
  };
  out.add("counts", "depth", survey.described);
  out.add("counts", "convolutions", static_cast<double>(survey.convolutions.size()));
  out.add("counts", "poolings", static_cast<double>(survey.pooling_fields.size()));
  out.add("counts", "fully_connected", static_cast<double>(survey.neurons.size()));
  out.add("counts", "global_average_poolings", survey.gap);
  out.add("counts", "convolutions_field_1", static_cast<double>(with_field(1, 2)));
  out.add("counts", "convolutions_field_3", static_cast<double>(with_field(2, 4)));
  out.add("counts", "convolutions_field_5_up", static_cast<double>(with_field(4, 256)));
}

void add_sizes(Features& out, const Survey& survey, const Analysis& analysis) {
  double weights = 0;
  for (const auto& [c, side, channels] : survey.convolutions)
    weights += double{1} * c.filters * c.field * c.field * channels;
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
  for (int field : survey.pooling_fields) largest_pooling = std::max(largest_pooling, field);
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
  for (const auto& [c, side, channels] : survey.convolutions) {
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
  for (const auto& [c, side, channels] : survey.convolutions) {
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
  const int first = survey.first_pooling < 0 ? survey.described : survey.first_pooling;
  out.add("arrangement", "longest_run_of_convolutions", survey.longest_run);
  out.add("arrangement", "first_pooling", first);
  out.add("arrangement", "first_pooling_share",
          survey.described == 0 ? 0 : static_cast<double>(first) / survey.described);
  out.add("arrangement", "last_pooling", survey.last_pooling);
  out.add("arrangement", "starts_with_pooling", survey.starts_with_pooling);
  out.add("arrangement", "ends_with_pooling", survey.ends_with_pooling);
  add_resolutions(out, survey, input_side);
  add_sides(out, survey);
}

// What the paper's networks have not.
void add_lists(Features& out, const Survey& survey, const Analysis& analysis) {
  double reach = 0;
  for (const DepthwiseConvolution& c : survey.depthwise) reach += c.field - 1;
  const double layers = std::max(survey.described, 1);
  out.add("lists", "layers_beside_longest_way", survey.described - analysis.depth);
  out.add("lists", "residuals", survey.residuals);
  out.add("lists", "shortcut_convolutions", survey.shortcuts);
  out.add("lists", "splits", survey.splits);
  out.add("lists", "branches", survey.branches);
  out.add("lists", "sum_log2_split_channels", survey.split_channels);
  out.add("lists", "share_in_residuals", survey.in_residuals / layers);
  out.add("lists", "share_in_splits", survey.in_splits / layers);
  out.add("kinds", "average_poolings", survey.average_poolings);
  out.add("kinds", "mixed_poolings", survey.mixed_poolings);
  out.add("kinds", "depthwise_convolutions", static_cast<double>(survey.depthwise.size()));
  out.add("kinds", "sum_of_depthwise_fields", reach);
  out.add("kinds", "batch_normalizations", survey.normalizations);
}

Features all_features(const Architecture& architecture, const Shape& input) {
  const Analysis analysis = analyse(architecture, input);
  const Surveyor surveyor(analysis);
  const Survey& survey = surveyor.survey();
  Features out;
  add_counts(out, survey);
  add_sizes(out, survey, analysis);
  add_fan_in(out, survey);
  add_widths(out, survey);
  add_fields(out, survey);
  add_arrangement(out, survey, input.height);
  add_lists(out, survey, analysis);
  return out;
}

// In the order of their names in position_feature_columns().
std::array<double, kPositionColumns> layer_features(const Layer& layer) {
  using Values = std::array<double, kPositionColumns>;
  return std::visit(
      Match{
          [](const Convolution& c) -> Values {
            return {1, 0, 0, 0, log2_of(c.filters), double(c.field), double(c.stride), 0};
          },
          [](const Pooling& p) -> Values {
            return {0, 1, 0, 0, 0, double(p.field), double(p.stride), 0};
          },
          [](const FullyConnected& f) -> Values {
            return {0, 0, 1, 0, 0, 0, 0, log2_of(f.neurons)};
          },
          [](const GlobalAveragePooling&) -> Values { return {0, 0, 0, 1, 0, 0, 0, 0}; },
          [](const AveragePooling& p) -> Values {
            return {0, 0, 0, 0, 0, double(p.field), double(p.stride), 0, 1};
          },
          [](const MixedPooling& p) -> Values {
            return {0, 0, 0, 0, 0, double(p.field), double(p.stride), 0, 0, 1};
          },
          [](const DepthwiseConvolution& c) -> Values {
            return {0, 0, 0, 0, 0, double(c.field), double(c.stride), 0, 0, 0, 1};
          },
          [](const BatchNormalization&) -> Values { return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}; },
          [](const auto&) -> Values { return {}; }},
      layer);
}

}  // namespace

std::vector<Symbol> described_symbols(const Architecture& architecture) {
  Layers layers = architecture.layers;
  std::erase_if(layers, [](const Layer& layer) {
    return std::holds_alternative<Dropout>(layer) || std::holds_alternative<Softmax>(layer);
  });
  return symbols(layers);
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
      "log2_filters", "field",   "stride",          "log2_neurons",
      "average",      "mixed",   "depthwise",       "batch_normalization",
      "in_residual",  "in_split"};
  std::vector<FeatureColumn> columns;
  for (int position = 1; position <= positions; ++position) {
    for (const char* name : kNames)
      columns.push_back({"layer_" + std::to_string(position) + "_" + name, "positions"});
  }
  return columns;
}

Eigen::VectorXd position_features(const Architecture& architecture, int positions) {
  Eigen::VectorXd features = Eigen::VectorXd::Zero(Eigen::Index{kPositionColumns} * positions);
  std::vector<Bracket> lists;  // around the symbol in hand
  int position = 0;
  for (const Symbol& symbol : described_symbols(architecture)) {
    if (const Bracket* bracket = std::get_if<Bracket>(&symbol)) {
      if (*bracket == Bracket::end) lists.pop_back();
      if (*bracket == Bracket::residual || *bracket == Bracket::split) lists.push_back(*bracket);
      continue;
    }
    if (position == positions) break;
    auto values = layer_features(std::get<Layer>(symbol));
    values[kPositionColumns - 2] =
        static_cast<double>(std::ranges::count(lists, Bracket::residual));
    values[kPositionColumns - 1] = static_cast<double>(std::ranges::count(lists, Bracket::split));
    std::copy(values.begin(), values.end(),
              features.data() + Eigen::Index{kPositionColumns} * position++);
  }
  return features;
}

}  // namespace metaqnn
