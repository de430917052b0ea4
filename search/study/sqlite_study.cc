// A study in one SQLite file, through SOCI. Format 1 is described in docs/study.md; its number is
// SQLite's user_version.
//
// Journal: WAL, so that readers never wait. Every writing transaction begins IMMEDIATE: a deferred
// one would have to upgrade its lock later, which WAL refuses at once when another process has
// written in between.
#include <fcntl.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sqlite3.h>  // SOCI 4.1 does not include it any more
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <system_error>
#include <type_traits>
#include <unordered_set>
#include <utility>

#include "architecture/error.h"
#include "search/study/sqlite_statement.h"
#include "search/study/study.h"

namespace metaqnn::search {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
// Before the name of a note among the keys of the table `study`.
const std::string kNote = "note ";

const char* const kSchema[] = {
    "CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE counters (id INTEGER PRIMARY KEY CHECK (id = 1), next_sequence INTEGER NOT NULL)",
    "INSERT INTO counters VALUES (1, 1)",
    "CREATE TABLE trials (number INTEGER PRIMARY KEY, architecture TEXT NOT NULL UNIQUE, state "
    "TEXT NOT NULL, "
    "failure TEXT NOT NULL, detail TEXT NOT NULL, validation_accuracy REAL, epsilon REAL NOT NULL, "
    "attempts INTEGER NOT NULL, origin TEXT NOT NULL, worker INTEGER NOT NULL, parameters INTEGER, "
    "macs INTEGER, "
    "memory_bytes INTEGER, learning_rate REAL, seconds REAL, images_per_second REAL, created_at "
    "TEXT NOT NULL, "
    "finished_at TEXT NOT NULL)",
    "CREATE INDEX trials_by_state ON trials (state, failure)",
    "CREATE TABLE epochs (trial INTEGER NOT NULL REFERENCES trials, epoch INTEGER NOT NULL, "
    "training_loss REAL, "
    "training_accuracy REAL, validation_loss REAL, validation_accuracy REAL, PRIMARY KEY (trial, "
    "epoch)) "
    "WITHOUT ROWID",
    "CREATE TABLE samples (number INTEGER PRIMARY KEY, trial INTEGER NOT NULL REFERENCES trials, "
    "epsilon REAL NOT NULL, proposed_at INTEGER NOT NULL, sequence INTEGER UNIQUE)",
    "CREATE INDEX pending_samples ON samples (trial) WHERE sequence IS NULL",
    "CREATE TABLE workers (id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, boot_id TEXT "
    "NOT NULL, "
    "pid_namespace TEXT NOT NULL, pid INTEGER NOT NULL, start_time INTEGER NOT NULL)",
};

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

// Absolute, so that a file called ":memory:" is a file and a later chdir() changes nothing.
fs::path file_of(const std::string& url) {
  const std::string prefix = "sqlite:///";
  if (url.rfind("postgresql:", 0) == 0) {
    throw UsageError("study '" + url +
                     "': this version keeps studies in SQLite files; use sqlite:///FILE");
  }
  if (url.rfind(prefix, 0) != 0 || url.size() == prefix.size()) {
    throw UsageError("study '" + url +
                     "': expected sqlite:///relative.db or sqlite:////absolute.db");
  }
  const std::string name = url.substr(prefix.size());
  // SOCI has no way to write one in its connection string, and a file name ends at a zero byte.
  if (name.find('"') != std::string::npos || name.find('\0') != std::string::npos)
    throw UsageError("study '" + url +
                     "': a file name must not hold a double quote or a zero byte");
  std::error_code error;
  const fs::path file = fs::absolute(name, error);
  return error ? fs::path(name) : file;
}

// The companions that SQLite keeps beside a file.
std::array<fs::path, 3> companions(const fs::path& file) {
  return {file.string() + "-journal", file.string() + "-wal", file.string() + "-shm"};
}

[[noreturn]] void damaged(const std::string& url, const std::string& what) {
  throw DataError("study " + url + " is damaged (" + what +
                  "); restore a copy, or save what can be read with: sqlite3 FILE .recover");
}

[[noreturn]] void newer_format(const std::string& url, int64_t format) {
  throw DataError("study " + url + " was written by a newer metaqnn (format " +
                  std::to_string(format) + "; this one reads up to " + std::to_string(kFormat) +
                  "); it is left as it is, use the newer program");
}

// What SOCI and SQLite report, as an error that says what to do. The code decides, not the text:
// the text may quote what was being stored.
[[noreturn]] void translate(const std::string& url, const soci::soci_error& error) {
  const std::string message = error.get_error_message();
  const auto has = [&](const char* part) { return message.find(part) != std::string::npos; };
  const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
  if (sqlite == nullptr) damaged(url, message);  // a value that does not fit its column
  switch (sqlite->result() & 0xff) {             // without the bits of the extended codes
    case SQLITE_NOTADB:
      throw DataError("study " + url +
                      " is not a study: it does not begin as an SQLite file; restore a copy of it, "
                      "or give another name");
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
      damaged(url, message);
    case SQLITE_ERROR:  // the statements are ours, so the tables are not
      if (has("no such") || has("no column") || has("values for") || has("unsupported file format"))
        damaged(url, message);
      break;
    case SQLITE_FULL:
      throw FailureError("study " + url +
                         ": the disk is full; what was committed is safe, free some space and run "
                         "the same command again");
    case SQLITE_IOERR:  // also what SQLite calls a quota and a limit on the size of files
      throw FailureError("study " + url + " cannot be read or written (" + message +
                         "); what was committed is safe, check the disk, its free space and your "
                         "quota, and run the same command again");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      throw FailureError("study " + url +
                         " is locked by another program; close it and run the same command again");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      throw FailureError("study " + url + " cannot be opened for writing (" + message +
                         "); check the permissions of the file and its folder");
    default:
      break;
  }
  throw FailureError("study " + url + ": " + message);
}

// A connection as SQLite's function takes it: of the type that SOCI 4.0 declares in its namespace
// sqlite_api together with the function, and that SOCI 4.1 leaves to sqlite3.h.
template <typename Connection>
Connection* argument_of(int (*)(Connection*, int, ...), void* connection) {
  return static_cast<Connection*>(connection);
}

std::optional<double> known(double value) {
  return std::isnan(value) ? std::nullopt : std::optional(value);
}

double or_nan(const std::optional<double>& value) {
  return value.value_or(std::numeric_limits<double>::quiet_NaN());
}

// What a statement below selects to make a Trial of it, and the types of these columns.
const std::string kSelectTrials =
    "SELECT number, architecture, state, failure, detail, validation_accuracy, epsilon, attempts, "
    "origin, parameters, macs, memory_bytes, learning_rate, seconds, images_per_second, "
    "finished_at "
    "FROM trials ";
using Text = std::string;
using MaybeInteger = std::optional<int64_t>;
using MaybeReal = std::optional<double>;
using TrialColumns =
    Out<int64_t, Text, Text, Text, Text, MaybeReal, double, int64_t, Text, MaybeInteger,
        MaybeInteger, MaybeInteger, MaybeReal, MaybeReal, MaybeReal, Text>;

bool is_fraction(const std::optional<double>& value) {
  return !value || (*value >= 0 && *value <= 1);
}

class SqliteStudy : public Study {
 public:
  SqliteStudy(const std::string& url, const fs::path& file, Durability durability,
              int lock_timeout_seconds)
      : url_(url) {
    guarded([&] {
      sql_.open(soci::sqlite3,
                "dbname=\"" + file.string() + "\" timeout=" + std::to_string(lock_timeout_seconds));
      sql_ << (durability == Durability::power_loss ? "PRAGMA synchronous = FULL"
                                                    : "PRAGMA synchronous = NORMAL");
      sql_ << "PRAGMA foreign_keys = ON";
    });
  }

