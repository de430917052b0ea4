#include "search/study/optuna_storage.h"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/foreign_text.h"
#include "datasets/logs/json_frame.h"
#include "datasets/logs/optuna.h"
#include "datasets/logs/read_frame.h"
#include "metaqnn/base/error.h"
#include "search/study/sqlite_uri.h"

namespace metaqnn::search {
namespace {

using datasets::Direction;
using datasets::OptunaStudy;
using datasets::OptunaTrial;
using Json = nlohmann::ordered_json;

class OptunaReader {
 public:
  OptunaReader(soci::session& sql, std::string source) : sql_(sql), source_(std::move(source)) {}

  std::vector<OptunaStudy> run() {
    check_kind();
    read_studies();
    read_trials();
    read_values();
    read_parameters();
    read_attributes();
    std::vector<OptunaStudy> list;
    for (auto& [id, study] : studies_) list.push_back(std::move(study));
    return list;
  }

 private:
  std::set<std::string> columns_of(const std::string& table) {
    const soci::rowset<std::string> names =
        (sql_.prepare << "SELECT name FROM pragma_table_info('" + table + "')");
    return {names.begin(), names.end()};
  }

  void check_kind() {
    const std::set<std::string> trials = columns_of("trials");
    if (!columns_of("TrialJobEvent").empty()) {
      throw DataError(source_ +
                      ": this is an NNI experiment, which is not read; export it as CSV (nnictl "
                      "experiment export --type csv)");
    }
    if (!trials.contains("trial_id") || columns_of("studies").empty())
      throw DataError(source_ +
                      ": this is an SQLite database of another program; export the table as CSV");
    if (!trials.contains("number") || !columns_of("trial_values").contains("objective")) {
      throw DataError(source_ +
                      ": this is an Optuna storage of a version before 2.4; bring it up with: "
                      "optuna storage upgrade --storage sqlite:///" +
                      source_);
    }
  }

  template <typename Use>
  void each_row(const std::string& query, Use use) {
    const soci::rowset<soci::row> rows = (sql_.prepare << query);
    for (const soci::row& row : rows) use(row);
  }

  // Of rows that begin with the trial they are about.
  template <typename Use>
  void each_of_trials(const std::string& query, Use use) {
    each_row(query, [&](const soci::row& row) {
      const auto place = places_.find(number(row, 0));
      if (place != places_.end()) use(place->second.first->trials[place->second.second], row);
    });
  }

  void read_studies() {
    each_row("SELECT study_id, study_name FROM studies ORDER BY study_id",
             [&](const soci::row& row) { studies_[number(row, 0)].name = text(row, 1); });
    each_row("SELECT study_id, direction FROM study_directions ORDER BY study_id, objective",
             [&](const soci::row& row) {
               const std::string direction = text(row, 1);
               studies_[number(row, 0)].directions.push_back(
                   direction == "MINIMIZE"   ? std::optional(Direction::minimize)
                   : direction == "MAXIMIZE" ? std::optional(Direction::maximize)
                                             : std::nullopt);
             });
    each_row(
        "SELECT study_id, value_json FROM study_system_attributes "
        "WHERE key = 'study:metric_names'",
        [&](const soci::row& row) {
          for (const Json& name : Json::parse(text(row, 1), nullptr, false))
            studies_[number(row, 0)].objectives.push_back(datasets::cell_text(name));
        });
  }

  void read_trials() {
    each_row("SELECT trial_id, study_id, state FROM trials ORDER BY study_id, number",
             [&](const soci::row& row) {
               const auto study = studies_.find(number(row, 1));
               if (study == studies_.end()) return;
               places_[number(row, 0)] = {&study->second, study->second.trials.size()};
               study->second.trials.emplace_back().state = text(row, 2);
             });
  }

