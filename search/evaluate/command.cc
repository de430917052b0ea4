#include "search/evaluate/command.h"

#include <string.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/foreign_text.h"
#include "base/names.h"
#include "base/nesting.h"
#include "base/numbers.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/json_frame.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "search/evaluate/guarded_process.h"

namespace metaqnn::search {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kLongestReport = 1 << 16;  // bytes of a line
constexpr size_t kLastWords = 1000;         // bytes that are kept with a failure
constexpr const char* kLogName = "log.txt";

// ---- What a program writes ----

// Parts a stream into lines; one that is too long for a report comes in pieces.
class Lines {
 public:
  // take(line, whole), without its end, until that answers false.
  template <typename Take>
  bool add(std::string_view bytes, const Take& take) {
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      pending_ += bytes.substr(0, end);
      if (end == std::string_view::npos) {
        if (pending_.size() <= kLongestReport) return true;
        is_whole_ = false;
        return take(std::exchange(pending_, ""), false);
      }
      bytes.remove_prefix(end + 1);
      if (!take(std::exchange(pending_, ""), std::exchange(is_whole_, true))) return false;
    }
    return true;
  }

  // What stands after the last end of a line.
  template <typename Take>
  void finish(const Take& take) {
    if (!pending_.empty()) take(std::exchange(pending_, ""), is_whole_);
  }

 private:
  std::string pending_;
  bool is_whole_ = true;
};

// What is no report: a file, made when there is something to write, and its end.
class ProgramLog {
 public:
  explicit ProgramLog(fs::path file) : file_(std::move(file)) {}

  void add(std::string_view bytes) {
    if (!out_.is_open()) out_.open(file_, std::ios::binary | std::ios::app);
    out_ << bytes;
    end_ += bytes.substr(bytes.size() - std::min(bytes.size(), kLastWords));
    if (end_.size() > kLastWords) end_.erase(0, end_.size() - kLastWords);
  }

  // "; its last words: ... | ...", or "".
  std::string last_words() const {
    std::string words;
    for (std::string_view rest = end_; !rest.empty();) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = trimmed(rest.substr(0, end));
      if (!line.empty()) words.append(words.empty() ? "" : " | ").append(line);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return words.empty() ? "" : "; its last words: " + shown(words, 2 * kLastWords);
  }

 private:
  fs::path file_;
  std::ofstream out_;
  std::string end_;
};

std::optional<Json> parse_report(std::string_view line) {
  if (!trimmed(line).starts_with('{') || line_nested_deeper_than(kDeepestNesting, line))
    return std::nullopt;
  try {
    Json json = datasets::parse_python_json(line, "");
    if (json.is_object()) return json;
  } catch (const DataError&) {
  }
  return std::nullopt;
}