  // All of a new study, and the journal that it keeps from then on.
  void create(const StudyInfo& info) {
    Transaction transaction(*this);
    guarded([&] {
      for (const char* statement : kSchema) sql_ << statement;
      sql_ << "PRAGMA user_version = " << kFormat;
      put("configuration", info.configuration);
      put("seed", std::to_string(info.seed));
      put("created_at", now_utc());
      put("program_version", info.program_version);
      put("library_versions", info.library_versions);
    });
    transaction.commit();
    guarded([&] { sql_ << "PRAGMA journal_mode = WAL"; });
  }

  // Everything here is read through SQLite, never by opening the file beside it: closing any other
  // descriptor of the file would drop the locks that SQLite holds for this whole process, and
  // another process could then take the journal away. `has_journal`: one lay there before this
  // connection came, which would begin an empty one to read.
  void check(bool has_journal) {
    leave_journal_alone(has_journal);
    check_contents();
    leave_journal_alone(false);
  }

  void check_contents() {
    const Snapshot snapshot(*this);
    guarded([&] {
      int format = 0, tables = 0;
      sql_ << "PRAGMA user_version", soci::into(format);
      if (format > kFormat) newer_format(url_, format);
      sql_ << "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN "
              "('study', 'counters', 'trials', 'epochs', 'samples', 'workers')",
          soci::into(tables);
      if (format != kFormat || tables != 6)
        throw DataError("study " + url_ + " is an SQLite file but not a study of metaqnn");
      std::string result;
      sql_ << "PRAGMA quick_check(1)", soci::into(result);
      if (result != "ok") damaged(url_, result);
      check_samples();
    });
    info();
  }