  // From 3.0 on what is infinite says so beside the value.
  void read_values() {
    const bool has_type = columns_of("trial_values").contains("value_type");
    const std::string type = has_type ? "value_type" : "'FINITE'";
    each_of_trials("SELECT trial_id, objective, value, " + type + " FROM trial_values",
                   [](OptunaTrial& trial, const soci::row& row) {
                     const auto objective = static_cast<size_t>(number(row, 1));
                     if (objective >= kMostObjectives) return;
                     if (trial.values.size() <= objective) trial.values.resize(objective + 1);
                     trial.values[objective] = value_of(row);
                   });
  }

  static std::optional<double> value_of(const soci::row& row) {
    constexpr double kInfinite = std::numeric_limits<double>::infinity();
    const std::string type = text(row, 3);
    if (type == "INF_POS" || type == "INF_NEG") return type == "INF_POS" ? kInfinite : -kInfinite;
    if (row.get_indicator(2) != soci::i_ok) return std::nullopt;
    return real(row, 2);
  }

  void read_parameters() {
    each_of_trials(
        "SELECT trial_id, param_name, param_value, distribution_json FROM trial_params "
        "ORDER BY param_id",
        [](OptunaTrial& trial, const soci::row& row) {
          trial.parameters.emplace_back(text(row, 1),
                                        datasets::optuna_value(real(row, 2), text(row, 3)));
        });
  }

  void read_attributes() {
    each_of_trials(
        "SELECT trial_id, key, value_json FROM trial_user_attributes "
        "ORDER BY trial_user_attribute_id",
        [](OptunaTrial& trial, const soci::row& row) {
          Json value = Json::parse(text(row, 2), nullptr, false);
          if (value.is_discarded()) value = text(row, 2);
          trial.attributes.emplace_back(text(row, 1), std::move(value));
        });
  }

  // SQLite's types are those of values, and SOCI's those that columns were declared with.
  static double real(const soci::row& row, size_t column) {
    switch (row.get_properties(column).get_data_type()) {
      case soci::dt_double:
        return row.get<double>(column);
      case soci::dt_integer:
        return row.get<int>(column);
      case soci::dt_long_long:
        return static_cast<double>(row.get<long long>(column));
      default:
        return datasets::number_in(row.get<std::string>(column, ""))
            .value_or(std::numeric_limits<double>::quiet_NaN());
    }
  }
  static int64_t number(const soci::row& row, size_t column) {
    return static_cast<int64_t>(real(row, column));
  }
  static std::string text(const soci::row& row, size_t column) {
    return row.get<std::string>(column, "");
  }

  static constexpr size_t kMostObjectives = 100;

  soci::session& sql_;
  std::string source_;
  std::map<int64_t, OptunaStudy> studies_;
  std::map<int64_t, std::pair<OptunaStudy*, size_t>> places_;  // of trials
};

}  // namespace

datasets::DataFrame read_optuna_storage(const std::filesystem::path& file,
                                        const std::string& study_name) {
  const std::string source = file.string();
  std::vector<OptunaStudy> studies;
  try {
    soci::session sql(soci::sqlite3,
                      "dbname=\"" + sqlite_uri(std::filesystem::absolute(file)) + "?mode=ro\"");
    studies = OptunaReader(sql, source).run();
  } catch (const soci::soci_error& error) {
    throw DataError(source + ": this SQLite database cannot be read: " + shown(error.what(), 200));
  } catch (const std::bad_cast&) {
    throw DataError(source + ": this SQLite database holds values of other types than Optuna's");
  }
  return datasets::optuna_frame(studies, study_name, source);
}

datasets::DataFrame read_any_frame(const std::filesystem::path& file,
                                   const datasets::LogOptions& options) {
  if (std::filesystem::is_directory(file)) return datasets::read_data_frame(file, options);
  std::string text = datasets::read_text(file);
  if (text.starts_with("SQLite format 3")) return read_optuna_storage(file, options.study_name);
  return datasets::data_frame_of(std::move(text), file == "-" ? "standard input" : file.string(),
                                 options);
}

}  // namespace metaqnn::search
