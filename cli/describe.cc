#include <memory>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "metaqnn/architecture/shapes.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/configuration.h"
#include "search/evaluate/training_memory.h"
#include "search/memory_basis.h"

namespace metaqnn::cli {
namespace {

struct DescribeOptions {
  std::string architecture, input, config, format = "table";
};

// Whether the space of a configuration allows it; nothing without a configuration.
struct Legality {
  bool known = false;
  std::string refusal;
};

Json to_json(const std::vector<LayerAnalysis>& layers) {
  Json json = Json::array();
  for (const LayerAnalysis& layer : layers) {
    json.push_back({{"layer", to_string(layer.layer)},
                    {"output", to_string(layer.output)},
                    {"parameters", layer.parameters},
                    {"macs", layer.macs}});
    for (const auto& list : layer.lists) json.back()["lists"].push_back(to_json(list));
    if (layer.shortcut) json.back()["shortcut"] = to_string(Layer(*layer.shortcut));
  }
  return json;
}

Json to_json(const Architecture& architecture, const Analysis& analysis,
             const search::TrainingMemory& memory, const search::MemoryBasis& basis,
             const Legality& legality) {
  Json json;
  json["architecture"] = to_string(architecture);
  json["identity"] = identity(architecture);
  json["input"] = to_string(analysis.input);
  json["depth"] = analysis.depth;
  json["parameters"] = analysis.parameters;
  json["hidden_weights"] = analysis.hidden_weights;
  json["macs"] = analysis.macs;
  json["memory_bytes"] = memory.total();
  json["memory_basis"] = {{"batch_size", basis.settings.batch_size},
                          {"precision", basis.precision},
                          {"images", basis.images},
                          {"device", basis.device},
                          {"device_is_here", basis.device_is_here}};
  json["layers"] = to_json(analysis.layers);
  if (legality.known) {
    json["allowed"] = legality.refusal.empty();
    if (!legality.refusal.empty()) json["refusal"] = legality.refusal;
  }
  return json;
}

void add_row(const std::string& name, const Shape& output, int64_t parameters, int64_t macs,
             Table& table) {
  const bool costs = parameters > 0;
  table.add({name, to_string(output), costs ? grouped(parameters) : "",
             costs && macs > 0 ? grouped(macs) : ""});
}

void add_rows(const std::vector<LayerAnalysis>& layers, const std::string& indent, Table& table) {
  for (const LayerAnalysis& layer : layers) {
    if (layer.lists.empty()) {
      add_row(indent + to_string(layer.layer), layer.output, layer.parameters, layer.macs, table);
      continue;
    }
    int64_t parameters = layer.parameters, macs = layer.macs;  // of the shortcut
    std::string name = to_string(layer.layer).substr(0, 2);    // "R[", "S["
    for (const auto& list : layer.lists) {
      table.add({indent + name, "", "", ""});
      add_rows(list, indent + "  ", table);
      name = ";";
      for (const LayerAnalysis& inside : list) {
        parameters -= inside.parameters;
        macs -= inside.macs;
      }
    }
    if (layer.shortcut) {
      add_row(indent + "  shortcut " + to_string(Layer(*layer.shortcut)), layer.output, parameters,
              macs, table);
    }
    table.add({indent + "]", to_string(layer.output), "", ""});
  }
}

void print_table(const Architecture& architecture, const Analysis& analysis,
                 const search::TrainingMemory& memory, const search::MemoryBasis& basis,
                 const Legality& legality) {
  Table table({{"layer"}, {"output"}, {"parameters", Align::right}, {"MACs", Align::right}});
  table.add({"input", to_string(analysis.input), "", ""});
  add_rows(analysis.layers, "", table);
  table.add({"total", "", grouped(analysis.parameters), grouped(analysis.macs)});
  print("{}\n\n{}\n", to_string(architecture), table.render());
  print("depth            {}\n", analysis.depth);
  print("hidden weights   {}\n", grouped(analysis.hidden_weights));
  print("training memory  {} (batch {}, {}, {} images, on {}{})\n", short_bytes(memory.total()),
        basis.settings.batch_size, basis.precision, grouped(basis.images), basis.device,
        basis.device_is_here ? "" : ", which is not here");
  if (legality.known) {
    print("in the space     {}\n", legality.refusal.empty() ? "yes" : "no: " + legality.refusal);
  }
}

ExitStatus run(const DescribeOptions& options) {
  const Architecture architecture = parse_architecture(options.architecture);
  Shape input{3, 32, 32};
  search::MemoryBasis basis;
  Legality legality;
  if (!options.config.empty()) {
    const search::Configuration configuration = search::read_configuration(options.config);
    const search::Space space = search::build_space(configuration);
    input = space.input().value_or(input);
    legality = {true, space.find(options.architecture).refusal};
    basis = search::memory_basis(configuration);
  }
  if (!options.input.empty()) input = parse_shape(options.input);
  const Analysis analysis = analyse(architecture, input);
  const search::TrainingMemory memory =
      search::estimate_training_memory(architecture, input, basis.settings);
  options.format == "json"
      ? print_document(to_json(architecture, analysis, memory, basis, legality))
      : print_table(architecture, analysis, memory, basis, legality);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_describe(CLI::App& app) {
  auto options = std::make_shared<DescribeOptions>();
  app.add_option("ARCHITECTURE", options->architecture, "for example \"[C(64,3,1), SM(10)]\"")
      ->required();
  app.add_option("--input", options->input, "CxHxW (default: 3x32x32, or the configuration's)");
  app.add_option("--config", options->config, "also say whether its space allows the architecture");
  add_format(app, options->format, {"table", "json"});
  return [options] { return run(*options); };
}

}  // namespace

const Command describe_command{
    "describe", "Layers, shapes, parameters and cost of an architecture",
    "metaqnn describe \"[C(64,3,1), P(2,2), FC(128), SM(10)]\" --input 1x28x28", set_up_describe};

}  // namespace metaqnn::cli
