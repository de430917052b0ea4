#include "search/study/sql_study.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "datasets/logs/fields.h"
#include "metaqnn/base/error.h"

namespace metaqnn::search {
namespace {

// Before the name of a note among the keys of the table `study`.
const std::string kNote = "note ";

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::optional<double> known(double value) {
  return std::isnan(value) ? std::nullopt : std::optional(value);
}

double or_nan(const std::optional<double>& value) {
  return value.value_or(std::numeric_limits<double>::quiet_NaN());
}

bool is_fraction(const std::optional<double>& value) {
  return !value || (*value >= 0 && *value <= 1);
}

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The names of datasets/logs/fields.h as `as` writes them, each after a comma.
std::string listed_fields(const std::function<std::string(const std::string&)>& as) {
  std::string list;
  datasets::for_each_field(Trial(),
                           [&](const char* name, const auto&) { list += ", " + as(name); });
  return list;
}

const std::string kFieldNames = listed_fields([](const std::string& name) { return name; });

// Other columns that every format has, and those that came with format 2.
const std::string kColumns1 =
    "number, architecture, state, failure, detail, validation_accuracy, finished_at, worker, ";
const std::string kColumns2 = "value, measures, predicted, precision, leased_until";
const std::string kNoColumns2 =
    "CAST(NULL AS DOUBLE PRECISION), CAST('' AS TEXT), 0, CAST('' AS TEXT), "
    "CAST(NULL AS DOUBLE PRECISION)";

const char* const kFromFormat1[] = {
    "ALTER TABLE trials ADD COLUMN value DOUBLE PRECISION",
    "ALTER TABLE trials ADD COLUMN measures TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE trials ADD COLUMN predicted INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE trials ADD COLUMN precision TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE trials ADD COLUMN leased_until DOUBLE PRECISION",
    "UPDATE trials SET value = validation_accuracy",
};
const char* const kFromFormat2[] = {"ALTER TABLE epochs ADD COLUMN value DOUBLE PRECISION"};

constexpr const char* kAccuracy = "validation_accuracy";

// As they are stored: a JSON object of every measure, the validation accuracy among them.
std::string measures_text(const Trial& trial) {
  nlohmann::json json = trial.measures;
  if (trial.validation_accuracy) json[kAccuracy] = *trial.validation_accuracy;
  return json.empty() ? "" : json.dump();
}

std::optional<double> value_of(const Trial& trial) {
  return trial.value ? trial.value : trial.validation_accuracy;
}

// Nothing where the text is no object of finite numbers.
std::optional<std::map<std::string, double>> parse_measures(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  std::map<std::string, double> measures;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_number()) return std::nullopt;
    measures[name] = value.get<double>();
  }
  return measures;
}

// Of a trial for which none are written what is the only one: its validation accuracy.
std::optional<std::map<std::string, double>> measures_in(
    const std::string& text, const std::optional<double>& validation_accuracy) {
  if (!text.empty()) return parse_measures(text);
  std::map<std::string, double> measures;
  if (validation_accuracy) measures[kAccuracy] = *validation_accuracy;
  return measures;
}

// What a reader may rely on, so nothing else is stored.
void check_result(const Trial& trial) {
  METAQNN_ASSERT(is_fraction(trial.validation_accuracy),
                 "accuracy of " + trial.architecture +
                     " outside [0, 1]: " + std::to_string(*trial.validation_accuracy));
  METAQNN_ASSERT((trial.state == TrialState::failed) == (trial.failure != Failure::none),
                 trial.architecture + " is " + to_string(trial.state) + " with the failure '" +
                     to_string(trial.failure) + "'");
  METAQNN_ASSERT(trial.attempts >= 0, "attempts below 0: " + std::to_string(trial.attempts));
  METAQNN_ASSERT(!trial.value || std::isfinite(*trial.value),
                 "value of " + trial.architecture + ": " + std::to_string(*trial.value));
  for (const auto& [name, value] : trial.measures)
    METAQNN_ASSERT(std::isfinite(value),
                   name + " of " + trial.architecture + ": " + std::to_string(value));
  METAQNN_ASSERT(trial.predicted == (trial.state == TrialState::stopped),
                 trial.architecture + " is " + to_string(trial.state) + " and " +
                     (trial.predicted ? "" : "not ") + "predicted");
}