  std::string url() const override { return url_; }

  StudyInfo info() override {
    return guarded([&] {
      StudyInfo info;
      info.configuration = get("configuration");
      info.created_at = get("created_at");
      info.program_version = get("program_version");
      info.library_versions = get("library_versions");
      const std::string seed = get("seed");
      const char* end = seed.data() + seed.size();
      const auto [stop, error] = std::from_chars(seed.data(), end, info.seed);
      if (error != std::errc() || stop != end) damaged(url_, "no seed: '" + seed + "'");
      return info;
    });
  }

  Counts counts() override {
    const Snapshot snapshot(*this);
    return guarded([&] {
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

  std::optional<Trial> find_trial(const std::string& architecture) override {
    return one_trial(find_trial_, architecture);
  }

  std::optional<Trial> trial(int64_t number) override { return one_trial(trial_, number); }

  std::optional<Trial> held_trial(int64_t worker) override {
    return one_trial(held_trial_, worker);
  }

  std::optional<std::string> note(const std::string& name) override {
    return guarded([&]() -> std::optional<std::string> {
      const auto row = note_.first(kNote + name);
      return row ? std::optional(std::get<0>(*row)) : std::nullopt;
    });
  }

  std::optional<Trial> best_trial() override { return one_trial(best_trial_); }

  std::vector<std::string> pending_architectures() override {
    return guarded([&] {
      std::vector<std::string> architectures;
      pending_architectures_.each([&](const Text& text) { architectures.push_back(text); });
      return architectures;
    });
  }

  std::vector<Trial> trials(bool with_curves) override {
    const Snapshot snapshot(*this);
    return guarded([&] {
      std::vector<Trial> trials;
      trials_.each([&](auto&&... column) { trials.push_back(to_trial(column...)); });
      if (with_curves) read_curves(trials);
      return trials;
    });
  }

  std::vector<Sample> samples() override {
    return guarded([&] {
      std::vector<Sample> samples;
      samples_.each([&](int64_t number, int64_t trial, double epsilon, int64_t proposed_at,
                        MaybeInteger sequence) {
        samples.push_back({number, trial, epsilon, proposed_at, sequence});
      });
      return samples;
    });
  }

  std::vector<SequencedSample> sequenced_samples_after(int64_t after) override {
    return guarded([&] {
      std::vector<SequencedSample> samples;
      sequenced_samples_.each(
          [&](int64_t sequence, const Text& architecture, const Text& state, const Text& failure,
              MaybeReal accuracy) {
            if (!is_fraction(accuracy)) damaged(url_, "an accuracy outside [0, 1]");
            Trial like;
            like.state = state_of(state);
            like.failure = parse_failure(failure);
            samples.push_back({sequence, architecture, like.counts() ? accuracy : std::nullopt});
          },
          after);
      return samples;
    });
  }

  std::vector<Worker> workers() override {
    return guarded([&] {
      std::vector<Worker> workers;
      workers_.each([&](int64_t id, const Text& host, const Text& boot_id,
                        const Text& pid_namespace, int64_t pid, int64_t start_time) {
        workers.push_back({id, host, boot_id, pid_namespace, pid, start_time});
      });
      return workers;
    });
  }

  int64_t add_trial(const Trial& trial, int64_t worker) override {
    need_transaction();
    check_result(trial);
    return guarded([&] {
      METAQNN_ASSERT(!has_architecture_.first(trial.architecture),
                     trial.architecture + " is in the study already");
      const auto number = last_trial_.first();
      if (!number) damaged(url_, "no number for the next trial");
      Trial stored = trial;
      stored.number = std::get<0>(*number) + 1;
      const std::string now = now_utc();
      insert_trial_.run(stored.number, trial.architecture, to_string(trial.state),
                        to_string(trial.failure), trial.detail, trial.validation_accuracy,
                        trial.epsilon, trial.attempts, trial.origin, worker, trial.parameters,
                        trial.macs, trial.memory_bytes, trial.learning_rate, trial.seconds,
                        trial.images_per_second, now, trial.finished() ? now : "");
      ++tally_[{trial.state, trial.failure}];
      write_curve(stored);
      return stored.number;
    });
  }

  int64_t add_sample(int64_t trial, double epsilon) override {
    need_transaction();
    return guarded([&] {
      const auto row = state_of_trial_.first(trial);
      METAQNN_ASSERT(row, "no trial " + std::to_string(trial));
      Trial like;
      like.state = state_of(std::get<0>(*row));
      const auto [last, last_sequence] = last_numbers();
      const MaybeInteger sequence =
          like.finished() ? MaybeInteger(last_sequence + 1) : std::nullopt;
      insert_sample_.run(last + 1, trial, epsilon, last_sequence, sequence);
      if (sequence) set_next_sequence_.run(*sequence + 1);
      return last + 1;
    });
  }

  std::optional<Trial> claim_waiting_trial(int64_t worker) override {
    need_transaction();
    std::optional<Trial> trial = one_trial(waiting_trial_);
    if (!trial) return std::nullopt;
    guarded([&] { claim_trial_.run(worker, trial->number); });
    moved(trial->state, trial->failure, TrialState::running, trial->failure);
    trial->state = TrialState::running;
    return trial;
  }

  bool finish_trial(const Trial& trial, int64_t worker) override {
    need_transaction();
    METAQNN_ASSERT(trial.finished(), "a trial is finished as " + to_string(trial.state));
    check_result(trial);
    return guarded([&] {
      const auto held = failure_of_held_.first(trial.number, worker);
      if (!held) return false;
      finish_trial_.run(to_string(trial.state), to_string(trial.failure), trial.detail,
                        trial.validation_accuracy, trial.attempts, trial.parameters, trial.macs,
                        trial.memory_bytes, trial.learning_rate, trial.seconds,
                        trial.images_per_second, now_utc(), trial.number);
      moved(TrialState::running, parse_failure(std::get<0>(*held)), trial.state, trial.failure);
      delete_curve_.run(trial.number);
      write_curve(trial);
      give_sequences(trial.number);
      return true;
    });
  }

  void release_trial(int64_t number, int attempts) override {
    need_transaction();
    const auto trial = this->trial(number);
    if (!trial || trial->state != TrialState::running) return;
    guarded([&] { release_trial_.run(attempts, number); });
    moved(TrialState::running, trial->failure, TrialState::waiting, trial->failure);
  }

  void set_note(const std::string& name, const std::string& text) override {
    need_transaction();
    guarded([&] { set_note_.run(kNote + name, text); });
  }

  int64_t register_worker(const Worker& worker) override {
    need_transaction();
    return guarded([&] {
      insert_worker_.run(worker.host, worker.boot_id, worker.pid_namespace, worker.pid,
                         worker.start_time);
      const auto id = last_worker_.first();
      METAQNN_ASSERT(id, "no number of the new worker");
      return std::get<0>(*id);
    });
  }

  void remove_worker(int64_t worker) override {
    need_transaction();
    guarded([&] { delete_worker_.run(worker); });
  }

 protected:
  bool begin_snapshot() override {
    if (in_transaction_ || in_snapshot_) return false;
    guarded([&] { begin_reading_.run(); });
    in_snapshot_ = true;
    return true;
  }

  void end_snapshot() noexcept override {
    in_snapshot_ = false;
    roll_back_quietly();
  }

  void begin() override {
    METAQNN_ASSERT(!in_transaction_ && !in_snapshot_,
                   "a transaction or a snapshot is in progress on " + url_);
    guarded([&] { begin_writing_.run(); });
    in_transaction_ = true;
  }

  void commit() override {
    need_transaction();
    guarded([&] { commit_.run(); });
    in_transaction_ = false;
  }

  void rollback() noexcept override {
    if (!in_transaction_) return;
    in_transaction_ = false;
    tally_version_ = kUnknownVersion;
    walked_ = {};
    roll_back_quietly();
  }

 private:
  static constexpr int64_t kUnknownVersion = -1;

  template <typename Action>
  std::invoke_result_t<Action> guarded(Action action) {
    try {
      return action();
    } catch (const soci::soci_error& error) {
      translate(url_, error);
    }
  }

  // Closing the last connection moves the journal into the file and removes it. The first must not
  // happen to a file that is refused, the second should where the journal is this connection's.
  void leave_journal_alone(bool leave) {
    using namespace sqlite_api;
    auto* backend = static_cast<soci::sqlite3_session_backend*>(sql_.get_backend());
    sqlite3_db_config(argument_of(sqlite3_db_config, backend->conn_),
                      SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave ? 1 : 0, nullptr);
  }

  void need_transaction() const {
    METAQNN_ASSERT(in_transaction_, "writing to " + url_ + " needs a Transaction");
  }

  void roll_back_quietly() noexcept {
    try {
      roll_back_.run();
    } catch (const std::exception&) {
      // SQLite has rolled back by itself (a full disk), or the connection is beyond use and the
      // next call says so.
    }
  }

  void put(const std::string& key, const std::string& value) {
    sql_ << "INSERT INTO study VALUES (:key, :value)", soci::use(key), soci::use(value);
  }

  std::string get(const std::string& key) {
    std::string value;
    sql_ << "SELECT value FROM study WHERE key = :key", soci::use(key), soci::into(value);
    if (!sql_.got_data()) damaged(url_, "no " + key);
    return value;
  }

  TrialState state_of(const std::string& name) {
    try {
      return parse_trial_state(name);
    } catch (const DataError& error) {
      damaged(url_, error.what());
    }
  }

  Trial to_trial(int64_t number, const Text& architecture, const Text& state, const Text& failure,
                 const Text& detail, MaybeReal validation_accuracy, double epsilon,
                 int64_t attempts, const Text& origin, MaybeInteger parameters, MaybeInteger macs,
                 MaybeInteger memory_bytes, MaybeReal learning_rate, MaybeReal seconds,
                 MaybeReal images_per_second, const Text& finished_at) {
    const auto must = [&](bool right, const char* what) {
      if (!right) damaged(url_, "trial " + std::to_string(number) + ": " + what);
    };
    must(number >= 1, "number below 1");
    must(is_fraction(validation_accuracy), "accuracy outside [0, 1]");
    must(attempts >= 0 && attempts <= std::numeric_limits<int>::max(), "impossible attempts");
    Trial trial;
    trial.number = number;
    trial.architecture = architecture;
    trial.state = state_of(state);
    trial.failure = parse_failure(failure);
    must((trial.state == TrialState::failed) == (trial.failure != Failure::none),
         "state and failure contradict each other");
    trial.detail = detail;
    trial.validation_accuracy = validation_accuracy;
    trial.epsilon = epsilon;
    trial.attempts = static_cast<int>(attempts);
    trial.origin = origin;
    trial.parameters = parameters;
    trial.macs = macs;
    trial.memory_bytes = memory_bytes;
    trial.learning_rate = learning_rate;
    trial.seconds = seconds;
    trial.images_per_second = images_per_second;
    trial.finished_at = finished_at;
    return trial;
  }

  template <typename Query, typename... Key>
  std::optional<Trial> one_trial(Query& query, const Key&... key) {
    return guarded([&] {
      std::optional<Trial> trial;
      query.each([&](auto&&... column) { trial = to_trial(column...); }, key...);
      return trial;
    });
  }

  // What a reader may rely on, so nothing else is stored.
  static void check_result(const Trial& trial) {
    METAQNN_ASSERT(is_fraction(trial.validation_accuracy),
                   "accuracy of " + trial.architecture +
                       " outside [0, 1]: " + std::to_string(*trial.validation_accuracy));
    METAQNN_ASSERT((trial.state == TrialState::failed) == (trial.failure != Failure::none),
                   trial.architecture + " is " + to_string(trial.state) + " with the failure '" +
                       to_string(trial.failure) + "'");
    METAQNN_ASSERT(trial.attempts >= 0, "attempts below 0: " + std::to_string(trial.attempts));
  }

  // Sequence numbers are 1, 2, 3, ... up to the counter, and every sample has its trial.
  void check_samples() {
    const auto row = sample_check_.first();
    if (!row) damaged(url_, "no counters");
    const auto [last, smallest, largest, count, orphans] = *row;
    if (last < 0 || largest != last || count != last || smallest != (last > 0 ? 1 : 0))
      damaged(url_, "sequence numbers of samples are not 1 to " + std::to_string(last));
    if (orphans > 0) damaged(url_, "a sample without its trial");
  }

  // Counting thousands of rows for each proposal would cost more than all the rest, so the counts
  // are kept for as long as no other connection writes, and follow what this one does.
  void tally() {
    const auto version = data_version_.first();
    if (!version) damaged(url_, "no data version");
    if (std::get<0>(*version) == tally_version_) return;
    tally_version_ = kUnknownVersion;
    tally_.clear();
    count_trials_.each([&](const Text& state, const Text& failure, int64_t count) {
      tally_[{state_of(state), parse_failure(failure)}] += count;
    });
    tally_version_ = std::get<0>(*version);
  }

  void moved(TrialState state, Failure failure, TrialState to_state, Failure to_failure) {
    --tally_[{state, failure}];
    ++tally_[{to_state, to_failure}];
  }

  // The last number and the last sequence number of a sample; 0 where there is none.
  std::pair<int64_t, int64_t> last_numbers() {
    const auto row = last_numbers_.first();
    if (!row) damaged(url_, "no counters");
    return {std::get<0>(*row), std::get<1>(*row)};
  }

  // Samples after the last one that led to a trial first. They stay as they are, so only those that
  // are new here are looked at.
  int64_t repeats(int64_t samples) {
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

  void read_curves(std::vector<Trial>& trials) {
    auto trial = trials.begin();
    curves_.each([&](int64_t number, MaybeReal training_loss, MaybeReal training_accuracy,
                     MaybeReal validation_loss, MaybeReal validation_accuracy) {
      while (trial != trials.end() && trial->number < number) ++trial;
      if (trial == trials.end() || trial->number != number)
        damaged(url_, "a learning curve without its trial");
      trial->curve.push_back({or_nan(training_loss), or_nan(training_accuracy),
                              or_nan(validation_loss), or_nan(validation_accuracy)});
    });
  }

  void write_curve(const Trial& trial) {
    int64_t index = 0;
    for (const EpochResult& epoch : trial.curve) {
      insert_epoch_.run(trial.number, ++index, known(epoch.training_loss),
                        known(epoch.training_accuracy), known(epoch.validation_loss),
                        known(epoch.validation_accuracy));
    }
  }

  // The walks that led to a trial while it was in training, in the order of their numbers.
  void give_sequences(int64_t trial) {
    std::vector<int64_t> numbers;
    pending_samples_.each([&](int64_t number) { numbers.push_back(number); }, trial);
    if (numbers.empty()) return;
    int64_t sequence = last_numbers().second;
    for (int64_t number : numbers) set_sequence_.run(++sequence, number);
    set_next_sequence_.run(sequence + 1);
  }

  std::string url_;
  soci::session sql_;
  bool in_transaction_ = false;
  bool in_snapshot_ = false;
  std::map<std::pair<TrialState, Failure>, int64_t> tally_;
  int64_t tally_version_ = kUnknownVersion;
  // Of the first so many samples: the trials they led to, and the last one that led to a new one.
  struct {
    int64_t samples = 0, last = 0;
    std::unordered_set<int64_t> trials;
  } walked_;

  SqliteStatement<In<>> begin_writing_{sql_, "BEGIN IMMEDIATE"};
  SqliteStatement<In<>> begin_reading_{sql_, "BEGIN"};
  SqliteStatement<In<>> commit_{sql_, "COMMIT"};
  SqliteStatement<In<>> roll_back_{sql_, "ROLLBACK"};

  SqliteStatement<In<Text>, Out<Text>> note_{sql_, "SELECT value FROM study WHERE key = :key"};
  SqliteStatement<In<Text, Text>> set_note_{sql_,
                                            "INSERT OR REPLACE INTO study VALUES (:key, :value)"};

  SqliteStatement<In<>, Out<int64_t>> data_version_{sql_, "PRAGMA data_version"};
  SqliteStatement<In<>, Out<Text, Text, int64_t>> count_trials_{
      sql_, "SELECT state, failure, COUNT(*) FROM trials GROUP BY state, failure"};
  SqliteStatement<In<>, Out<int64_t, int64_t>> last_numbers_{
      sql_,
      "SELECT (SELECT COALESCE(MAX(number), 0) FROM samples), next_sequence - 1 FROM counters"};
  SqliteStatement<In<int64_t>, Out<int64_t, int64_t>> first_samples_{
      sql_, "SELECT trial, MIN(number) FROM samples WHERE number > :after GROUP BY trial"};
  SqliteStatement<In<>, Out<int64_t, int64_t, int64_t, int64_t, int64_t>> sample_check_{
      sql_,
      "SELECT next_sequence - 1, (SELECT COALESCE(MIN(sequence), 0) FROM samples), "
      "(SELECT COALESCE(MAX(sequence), 0) FROM samples), (SELECT COUNT(sequence) FROM samples), "
      "(SELECT COUNT(*) FROM samples WHERE trial NOT IN (SELECT number FROM trials)) "
      "FROM counters"};

  SqliteStatement<In<Text>, TrialColumns> find_trial_{
      sql_, kSelectTrials + "WHERE architecture = :architecture"};
  SqliteStatement<In<int64_t>, TrialColumns> trial_{sql_, kSelectTrials + "WHERE number = :number"};
  SqliteStatement<In<int64_t>, TrialColumns> held_trial_{
      sql_, kSelectTrials + "WHERE state = 'running' AND worker = :worker ORDER BY number LIMIT 1"};
  SqliteStatement<In<>, TrialColumns> waiting_trial_{
      sql_, kSelectTrials + "WHERE state = 'waiting' ORDER BY number LIMIT 1"};
  SqliteStatement<In<>, Out<Text>> pending_architectures_{
      sql_,
      "SELECT architecture FROM trials WHERE state IN ('waiting', 'running') ORDER BY number"};
  SqliteStatement<In<>, TrialColumns> best_trial_{
      sql_, kSelectTrials +
                "WHERE state = 'complete' AND validation_accuracy IS NOT NULL "
                "ORDER BY validation_accuracy DESC, number LIMIT 1"};
  SqliteStatement<In<>, TrialColumns> trials_{sql_, kSelectTrials + "ORDER BY number"};
  SqliteStatement<In<>, Out<int64_t, MaybeReal, MaybeReal, MaybeReal, MaybeReal>> curves_{
      sql_,
      "SELECT trial, training_loss, training_accuracy, validation_loss, validation_accuracy "
      "FROM epochs ORDER BY trial, epoch"};
  SqliteStatement<In<>, Out<int64_t, int64_t, double, int64_t, MaybeInteger>> samples_{
      sql_, "SELECT number, trial, epsilon, proposed_at, sequence FROM samples ORDER BY number"};
  SqliteStatement<In<int64_t>, Out<int64_t, Text, Text, Text, MaybeReal>> sequenced_samples_{
      sql_,
      "SELECT s.sequence, t.architecture, t.state, t.failure, t.validation_accuracy "
      "FROM samples s JOIN trials t ON t.number = s.trial WHERE s.sequence > :after "
      "ORDER BY s.sequence"};

  SqliteStatement<In<Text>, Out<int64_t>> has_architecture_{
      sql_, "SELECT number FROM trials WHERE architecture = :architecture"};
  SqliteStatement<In<>, Out<int64_t>> last_trial_{sql_,
                                                  "SELECT COALESCE(MAX(number), 0) FROM trials"};
  SqliteStatement<
      In<int64_t, Text, Text, Text, Text, MaybeReal, double, int64_t, Text, int64_t, MaybeInteger,
         MaybeInteger, MaybeInteger, MaybeReal, MaybeReal, MaybeReal, Text, Text>>
      insert_trial_{
          sql_,
          "INSERT INTO trials (number, architecture, state, failure, detail, validation_accuracy, "
          "epsilon, attempts, origin, worker, parameters, macs, memory_bytes, learning_rate, "
          "seconds, images_per_second, created_at, finished_at) VALUES (:number, :architecture, "
          ":state, :failure, :detail, :accuracy, :epsilon, :attempts, :origin, :worker, "
          ":parameters, :macs, :memory, :rate, :seconds, :images, :created, :finished)"};
  SqliteStatement<In<int64_t, int64_t>> claim_trial_{
      sql_, "UPDATE trials SET state = 'running', worker = :worker WHERE number = :number"};
  SqliteStatement<In<int64_t, int64_t>, Out<Text>> failure_of_held_{
      sql_,
      "SELECT failure FROM trials WHERE number = :number AND state = 'running' "
      "AND worker = :worker"};
  SqliteStatement<In<Text, Text, Text, MaybeReal, int64_t, MaybeInteger, MaybeInteger, MaybeInteger,
                     MaybeReal, MaybeReal, MaybeReal, Text, int64_t>>
      finish_trial_{
          sql_,
          "UPDATE trials SET state = :state, failure = :failure, detail = :detail, "
          "validation_accuracy = :accuracy, attempts = :attempts, parameters = :parameters, "
          "macs = :macs, memory_bytes = :memory, learning_rate = :rate, seconds = :seconds, "
          "images_per_second = :images, finished_at = :finished WHERE number = :number"};
  SqliteStatement<In<int64_t, int64_t>> release_trial_{
      sql_,
      "UPDATE trials SET state = 'waiting', worker = 0, attempts = :attempts "
      "WHERE number = :number"};

  SqliteStatement<In<int64_t>> delete_curve_{sql_, "DELETE FROM epochs WHERE trial = :trial"};
  SqliteStatement<In<int64_t, int64_t, MaybeReal, MaybeReal, MaybeReal, MaybeReal>> insert_epoch_{
      sql_,
      "INSERT INTO epochs (trial, epoch, training_loss, training_accuracy, validation_loss, "
      "validation_accuracy) VALUES (:trial, :epoch, :a, :b, :c, :d)"};

  SqliteStatement<In<int64_t>, Out<Text>> state_of_trial_{
      sql_, "SELECT state FROM trials WHERE number = :number"};
  SqliteStatement<In<int64_t, int64_t, double, int64_t, MaybeInteger>> insert_sample_{
      sql_,
      "INSERT INTO samples (number, trial, epsilon, proposed_at, sequence) VALUES (:number, "
      ":trial, :epsilon, :proposed, :sequence)"};
  SqliteStatement<In<int64_t>, Out<int64_t>> pending_samples_{
      sql_, "SELECT number FROM samples WHERE trial = :trial AND sequence IS NULL ORDER BY number"};
  SqliteStatement<In<int64_t, int64_t>> set_sequence_{
      sql_, "UPDATE samples SET sequence = :sequence WHERE number = :number"};
  SqliteStatement<In<int64_t>> set_next_sequence_{sql_,
                                                  "UPDATE counters SET next_sequence = :next"};

  SqliteStatement<In<>, Out<int64_t, Text, Text, Text, int64_t, int64_t>> workers_{
      sql_, "SELECT id, host, boot_id, pid_namespace, pid, start_time FROM workers ORDER BY id"};
  SqliteStatement<In<Text, Text, Text, int64_t, int64_t>> insert_worker_{
      sql_,
      "INSERT INTO workers (host, boot_id, pid_namespace, pid, start_time) VALUES (:host, :boot, "
      ":namespace, :pid, :start)"};
  SqliteStatement<In<>, Out<int64_t>> last_worker_{sql_, "SELECT last_insert_rowid()"};
  SqliteStatement<In<int64_t>> delete_worker_{sql_, "DELETE FROM workers WHERE id = :id"};
};

[[noreturn]] void there_already(const std::string& url) {
  throw UsageError("study " + url + " is there already; resume it, or give another name");
}

bool is_there(const std::string& url, const fs::path& file) {
  std::error_code error;
  const fs::file_type type = fs::symlink_status(file, error).type();
  if (type == fs::file_type::none) {
    throw FailureError("study " + url + ": " + file.string() + " cannot be looked for (" +
                       error.message() + "); check the permissions of its folder");
  }
  return type != fs::file_type::not_found;
}

// A name for the draft of a study, unlike that of any other process.
fs::path draft_of(const fs::path& file) {
  return file.string() + ".new-" + std::to_string(getpid()) + "-" +
         std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
}

void remove_draft(const fs::path& draft) {
  std::error_code ignored;
  fs::remove(draft, ignored);
  for (const fs::path& companion : companions(draft)) fs::remove(companion, ignored);
}

// Drafts that a kill or a power cut has left; a younger one may be in the making.
void remove_old_drafts(const fs::path& file) {
  const std::string prefix = file.filename().string() + ".new-";
  const auto limit = fs::file_time_type::clock::now() - std::chrono::hours(1);
  std::error_code error;
  fs::directory_iterator entry(file.parent_path(), error);
  std::vector<fs::path> old;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code unknown;
    if (entry->path().filename().string().rfind(prefix, 0) != 0) continue;
    if (entry->last_write_time(unknown) < limit && !unknown) old.push_back(entry->path());
  }
  for (const fs::path& path : old) fs::remove(path, error);
}

// Gives a whole draft its name, unless that name is taken. Atomic where the file system can do it;
// the others leave a moment between looking and renaming.
void publish(const std::string& url, const fs::path& draft, const fs::path& file) {
  if (renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, file.c_str(), RENAME_NOREPLACE) != 0) {
    int error = errno;
    if (error == EEXIST || is_there(url, file)) there_already(url);
    if (error == EINVAL || error == ENOSYS)
      error = rename(draft.c_str(), file.c_str()) == 0 ? 0 : errno;
    if (error != 0) {
      throw FailureError("study " + url +
                         " cannot be made: " + std::generic_category().message(error));
    }
  }
  // The new name outlives a power cut only once its folder is on disk.
  const int folder = open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  fsync(folder);
  close(folder);
}

}  // namespace

bool study_exists(const std::string& url) { return is_there(url, file_of(url)); }

// Made under another name and renamed when it is whole.
std::unique_ptr<Study> create_study(const std::string& url, const StudyInfo& info,
                                    Durability durability) {
  const fs::path file = file_of(url);
  const fs::path folder = file.parent_path();
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw FailureError("study " + url + ": there is no folder " + folder.string() +
                       "; make it first");
  }
  if (is_there(url, file)) there_already(url);
  // SQLite would take a journal that lost its study for the new one's.
  for (const fs::path& companion : companions(file)) {
    if (!is_there(url, companion)) continue;
    if (is_there(url, file)) there_already(url);
    throw UsageError("study " + url + ": " + companion.string() +
                     " is left from a study that is gone; remove it, or give another name");
  }
  remove_old_drafts(file);
  const fs::path draft = draft_of(file);
  try {
    SqliteStudy(url, draft, Durability::power_loss, 60).create(info);
    publish(url, draft, file);
  } catch (...) {
    remove_draft(draft);
    throw;
  }
  return open_study(url, durability);
}

std::unique_ptr<Study> open_study(const std::string& url, Durability durability,
                                  int lock_timeout_seconds) {
  const fs::path file = file_of(url);
  if (!is_there(url, file)) {
    throw DataError("there is no study " + url +
                    "; make one with metaqnn search or metaqnn import");
  }
  std::error_code error;
  const fs::path target = fs::canonical(file, error);  // SQLite keeps the journal beside it
  const bool has_journal = is_there(url, (error ? file : target).string() + "-wal");
  auto study = std::make_unique<SqliteStudy>(url, file, durability, lock_timeout_seconds);
  study->check(has_journal);
  return study;
}

}  // namespace metaqnn::search
