#include "metaqnn/predict/samples.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/foreign_text.h"
#include "base/names.h"
#include "datasets/logs/description.h"
#include "metaqnn/base/error.h"
#include "metaqnn/datasets/logs/merge.h"
#include "predict/encoding.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;

// The rows of one architecture.
struct Group {
  std::string first;  // as written
  size_t rows = 0;
  datasets::Measurements results;
};

// Of two strings of the same network: whether their dropout differs.
bool differ_in_dropout(const std::string& a, const std::string& b,
                       const EncodingSettings& encoding) {
  return encoding.is_grammar() && a != b &&
         to_string(parse_architecture(string_of(a, encoding))) !=
             to_string(parse_architecture(string_of(b, encoding)));
}

std::string problem_of(const datasets::Log& log, const datasets::LogRow& row,
                       const std::string& what) {
  return log.source + (row.line > 0 ? ":" + std::to_string(row.line) : "") + ": " + what;
}

}  // namespace

Failures parse_failures(const std::string& name) {
  for (Failures failures : {Failures::exclude, Failures::as_chance, Failures::model}) {
    if (to_string(failures) == name) return failures;
  }
  throw UsageError("there is no way " + shown(name) + " to treat failures; did you mean " +
                   nearest_name(name, {"exclude", "as-chance", "model"}) + "?");
}

std::string to_string(Failures failures) {
  switch (failures) {
    case Failures::exclude:
      return "exclude";
    case Failures::as_chance:
      return "as-chance";
    case Failures::model:
      return "model";
  }
  return "";
}