template <typename Statement, typename... Value>
void run(Statement& statement, const std::tuple<Value...>& row) {
  std::apply([&](const auto&... value) { statement.run(value...); }, row);
}

}  // namespace

void throw_newer_format(const std::string& url, int64_t format) {
  throw DataError("study " + url + " was written by a newer metaqnn (format " +
                  std::to_string(format) + "; this one reads up to " +
                  std::to_string(kStudyFormat) + "); it is left as it is, use the newer program");
}

void throw_there_already(const std::string& url) {
  throw StudyExistsError("study " + url + " is there already; resume it, or give another name");
}

void throw_locked(const std::string& url) {
  throw FailureError("study " + url +
                     " is locked by another program; close it and run the same command again");
}

const std::string SqlStudy::kSelectTrials = "SELECT {trial columns} FROM trials ";

const std::string SqlStudy::kSelectBest =
    kSelectTrials + "WHERE state = 'complete' AND {value} IS NOT NULL ORDER BY ";

const std::string SqlStudy::kInsertTrial =
    "INSERT INTO trials (number, architecture, state, failure, detail, validation_accuracy, "
    "worker, "
    "created_at, finished_at, value, measures, predicted, precision, leased_until" +
    kFieldNames +
    ") VALUES (:number, :architecture, :state, :failure, :detail, :validation_accuracy, :worker, "
    ":created_at, :finished_at, :value, :measures, :predicted, :precision, :leased_until" +
    listed_fields([](const std::string& name) { return ":" + name; }) + ")";

const std::string SqlStudy::kFinishTrial =
    "UPDATE trials SET leased_until = NULL, state = :state, failure = :failure, detail = :detail, "
    "validation_accuracy = :validation_accuracy, finished_at = :finished_at, value = :value, "
    "measures = :measures, predicted = :predicted, precision = :precision" +
    listed_fields([](const std::string& name) { return name + " = :" + name; }) +
    " WHERE number = :number";

void SqlStudy::damaged(const std::string& what) const {
  throw DataError("study " + url_ + " is damaged (" + what + "); " + rescue_);
}

template <typename... Value>
Trial SqlStudy::to_trial(int64_t number, const Text& architecture, const Text& state,
                         const Text& failure, const Text& detail, MaybeReal validation_accuracy,
                         const Text& finished_at, int64_t worker, MaybeReal value,
                         const Text& measures, int64_t predicted, const Text& precision,
                         MaybeReal leased_until, const Value&... fields) {
  const auto must = [&](bool right, const char* what) {
    if (!right) damaged("trial " + std::to_string(number) + ": " + what);
  };
  must(number >= 1, "number below 1");
  must(is_fraction(validation_accuracy), "accuracy outside [0, 1]");
  Trial trial;
  datasets::set_fields(trial, fields...);
  must(trial.attempts >= 0 && trial.attempts <= std::numeric_limits<int>::max(),
       "impossible attempts");
  trial.number = number;
  trial.architecture = architecture;
  trial.state = state_of(state);
  trial.failure = parse_failure(failure);
  must((trial.state == TrialState::failed) == (trial.failure != Failure::none),
       "state and failure contradict each other");
  trial.detail = detail;
  trial.validation_accuracy = validation_accuracy;
  trial.finished_at = finished_at;
  trial.worker = worker;
  must(!value || std::isfinite(*value), "a value that is no number");
  trial.value = value ? value : validation_accuracy;
  auto parsed = measures_in(measures, validation_accuracy);
  must(parsed.has_value(), "measures that are no numbers by name");
  trial.measures = std::move(*parsed);
  trial.predicted = predicted != 0;
  trial.precision = precision;
  trial.leased_until = leased_until;
  return trial;
}

template <typename Query, typename... Key>
std::optional<Trial> SqlStudy::one_trial(Query& query, const Key&... key) {
  return guarded([&] {
    std::optional<Trial> trial;
    query.each([&](auto&&... column) { trial = to_trial(column...); }, key...);
    return trial;
  });
}

void SqlStudy::fail(const soci::soci_error& error) {
  translate(error);
  METAQNN_ASSERT(false, "an error without a meaning: " + error.get_error_message());
}