std::optional<double> finite_number(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  const auto number = value.get<double>();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

double number_or_unknown(const Json& report, const char* name, bool is_fraction) {
  const auto found = report.find(name);
  const std::optional<double> number = found == report.end() ? std::nullopt : finite_number(*found);
  const bool is_right = number && (!is_fraction || (*number >= 0 && *number <= 1));
  return is_right ? *number : std::numeric_limits<double>::quiet_NaN();
}

// What a study knows of a network beside its measures.
constexpr std::pair<const char*, std::optional<int64_t> Trial::*> kCounts[] = {
    {"parameters", &Trial::parameters},
    {"macs", &Trial::macs},
    {"memory_bytes", &Trial::memory_bytes},
};

// ---- What becomes of the trial ----

// Follows the reports of one program.
class Reports {
 public:
  Reports(Trial& trial, const Objective& objective, bool keeps_best)
      : trial_(trial), measure_(measure_of(objective)), keeps_best_(keeps_best) {
    trial_.measures.clear();
    trial_.curve.clear();
  }

  // False where the program need not go on. `after_epoch`: as Evaluator::goes_on().
  template <typename AfterEpoch>
  bool add(const Json& report, const AfterEpoch& after_epoch) {
    const auto told = report.find("failed");
    if (told != report.end() && !told->is_null() && *told != false)
      told_ = told->is_string() ? told->get<std::string>() : told->dump();
    keep_measures(report);
    const auto found = report.find(measure_.name);
    const bool has_value = found != report.end();
    if (has_value && !add_value(finite_number(*found))) return false;
    const auto epoch = report.find("epoch");
    if (epoch == report.end() || !epoch->is_number()) return true;
    begin_epoch(epoch->get<double>());
    fill_epoch(report);
    return !has_value || after_epoch();
  }

  const std::optional<std::string>& told() const { return told_; }
  const std::optional<double>& result() const { return result_; }
  const datasets::Measure& measure() const { return measure_; }
  // Why the program was ended, where it was for its reports.
  Failure failure() const { return failure_; }
  const std::string& why() const { return why_; }

 private:
  void keep_measures(const Json& report) {
    for (const auto& [name, value] : report.items()) {
      const std::optional<double> number = name == "epoch" ? std::nullopt : finite_number(value);
      if (number) trial_.measures[name] = *number;
    }
    for (const auto& [name, count] : kCounts) {
      const auto found = report.find(name);
      if (found != report.end() && found->is_number_unsigned() &&
          std::in_range<int64_t>(found->get<uint64_t>()))
        trial_.*count = found->get<int64_t>();
    }
  }

  bool add_value(const std::optional<double>& value) {
    if (!value) return refuse(Failure::not_a_number, measure_.name + " is no finite number");
    if (measure_.is_fraction() && (*value < 0 || *value > 1)) {
      return refuse(Failure::error, measure_.name + " is " + datasets::csv_number(*value) +
                                        ", not within [0, 1]: report a fraction, or name another "
                                        "measure under [objective]");
    }
    const bool is_new =
        !keeps_best_ || !result_ || datasets::is_better(*value, *result_, measure_.direction);
    if (is_new) result_ = value;
    trial_.measures[measure_.name] = *result_;
    return true;
  }

  bool refuse(Failure failure, const std::string& why) {
    failure_ = failure;
    why_ = why;
    if (!trial_.curve.empty() || epoch_)
      why_ += ", after epoch " + std::to_string(trial_.curve.size());
    trial_.measures.erase(measure_.name);
    return false;
  }

  // Two reports of one epoch belong together.
  void begin_epoch(double number) {
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    if (epoch_ == number) return;
    epoch_ = number;
    trial_.curve.push_back({kUnknown, kUnknown, kUnknown, kUnknown});
  }

  void fill_epoch(const Json& report) {
    EpochResult& epoch = trial_.curve.back();
    const auto fill = [&](const char* name, double& value, bool is_fraction) {
      const double number = number_or_unknown(report, name, is_fraction);
      if (!std::isnan(number)) value = number;
    };
    fill("training_loss", epoch.training_loss, false);
    fill("training_accuracy", epoch.training_accuracy, true);
    fill("validation_loss", epoch.validation_loss, false);
    fill("validation_accuracy", epoch.validation_accuracy, true);
    if (!measure_.is_accuracy()) fill(measure_.name.c_str(), epoch.value, false);
  }

  Trial& trial_;
  datasets::Measure measure_;
  bool keeps_best_;
  std::optional<double> epoch_, result_;
  std::optional<std::string> told_;
  Failure failure_ = Failure::none;
  std::string why_;
};

// ---- Around a program ----

// Of the trials of a study that is a file, beside it; "" for others.
fs::path trials_folder(const std::string& study) {
  constexpr std::string_view kFile = "sqlite:///";
  if (!study.starts_with(kFile)) return {};
  return fs::absolute(study.substr(kFile.size()) + "-trials");
}

// One that is new and empty. What an attempt that was broken off has left of it goes.
fs::path make_folder(const fs::path& parent, int64_t trial) {
  std::error_code error;
  if (!parent.empty()) {
    fs::path folder = parent / std::to_string(trial);
    fs::remove_all(folder, error);
    fs::create_directories(folder, error);
    if (error) throw cannot_write(folder.string());
    return folder;
  }
  std::string folder =
      (fs::temp_directory_path() / ("metaqnn_trial_" + std::to_string(trial) + "_XXXXXX")).string();
  if (mkdtemp(folder.data()) == nullptr) throw cannot_write(folder);
  return folder;
}

// The study as a program in another folder can open it.
std::string absolute_url(const std::string& study) {
  constexpr std::string_view kFile = "sqlite:///";
  if (!study.starts_with(kFile)) return study;
  return std::string(kFile) + fs::absolute(study.substr(kFile.size())).string();
}

// "cuda:1" is the second of those that this process may see.
std::optional<std::string> visible_gpu(const std::string& device) {
  constexpr std::string_view kGpu = "cuda:";
  if (!device.starts_with(kGpu)) return std::nullopt;
  std::string index = device.substr(kGpu.size());
  const char* seen = std::getenv("CUDA_VISIBLE_DEVICES");
  if (seen == nullptr || *seen == '\0') return index;
  std::string_view rest = seen;
  for (int skipped = std::atoi(index.c_str()); skipped > 0; --skipped) {
    const size_t comma = rest.find(',');
    if (comma == std::string_view::npos) return index;
    rest.remove_prefix(comma + 1);
  }
  return std::string(rest.substr(0, rest.find(',')));
}

class CommandEvaluator : public Evaluator {
 public:
  CommandEvaluator(const EvaluatorSettings& settings, const Resources& resources)
      : settings_(settings), resources_(resources), parent_(trials_folder(resources.study)) {
    if (settings.command.words.empty()) {
      throw UsageError(
          "evaluator.command is missing; give the program and what it is told, such as "
          "[\"python3\", \"train.py\"]");
    }
    search::measure_of(settings.objective);
    check_startable(program());
    end_orphans();
  }
  // Empty unless folders of trials were kept.
  ~CommandEvaluator() override {
    std::error_code ignored;
    if (!parent_.empty()) fs::remove(parent_, ignored);
  }

  std::vector<std::string> remarks() const override {
    const datasets::Measure measure = search::measure_of(settings_.objective);
    return {"command " + visible(command_of(settings_)),
            to_string(measure.direction) + " " + shown(measure.name) + ", the " +
                settings_.command.result + " that it reports"};
  }

  void evaluate(Trial& trial) override {
    const auto start = std::chrono::steady_clock::now();
    const fs::path folder = make_folder(parent_, trial.number);
    run(trial, folder);
    trial.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::error_code ignored;
    if (trial.state != TrialState::failed && !settings_.command.keep)
      fs::remove_all(folder, ignored);
  }

 private:
  GuardedCommand program() const {
    return {.words = settings_.command.words,
            .folder = settings_.command.folder,
            .max_seconds = settings_.training.max_seconds,
            .grace_seconds = settings_.command.grace_seconds};
  }

  void run(Trial& trial, const fs::path& folder) const {
    GuardedCommand command = program();
    command.environment = environment(trial, folder);
    ProgramLog log(folder / kLogName);
    Reports reports(trial, settings_.objective, settings_.command.result == "best");
    Lines lines;
    int64_t written = 0;
    bool is_stopped = false;
    const auto after_epoch = [&] {
      const bool is_last = static_cast<int>(trial.curve.size()) == settings_.training.epochs;
      is_stopped = !is_last && !goes_on(trial.curve);
      return !is_stopped;
    };
    const auto take_line = [&](const std::string& line, bool whole) {
      if (const auto report = whole ? parse_report(line) : std::nullopt)
        return reports.add(*report, after_epoch);
      log.add(line + (whole ? "\n" : ""));
      return true;
    };
    const ProcessEnd end = run_guarded(command, [&](Output output, std::string_view bytes) {
      written += static_cast<int64_t>(bytes.size());
      if (output == Output::standard) return lines.add(bytes, take_line) && written <= kMostOutput;
      log.add(bytes);
      return written <= kMostOutput;
    });
    if (end.kind != ProcessEnd::Kind::left) lines.finish(take_line);
    if (is_stopped) {
      stop(trial);
    } else if (!reports.why().empty()) {
      fail(trial, reports.failure(), reports.why() + log.last_words());
    } else {
      settle(trial, reports, log, end);
    }
  }

  void settle(Trial& trial, const Reports& reports, const ProgramLog& log,
              const ProcessEnd& end) const {
    using Kind = ProcessEnd::Kind;
    const std::string words = log.last_words();
    if (end.kind == Kind::left) {
      fail(trial, Failure::error, "more than " + short_bytes(kMostOutput) + " of output" + words);
    } else if (reports.told()) {
      trial.fail(shown(*reports.told(), kLastWords));
      if (trial.failure == Failure::not_learning) set_value(trial, reports);
    } else if (end.kind == Kind::timeout) {
      fail(trial, Failure::timeout,
           "after " + datasets::csv_number(settings_.training.max_seconds) + " s" + words);
    } else if (end.kind == Kind::killed) {
      fail(trial, Failure::crashed,
           "signal " + std::to_string(end.code) + ", " + strsignal(end.code) + words);
    } else if (end.code != 0) {
      fail(trial, Failure::error, "exit status " + std::to_string(end.code) + words);
    } else if (!reports.result()) {
      fail(trial, Failure::error,
           "the command reported no " + shown(reports.measure().name) + words);
    } else {
      trial.state = TrialState::complete;
      trial.failure = Failure::none;
      set_value(trial, reports);
    }
  }

  static void set_value(Trial& trial, const Reports& reports) {
    (reports.measure().is_accuracy() ? trial.validation_accuracy : trial.value) = reports.result();
  }

  static void fail(Trial& trial, Failure failure, const std::string& detail) {
    trial.state = TrialState::failed;
    trial.failure = failure;
    trial.detail = detail;
  }

  static void stop(Trial& trial) {
    trial.state = TrialState::stopped;
    trial.failure = Failure::none;
    trial.measures.clear();
  }

  // What the program needs to know.
  std::vector<std::pair<std::string, std::string>> environment(const Trial& trial,
                                                               const fs::path& folder) const {
    Random random = Random::stream(resources_.seed, "command", stable_hash(trial.architecture));
    constexpr uint64_t kSeeds = uint64_t{1} << 31;  // what every library takes
    std::vector<std::pair<std::string, std::string>> variables{
        {"METAQNN_ARCHITECTURE", trial.architecture},
        {"METAQNN_TRIAL", std::to_string(trial.number)},
        {"METAQNN_SEED", std::to_string(random.below(kSeeds))},
        {"METAQNN_DEVICE", resources_.device},
        {"METAQNN_EPOCHS", std::to_string(settings_.training.epochs)},
        {"METAQNN_STUDY", absolute_url(resources_.study)},
        {"METAQNN_FOLDER", folder.string()}};
    if (const auto gpu = visible_gpu(resources_.device))
      variables.emplace_back("CUDA_VISIBLE_DEVICES", *gpu);
    if (std::getenv("OMP_NUM_THREADS") == nullptr)
      variables.emplace_back("OMP_NUM_THREADS", std::to_string(resources_.threads));
    return variables;
  }

  EvaluatorSettings settings_;
  Resources resources_;
  fs::path parent_;  // of the folders of trials; "" where each lies among temporary files
};

}  // namespace

std::unique_ptr<Evaluator> make_command_evaluator(const EvaluatorSettings& settings,
                                                  const Resources& resources) {
  return std::make_unique<CommandEvaluator>(settings, resources);
}

}  // namespace metaqnn::search