namespace {

bool is_ours(const std::string& text) {
  try {
    parse_architecture(text);
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

std::string guess_tokens(const datasets::Log& log) {
  if (!log.has_strings) return "none";
  std::vector<std::string> strings;
  for (const datasets::LogRow& row : log.rows)
    strings.push_back(datasets::parse_description(row.architecture).architecture.value_or(""));
  const auto most = [&](const auto& holds) {
    return 2 * static_cast<size_t>(std::count_if(strings.begin(), strings.end(), holds)) >=
           strings.size();
  };
  if (most(is_ours)) return "grammar";
  for (const char* separator : {"|", ",", ";", " ", ":", "-"}) {
    if (most([&](const std::string& text) { return text.find(separator) != std::string::npos; }))
      return separator;
  }
  return "characters";
}

}  // namespace

EncodingSettings encoding_for(const datasets::Log& log, const std::string& tokens,
                              const std::optional<Shape>& input) {
  EncodingSettings encoding;
  encoding.tokens = tokens.empty() ? guess_tokens(log) : tokens;
  if (input) encoding.input = *input;
  encoding.features = log.features;
  encoding.budget = log.budget;
  return encoding;
}

Samples make_samples(const datasets::Log& log, const EncodingSettings& encoding,
                     Failures failures) {
  Samples samples;
  samples.encoding = encoding;
  samples.measure = log.measure;
  samples.remarks = log.remarks;
  samples.problems = log.problems;
  std::unordered_map<std::string, size_t> places;
  std::vector<Group> groups;
  for (const datasets::LogRow& row : log.rows) {
    ++samples.rows;
    const bool not_learning = row.failed() && row.value.has_value();
    if (not_learning) ++samples.not_learning;
    if (!row.value) {
      ++samples.without_result;
      continue;
    }
    if (not_learning && failures == Failures::exclude) continue;
    std::string text;
    try {
      text = canonical(row.architecture, encoding);
    } catch (const UsageError& error) {
      samples.problems.push_back(problem_of(log, row, error.what()));
      continue;
    }
    // Without strings each row is a network of its own.
    const std::string key = encoding.has_strings() ? text : std::to_string(groups.size());
    const auto [place, added] = places.try_emplace(key, groups.size());
    if (added) {
      samples.architectures.push_back(text);
      groups.push_back({row.architecture, 0, {}});
    }
    Group& group = groups[place->second];
    ++group.rows;
    group.results.add(row);
    samples.other_dropout += differ_in_dropout(group.first, row.architecture, encoding);
  }
  const auto n = static_cast<Index>(groups.size());
  samples.targets.resize(n);
  samples.trained.resize(n);
  samples.trained_targets.resize(n);
  double failed = 0, chance = 0;
  for (Index i = 0; i < n; ++i) {
    const Group& group = groups[static_cast<size_t>(i)];
    const datasets::Measurements& results = group.results;
    samples.targets(i) = results.mean();
    samples.trained(i) = results.learned / results.count();
    samples.trained_targets(i) = results.learned > 0 ? results.accuracy / results.learned
                                                     : std::numeric_limits<double>::quiet_NaN();
    failed += results.not_learning;
    chance += results.chance;
    samples.merged.add(group.rows, results);
  }
  if (failed > 0) samples.chance = chance / failed;
  return samples;
}

Samples Samples::subset(const std::vector<Index>& which) const {
  Samples result;
  for (Index row : which) result.architectures.push_back(architectures[static_cast<size_t>(row)]);
  result.targets = targets(which);
  result.trained = trained(which);
  result.measure = measure;
  result.trained_targets = trained_targets(which);
  result.chance = chance;
  result.encoding = encoding;
  return result;
}

namespace {

void append_to(Eigen::VectorXd& values, const Eigen::VectorXd& more) {
  Eigen::VectorXd joined(values.size() + more.size());
  joined << values, more;
  values = std::move(joined);
}

}  // namespace

void Samples::append(const Samples& others) {
  const std::unordered_set<std::string> known(architectures.begin(), architectures.end());
  std::vector<Index> fresh;
  for (size_t i = 0; i < others.size(); ++i) {
    if (!known.contains(others.architectures[i])) fresh.push_back(static_cast<Index>(i));
  }
  const Samples more = others.subset(fresh);
  architectures.insert(architectures.end(), more.architectures.begin(), more.architectures.end());
  append_to(targets, more.targets);
  append_to(trained, more.trained);
  append_to(trained_targets, more.trained_targets);
  rows += others.rows;
}

namespace {

std::string describe(const EncodingSettings& encoding) {
  std::string text = "tokens " + encoding.tokens;
  if (encoding.is_grammar()) text += " and input " + to_string(encoding.input);
  if (!encoding.features.empty()) text += " and the columns " + listed(encoding.features);
  if (!encoding.budget.empty()) text += " and the budget " + encoding.budget;
  return text;
}

constexpr double kLargestTarget = 1e100;

// The input counts where our grammar reads it.
void check_encoding(const EncodingSettings& made, const EncodingSettings& fitted) {
  if (describe(made) == describe(fitted)) return;
  throw UsageError("the samples were made with " + describe(made) + " and cannot be used with " +
                   describe(fitted) + "; make them again with the encoding that is fitted");
}

void check_sizes(const Samples& samples) {
  const auto n = static_cast<Index>(samples.size());
  if (samples.targets.size() == n && samples.trained.size() == n &&
      samples.trained_targets.size() == n)
    return;
  throw UsageError(std::to_string(n) + " architectures, " + std::to_string(samples.targets.size()) +
                   " targets, " + std::to_string(samples.trained.size()) +
                   " shares that trained, " + std::to_string(samples.trained_targets.size()) +
                   " targets of those; samples have one of each for every architecture");
}

void check_numbers(const Samples& samples, Index i) {
  const auto refuse = [&](const char* what, double value, const char* rule) {
    throw UsageError("sample " + std::to_string(i) + ", " +
                     samples.architectures[static_cast<size_t>(i)] + ": " + what + " " +
                     std::to_string(value) + "; " + rule);
  };
  const double target = samples.targets(i), trained = samples.trained(i);
  if (!(std::abs(target) <= kLargestTarget))
    refuse("target", target, "it must be finite, 1e100 at most");
  if (!(trained >= 0 && trained <= 1))
    refuse("share that trained", trained, "it must be from 0 to 1");
  if (trained > 0 && !std::isfinite(samples.trained_targets(i)))
    refuse("target of the rows that trained", samples.trained_targets(i),
           "it must be finite where any of its rows trained");
}

}  // namespace

void check(const Samples& samples, const EncodingSettings& encoding) {
  if (samples.encoding) check_encoding(*samples.encoding, encoding);
  check_sizes(samples);
  if (!std::isfinite(samples.chance))
    throw UsageError("chance " + std::to_string(samples.chance) + " of samples must be finite");
  std::unordered_set<std::string> seen;
  for (size_t i = 0; i < samples.size(); ++i) {
    const std::string& text = samples.architectures[i];
    const std::string form = canonical(text, encoding);
    const std::string where = "sample " + std::to_string(i) + ", " + text;
    if (form != text) throw UsageError(where + ": its canonical form is " + form + "; give that");
    if (encoding.has_strings() && !seen.insert(text).second)
      throw UsageError(where + " is there twice; give it once, with the mean of its targets");
    check_numbers(samples, static_cast<Index>(i));
  }
}

}  // namespace metaqnn::predict