void SqlStudy::use_format(int64_t format) {
  if (format > kStudyFormat) throw_newer_format(url_, format);
  if (format < 1) damaged("format " + std::to_string(format));
  connection_.set_columns(
      {{"{trial columns}", kColumns1 + (format == 1 ? kNoColumns2 : kColumns2) + kFieldNames},
       {"{measures}", format == 1 ? "CAST('' AS TEXT)" : "measures"},
       {"{value}", format == 1 ? "validation_accuracy" : "value"},
       {"{epoch value}", format < 3 ? "CAST(NULL AS DOUBLE PRECISION)" : "value"}});
  format_ = static_cast<int>(format);
}

void SqlStudy::upgrade_tables(int from) {
  const auto run_all = [&](const auto& statements) {
    for (const char* statement : statements) connection_.session << statement;
  };
  if (from < 2) run_all(kFromFormat1);
  if (from < 3) run_all(kFromFormat2);
}

// In a transaction of its own. Another process may have been faster.
void SqlStudy::upgrade() {
  begin_writing();
  in_transaction_ = true;
  try {
    const int stored = stored_format();
    if (stored < kStudyFormat) {
      upgrade_tables(stored);
      store_format(kStudyFormat);
    }
    commit_.run();
    use_format(std::max(stored, kStudyFormat));
  } catch (...) {
    rollback();
    throw;
  }
  in_transaction_ = false;
}

void SqlStudy::put_info(const StudyInfo& info) {
  const auto put = [&](const std::string& key, const std::string& value) {
    connection_.session << "INSERT INTO study VALUES (:key, :value)", soci::use(key),
        soci::use(value);
  };
  put("configuration", info.configuration);
  put("seed", std::to_string(info.seed));
  put("created_at", now_utc());
  put("program_version", info.program_version);
  put("library_versions", info.library_versions);
}

StudyInfo SqlStudy::info() {
  return guarded([&] {
    StudyInfo info;
    info.configuration = get("configuration");
    info.created_at = get("created_at");
    info.program_version = get("program_version");
    info.library_versions = get("library_versions");
    const std::string seed = get("seed");
    const char* end = seed.data() + seed.size();
    const auto [stop, error] = std::from_chars(seed.data(), end, info.seed);
    if (error != std::errc() || stop != end) damaged("no seed: '" + seed + "'");
    return info;
  });
}

Counts SqlStudy::counts() {
  return guarded([&] {
    const Snapshot snapshot(*this);
    tally();
    Counts counts;
    for (const auto& [key, count] : tally_) {
      Trial like;
      std::tie(like.state, like.failure) = key;
      counts.by_state[like.state] += count;
      if (like.counts()) counts.unique_models += count;
      if (!like.finished()) counts.reserved += count;
    }
    std::tie(counts.samples, counts.last_sequence) = last_numbers();
    counts.repeats = repeats(counts.samples);
    return counts;
  });
}

std::optional<Trial> SqlStudy::find_trial(const std::string& architecture) {
  return one_trial(find_trial_, architecture);
}

std::optional<Trial> SqlStudy::trial(int64_t number) { return one_trial(trial_, number); }

std::optional<Trial> SqlStudy::held_trial(int64_t worker) { return one_trial(held_trial_, worker); }

std::vector<Trial> SqlStudy::orphaned_trials() {
  return guarded([&] {
    std::vector<Trial> trials;
    orphaned_trials_.each([&](auto&&... column) { trials.push_back(to_trial(column...)); },
                          unix_seconds());
    return trials;
  });
}

std::optional<std::string> SqlStudy::note(const std::string& name) {
  return guarded([&]() -> std::optional<std::string> {
    const auto row = note_.first(kNote + name);
    return row ? std::optional(std::get<0>(*row)) : std::nullopt;
  });
}

std::vector<std::string> SqlStudy::notes(const std::string& beginning) {
  return guarded([&] {
    std::vector<std::string> texts;
    notes_.each([&](const Text& text) { texts.push_back(text); }, kNote + beginning,
                kNote + beginning);
    return texts;
  });
}

std::optional<Trial> SqlStudy::best_trial(datasets::Direction direction) {
  return one_trial(direction == datasets::Direction::minimize ? least_trial_ : largest_trial_);
}

std::vector<std::string> SqlStudy::pending_architectures() {
  return guarded([&] {
    std::vector<std::string> architectures;
    pending_architectures_.each([&](const Text& text) { architectures.push_back(text); });
    return architectures;
  });
}

