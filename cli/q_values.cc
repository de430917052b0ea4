#include "metaqnn/search/q_values.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "metaqnn/search/search.h"

namespace metaqnn::cli {
namespace {

struct QValuesOptions {
  std::string study, format = "table";
};

Json to_json(const std::vector<search::QValue>& values) {
  Json list = Json::array();
  for (const search::QValue& value : values) {
    list.push_back({{"depth", value.depth},
                    {"type", value.type},
                    {"choice", value.choice},
                    {"q", value.q},
                    {"visits", value.visits}});
  }
  return list;
}

// Layers in the order in which a network has them; tokens as they come.
std::vector<std::string> types_of(const std::vector<search::QValue>& values) {
  std::vector<std::string> types = search::layer_types();
  for (const search::QValue& value : values) {
    if (std::find(types.begin(), types.end(), value.type) == types.end())
      types.push_back(value.type);
  }
  std::erase_if(types, [&](const std::string& type) {
    return std::none_of(values.begin(), values.end(),
                        [&](const search::QValue& value) { return value.type == type; });
  });
  return types;
}

// Means over the choices that were visited, each counted once.
void print_means(const std::vector<search::QValue>& values) {
  std::map<int64_t, std::map<std::string, std::pair<double, int64_t>>> sums;
  const std::vector<std::string> types = types_of(values);
  for (const search::QValue& value : values) {
    auto& [sum, count] = sums[value.depth][value.type];
    sum += value.q;
    ++count;
  }
  std::vector<Table::Column> columns{{"depth", Align::right}};
  for (const std::string& type : types) columns.push_back({type, Align::right});
  Table table(columns);
  for (const auto& [depth, by_type] : sums) {
    std::vector<std::string> cells{std::to_string(depth)};
    for (const std::string& type : types) {
      const auto found = by_type.find(type);
      cells.push_back(
          found == by_type.end()
              ? "-"
              : fixed(found->second.first / static_cast<double>(found->second.second), 4));
    }
    table.add(std::move(cells));
  }
  print(
      "{}\nMeans over the {} of a state and a choice that were visited; --format json lists "
      "them.\n",
      table.render(), plural(static_cast<int64_t>(values.size()), "pair"));
}

ExitStatus run(const QValuesOptions& options) {
  const std::vector<search::QValue> values =
      search::q_values(*search::open_study_to_read(options.study));
  if (options.format == "json") {
    print_document(to_json(values));
  } else if (values.empty()) {
    print("No sample has a result yet.\n");
  } else {
    print_means(values);
  }
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_q_values(CLI::App& app) {
  auto options = std::make_shared<QValuesOptions>();
  app.add_option("--study", options->study, "the study")->required();
  add_format(app, options->format, {"table", "json"});
  return [options] { return run(*options); };
}

}  // namespace

const Command q_values_command{"q-values", "What the agent has come to value, by depth and type",
                               "metaqnn q-values --study sqlite:///quick.db", set_up_q_values};

}  // namespace metaqnn::cli