std::vector<Trial> SqlStudy::trials(bool with_curves) {
  return guarded([&] {
    const Snapshot snapshot(*this);
    std::vector<Trial> trials;
    trials_.each([&](auto&&... column) { trials.push_back(to_trial(column...)); });
    if (with_curves) read_curves(trials);
    return trials;
  });
}

std::vector<Sample> SqlStudy::samples() {
  return guarded([&] {
    std::vector<Sample> samples;
    samples_.each([&](int64_t number, int64_t trial, double epsilon, int64_t proposed_at,
                      MaybeInteger sequence) {
      samples.push_back({number, trial, epsilon, proposed_at, sequence});
    });
    return samples;
  });
}

std::vector<SequencedSample> SqlStudy::sequenced_samples_after(int64_t after, bool with_measures) {
  return guarded([&] {
    std::vector<SequencedSample> samples;
    sequenced_samples_.each(
        [&](int64_t sequence, const Text& architecture, const Text& state, const Text& failure,
            MaybeReal value, const Text& measures) {
          if (value && !std::isfinite(*value)) damaged("a value that is no number");
          Trial like;
          like.state = state_of(state);
          like.failure = parse_failure(failure);
          // One that is trained to its end after all keeps the worth that was predicted.
          const bool is_rewarded = like.counts() || !like.finished();
          samples.push_back({sequence, architecture, is_rewarded ? value : std::nullopt,
                             like.failure == Failure::not_learning});
          if (!with_measures) return;
          auto parsed = measures_in(measures, value);
          if (!parsed) damaged("a sample with measures that are no numbers by name");
          samples.back().measures = std::move(*parsed);
        },
        after);
    return samples;
  });
}

std::vector<Worker> SqlStudy::workers() {
  return guarded([&] {
    std::vector<Worker> workers;
    workers_.each([&](int64_t id, const Text& host, const Text& boot_id, const Text& pid_namespace,
                      int64_t pid, int64_t start_time) {
      workers.push_back({id, host, boot_id, pid_namespace, pid, start_time});
    });
    return workers;
  });
}

int64_t SqlStudy::add_trial(const Trial& trial, int64_t worker) {
  need_transaction();
  check_result(trial);
  return guarded([&] {
    METAQNN_ASSERT(!has_architecture_.first(trial.architecture),
                   trial.architecture + " is in the study already");
    const auto number = last_trial_.first();
    if (!number) damaged("no number for the next trial");
    Trial stored = trial;
    stored.number = std::get<0>(*number) + 1;
    const std::string now = now_utc();
    run(insert_trial_,
        std::tuple_cat(
            std::tuple(stored.number, trial.architecture, to_string(trial.state),
                       to_string(trial.failure), trial.detail, trial.validation_accuracy, worker,
                       now, trial.finished() ? now : "", value_of(trial), measures_text(trial),
                       trial.predicted ? 1 : 0, trial.precision, trial.leased_until),
            field_values(trial)));
    ++tally_[{trial.state, trial.failure}];
    write_curve(stored);
    return stored.number;
  });
}

int64_t SqlStudy::add_sample(int64_t trial, double epsilon) {
  need_transaction();
  return guarded([&] {
    const auto row = state_of_trial_.first(trial);
    METAQNN_ASSERT(row, "no trial " + std::to_string(trial));
    Trial like;
    like.state = state_of(std::get<0>(*row));
    const auto [last, last_sequence] = last_numbers();
    const MaybeInteger sequence = like.finished() ? MaybeInteger(last_sequence + 1) : std::nullopt;
    insert_sample_.run(last + 1, trial, epsilon, last_sequence, sequence);
    if (sequence) set_next_sequence_.run(*sequence + 1);
    return last + 1;
  });
}

std::optional<Trial> SqlStudy::claim_waiting_trial(int64_t worker, MaybeReal leased_until) {
  need_transaction();
  return taken(one_trial(waiting_trial_), worker, leased_until);
}

std::optional<Trial> SqlStudy::resume_stopped_trial(int64_t number, int64_t worker) {
  need_transaction();
  std::optional<Trial> trial = this->trial(number);
  if (!trial || trial->state != TrialState::stopped) return std::nullopt;
  return taken(std::move(trial), worker, std::nullopt);
}

// Under this worker, or this lease, from now on.
std::optional<Trial> SqlStudy::taken(std::optional<Trial> trial, int64_t worker,
                                     MaybeReal leased_until) {
  if (!trial) return std::nullopt;
  guarded([&] {
    claim_trial_.run(worker, leased_until, trial->number);
    if (!trial->predicted) delete_curve_.run(trial->number);  // of an attempt that broke off
  });
  moved(trial->state, trial->failure, TrialState::running, trial->failure);
  trial->state = TrialState::running;
  trial->leased_until = leased_until;
  return trial;
}

void SqlStudy::store_epochs(const Trial& trial, int64_t worker) {
  need_transaction();
  guarded([&] {
    const auto held = held_.first(trial.number, worker);
    if (!held || std::get<0>(*held) != to_string(TrialState::running) || std::get<2>(*held) != 0)
      return;
    delete_curve_.run(trial.number);
    write_curve(trial);
  });
}

bool SqlStudy::finish_trial(const Trial& trial, int64_t worker) {
  need_transaction();
  METAQNN_ASSERT(trial.finished(), "a trial is finished as " + to_string(trial.state));
  check_result(trial);
  return guarded([&] {
    const auto held = held_.first(trial.number, worker);
    if (!held) return false;
    const auto& [state, failure, was_predicted] = *held;
    if (was_predicted != 0) add_to_note(*this, kRevisions, 1);
    run(finish_trial_,
        std::tuple_cat(std::tuple(to_string(trial.state), to_string(trial.failure), trial.detail,
                                  trial.validation_accuracy, now_utc(), value_of(trial),
                                  measures_text(trial), trial.predicted ? 1 : 0, trial.precision),
                       field_values(trial), std::tuple(trial.number)));
    moved(state_of(state), parse_failure(failure), trial.state, trial.failure);
    delete_curve_.run(trial.number);
    write_curve(trial);
    give_sequences(trial.number);
    return true;
  });
}

void SqlStudy::remark(int64_t trial, int64_t worker, const std::string& detail) {
  need_transaction();
  guarded([&] { remark_.run(detail, trial, worker); });
}

void SqlStudy::release_trial(int64_t number, int64_t attempts) {
  need_transaction();
  const auto trial = this->trial(number);
  if (!trial || trial->state != TrialState::running) return;
  guarded([&] { release_trial_.run(attempts, number); });
  moved(TrialState::running, trial->failure, TrialState::waiting, trial->failure);
}

void SqlStudy::set_note(const std::string& name, const std::string& text) {
  need_transaction();
  guarded([&] { set_note_.run(kNote + name, text); });
}

void SqlStudy::set_configuration(const std::string& toml) {
  need_transaction();
  guarded([&] { set_configuration_.run(toml); });
}

int64_t SqlStudy::register_worker(const Worker& worker) {
  need_transaction();
  return guarded([&] {
    const auto id = insert_worker_.first(worker.host, worker.boot_id, worker.pid_namespace,
                                         worker.pid, worker.start_time);
    METAQNN_ASSERT(id, "no number of the new worker");
    return std::get<0>(*id);
  });
}

void SqlStudy::remove_worker(int64_t worker) {
  need_transaction();
  guarded([&] { delete_worker_.run(worker); });
}

bool SqlStudy::begin_snapshot() {
  if (in_transaction_ || in_snapshot_) return false;
  guarded([&] { begin_reading(); });
  in_snapshot_ = true;
  return true;
}

void SqlStudy::end_snapshot() noexcept {
  in_snapshot_ = false;
  roll_back_quietly();
}

void SqlStudy::begin() {
  METAQNN_ASSERT(!in_transaction_ && !in_snapshot_,
                 "a transaction or a snapshot is in progress on " + url_);
  METAQNN_ASSERT(may_write(), url_ + " was opened to read");
  if (format_ < kStudyFormat) guarded([&] { upgrade(); });
  guarded([&] { begin_writing(); });
  in_transaction_ = true;
}

void SqlStudy::commit() {
  need_transaction();
  guarded([&] { commit_.run(); });
  in_transaction_ = false;
}

void SqlStudy::rollback() noexcept {
  if (!in_transaction_) return;
  in_transaction_ = false;
  tally_version_ = kUnknownVersion;
  walked_ = {};
  roll_back_quietly();
}

void SqlStudy::need_transaction() const {
  METAQNN_ASSERT(in_transaction_, "writing to " + url_ + " needs a Transaction");
}

void SqlStudy::roll_back_quietly() noexcept {
  try {
    roll_back_.run();
  } catch (const std::exception&) {
    // The database has rolled back by itself (a full disk), or the connection is beyond use and the
    // next call says so.
  }
}

std::string SqlStudy::get(const std::string& key) {
  std::string value;
  connection_.session << "SELECT value FROM study WHERE key = :key", soci::use(key),
      soci::into(value);
  if (!connection_.session.got_data()) damaged("no " + key);
  return value;
}

TrialState SqlStudy::state_of(const std::string& name) {
  try {
    return parse_trial_state(name);
  } catch (const DataError& error) {
    damaged(error.what());
  }
}

// Sequence numbers are 1, 2, 3, ... up to the counter, and every sample has its trial.
void SqlStudy::check_samples() {
  const auto row = sample_check_.first();
  if (!row) damaged("no counters");
  const auto [last, smallest, largest, count, orphans] = *row;
  if (last < 0 || largest != last || count != last || smallest != (last > 0 ? 1 : 0))
    damaged("sequence numbers of samples are not 1 to " + std::to_string(last));
  if (orphans > 0) damaged("a sample without its trial");
}

// Counting thousands of rows for each proposal would cost more than all the rest, so the counts
// are kept for as long as no other connection is known to write, and follow what this one does.
void SqlStudy::tally() {
  const std::optional<int64_t> version = data_version();
  if (version && *version == tally_version_) return;
  tally_version_ = kUnknownVersion;
  tally_.clear();
  count_trials_.each([&](const Text& state, const Text& failure, int64_t count) {
    tally_[{state_of(state), parse_failure(failure)}] += count;
  });
  tally_version_ = version.value_or(kUnknownVersion);
}

void SqlStudy::moved(TrialState state, Failure failure, TrialState to_state, Failure to_failure) {
  --tally_[{state, failure}];
  ++tally_[{to_state, to_failure}];
}

// The last number and the last sequence number of a sample; 0 where there is none.
std::pair<int64_t, int64_t> SqlStudy::last_numbers() {
  const auto row = last_numbers_.first();
  if (!row) damaged("no counters");
  return {std::get<0>(*row), std::get<1>(*row)};
}

// Samples after the last one that led to a trial first. They stay as they are, so only those that
// are new here are looked at.
int64_t SqlStudy::repeats(int64_t samples) {
  if (samples > walked_.samples) {
    first_samples_.each(
        [&](int64_t trial, int64_t sample) {
          if (walked_.trials.insert(trial).second) walked_.last = std::max(walked_.last, sample);
        },
        walked_.samples);
    walked_.samples = samples;
  }
  return samples - walked_.last;
}

void SqlStudy::read_curves(std::vector<Trial>& trials) {
  auto trial = trials.begin();
  curves_.each([&](int64_t number, MaybeReal training_loss, MaybeReal training_accuracy,
                   MaybeReal validation_loss, MaybeReal validation_accuracy, MaybeReal value) {
    while (trial != trials.end() && trial->number < number) ++trial;
    if (trial == trials.end() || trial->number != number)
      damaged("a learning curve without its trial");
    trial->curve.push_back({or_nan(training_loss), or_nan(training_accuracy),
                            or_nan(validation_loss), or_nan(validation_accuracy), or_nan(value)});
  });
}

void SqlStudy::write_curve(const Trial& trial) {
  int64_t index = 0;
  for (const EpochResult& epoch : trial.curve) {
    insert_epoch_.run(trial.number, ++index, known(epoch.training_loss),
                      known(epoch.training_accuracy), known(epoch.validation_loss),
                      known(epoch.validation_accuracy), known(epoch.value));
  }
}

// The walks that led to a trial while it was in training, in the order of their numbers.
void SqlStudy::give_sequences(int64_t trial) {
  std::vector<int64_t> numbers;
  pending_samples_.each([&](int64_t number) { numbers.push_back(number); }, trial);
  if (numbers.empty()) return;
  int64_t sequence = last_numbers().second;
  for (int64_t number : numbers) set_sequence_.run(++sequence, number);
  set_next_sequence_.run(sequence + 1);
}

}  // namespace metaqnn::search
