// A study in one SQLite file, through SOCI.
//
// Format 1 (docs/study.md). The number is SQLite's user_version, so that it can be read from the file's first 100 bytes
// before anything is opened.
//
//   study     key, value                    what the study says about itself
//   counters  next_sequence                 one row, locked by every transaction that gives out sequence numbers
//   trials    one row per architecture
//   epochs    trial, epoch                  learning curves
//   samples   one row per walk; sequence is NULL until its result is known
//   workers   who works now
//
// Journal: WAL, so that readers never wait. Every writing transaction begins IMMEDIATE: a deferred one would have to
// upgrade its lock later, which WAL refuses at once when another process has written in between.
#include <fcntl.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <utility>

#include "architecture/error.h"
#include "search/study/study.h"

namespace metaqnn::search {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;

const char* const kSchema[] = {
    "CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE counters (id INTEGER PRIMARY KEY CHECK (id = 1), next_sequence INTEGER NOT NULL)",
    "INSERT INTO counters VALUES (1, 1)",
    "CREATE TABLE trials (number INTEGER PRIMARY KEY, architecture TEXT NOT NULL UNIQUE, state TEXT NOT NULL, "
    "failure TEXT NOT NULL, detail TEXT NOT NULL, validation_accuracy REAL, epsilon REAL NOT NULL, "
    "attempts INTEGER NOT NULL, origin TEXT NOT NULL, worker INTEGER NOT NULL, parameters INTEGER, macs INTEGER, "
    "memory_bytes INTEGER, learning_rate REAL, seconds REAL, images_per_second REAL, created_at TEXT NOT NULL, "
    "finished_at TEXT NOT NULL)",
    "CREATE INDEX trials_by_state ON trials (state, failure)",
    "CREATE TABLE epochs (trial INTEGER NOT NULL REFERENCES trials, epoch INTEGER NOT NULL, training_loss REAL, "
    "training_accuracy REAL, validation_loss REAL, validation_accuracy REAL, PRIMARY KEY (trial, epoch)) "
    "WITHOUT ROWID",
    "CREATE TABLE samples (number INTEGER PRIMARY KEY, trial INTEGER NOT NULL REFERENCES trials, "
    "epsilon REAL NOT NULL, proposed_at INTEGER NOT NULL, sequence INTEGER UNIQUE)",
    "CREATE INDEX pending_samples ON samples (trial) WHERE sequence IS NULL",
    "CREATE TABLE workers (id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, boot_id TEXT NOT NULL, "
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

fs::path file_of(const std::string& url) {
  const std::string prefix = "sqlite:///";
  if (url.rfind("postgresql:", 0) == 0)
    throw UsageError("study '" + url + "': this version keeps studies in SQLite files; use sqlite:///FILE");
  if (url.rfind(prefix, 0) != 0 || url.size() == prefix.size()) {
    throw UsageError("study '" + url +
                     "': expected sqlite:///relative.db or sqlite:////absolute.db");
  }
  return url.substr(prefix.size());
}

// What SOCI and SQLite report, as an error that says what to do.
[[noreturn]] void translate(const std::string& url, const std::string& message) {
  const auto has = [&](const char* part) { return message.find(part) != std::string::npos; };
  if (has("malformed") || has("not a database") || has("no such table") || has("no such column")) {
    throw DataError("study " + url + " is damaged (" + message +
                    "); restore a copy, or save what can be read with: sqlite3 FILE .recover");
  }
  if (has("full"))
    throw FailureError("study " + url + ": the disk is full; nothing is lost, free some space and run the same command again");
  if (has("locked") || has("busy"))
    throw FailureError("study " + url + " is locked by another program; close it and run the same command again");
  if (has("readonly"))
    throw FailureError("study " + url + " cannot be written; check the permissions of the file and its folder");
  throw FailureError("study " + url + ": " + message);
}

template <typename Action>
auto guarded(const std::string& url, Action action) {
  try {
    return action();
  } catch (const soci::soci_error& error) {
    translate(url, error.what());
  }
}

// One value on its way to or from a column that may be NULL.
template <typename T>
struct Nullable {
  T value{};
  soci::indicator indicator = soci::i_null;

  Nullable() = default;
  explicit Nullable(const std::optional<T>& from)
      : value(from.value_or(T{})), indicator(from ? soci::i_ok : soci::i_null) {}
  std::optional<T> get() const {
    return indicator == soci::i_ok ? std::optional<T>(value) : std::nullopt;
  }
};

using Integer = Nullable<long long>;
using Real = Nullable<double>;

Integer nullable(const std::optional<int64_t>& value) {
  return Integer(value ? std::optional<long long>(*value) : std::nullopt);
}
Real nullable(double value) {
  return Real(std::isnan(value) ? std::nullopt : std::optional(value));
}
double or_nan(const Real& real) {
  return real.get().value_or(std::numeric_limits<double>::quiet_NaN());
}
std::optional<int64_t> wide(const Integer& integer) {
  return integer.indicator == soci::i_ok ? std::optional<int64_t>(integer.value) : std::nullopt;
}

constexpr const char* kTrialColumns =
    "number, architecture, state, failure, detail, validation_accuracy, epsilon, attempts, origin, parameters, macs, "
    "memory_bytes, learning_rate, seconds, images_per_second, finished_at";

// The columns above, bound to variables; fetch one row after another and take each as a Trial.
class TrialRow {
 public:
  // clang-format off
  template <typename Prepared>
  auto bind(Prepared&& prepared) {
    return (prepared, soci::into(number_), soci::into(architecture_), soci::into(state_), soci::into(failure_),
            soci::into(detail_), into(accuracy_), soci::into(epsilon_), soci::into(attempts_), soci::into(origin_),
            into(parameters_), into(macs_), into(memory_), into(learning_rate_), into(seconds_),
            into(images_per_second_), soci::into(finished_at_));
  }
  // clang-format on

  Trial take() const {
    Trial trial;
    trial.number = number_;
    trial.architecture = architecture_;
    trial.state = parse_trial_state(state_);
    trial.failure = parse_failure(failure_);
    trial.detail = detail_;
    trial.validation_accuracy = accuracy_.get();
    trial.epsilon = epsilon_;
    trial.attempts = attempts_;
    trial.origin = origin_;
    trial.parameters = wide(parameters_);
    trial.macs = wide(macs_);
    trial.memory_bytes = wide(memory_);
    trial.learning_rate = learning_rate_.get();
    trial.seconds = seconds_.get();
    trial.images_per_second = images_per_second_.get();
    trial.finished_at = finished_at_;
    return trial;
  }

 private:
  template <typename T>
  static auto into(Nullable<T>& nullable) {
    return soci::into(nullable.value, nullable.indicator);
  }

  long long number_ = 0;
  std::string architecture_, state_, failure_, detail_, origin_, finished_at_;
  double epsilon_ = 0;
  int attempts_ = 0;
  Integer parameters_, macs_, memory_;
  Real accuracy_, learning_rate_, seconds_, images_per_second_;
};

class SqliteStudy : public Study {
 public:
  SqliteStudy(const std::string& url, const fs::path& file, Durability durability,
              int lock_timeout_seconds)
      : url_(url) {
    guarded(url_, [&] {
      sql_.open(soci::sqlite3,
                "dbname=\"" + file.string() + "\" timeout=" + std::to_string(lock_timeout_seconds));
      sql_ << (durability == Durability::power_loss ? "PRAGMA synchronous = FULL"
                                                    : "PRAGMA synchronous = NORMAL");
      sql_ << "PRAGMA foreign_keys = ON";
    });
  }

  // All of a new study, and the journal that it keeps from then on.
  void create(const StudyInfo& info) {
    begin();
    guarded(url_, [&] {
      for (const char* statement : kSchema) sql_ << statement;
      sql_ << "PRAGMA user_version = " << kFormat;
      put("configuration", info.configuration);
      put("seed", std::to_string(info.seed));
      put("created_at", now_utc());
      put("program_version", info.program_version);
      put("library_versions", info.library_versions);
    });
    commit();
    guarded(url_, [&] { sql_ << "PRAGMA journal_mode = WAL"; });
  }

  void check() {
    guarded(url_, [&] {
      std::string result;
      sql_ << "PRAGMA quick_check(1)", soci::into(result);
      if (result != "ok") translate(url_, "malformed: " + result);
    });
    info();
  }

  std::string url() const override { return url_; }

  StudyInfo info() override {
    return guarded(url_, [&] {
      StudyInfo info;
      info.configuration = get("configuration");
      info.created_at = get("created_at");
      info.program_version = get("program_version");
      info.library_versions = get("library_versions");
      try {
        info.seed = std::stoull(get("seed"));
      } catch (const std::logic_error&) {
        translate(url_, "malformed: no seed");
      }
      return info;
    });
  }

  Counts counts() override {
    return guarded(url_, [&] {
      Counts counts;
      long long samples = 0, next = 0, retries = 0;
      std::string state, failure;
      long long count = 0;
      soci::statement by_state =
          (sql_.prepare << "SELECT state, failure, COUNT(*) FROM trials GROUP BY state, failure",
           soci::into(state), soci::into(failure), soci::into(count));
      by_state.execute();
      while (by_state.fetch()) {
        Trial like;
        like.state = parse_trial_state(state);
        like.failure = parse_failure(failure);
        counts.by_state[like.state] += count;
        if (like.counts()) counts.unique_models += count;
        if (!like.finished()) counts.reserved += count;
      }
      sql_ << "SELECT COALESCE(MAX(number), 0) FROM samples", soci::into(samples);
      sql_ << "SELECT next_sequence FROM counters", soci::into(next);
      counts.samples = samples;
      counts.last_sequence = next - 1;
      counts.crash_retries = retries;
      return counts;
    });
  }

  std::optional<Trial> find_trial(const std::string& architecture) override {
    return one_trial("architecture = :key", architecture);
  }

  std::optional<Trial> trial(int64_t number) override {
    return one_trial("number = :key", static_cast<long long>(number));
  }

  std::optional<Trial> held_trial(int64_t worker) override {
    return one_trial("state = 'running' AND worker = :key", static_cast<long long>(worker));
  }

  std::optional<Trial> best_trial() override {
    return one_trial("state = :key AND validation_accuracy IS NOT NULL ORDER BY "
                     "validation_accuracy DESC, number LIMIT 1",
                     std::string("complete"));
  }

  std::vector<Trial> trials(bool with_curves) override {
    return guarded(url_, [&] {
      // One transaction, so that curves belong to the trials; a write transaction in progress serves as well.
      const bool own = !in_transaction_;
      if (own) sql_ << "BEGIN";
      std::vector<Trial> trials;
      try {
        TrialRow row;
        soci::statement statement = row.bind(
            sql_.prepare << "SELECT " << kTrialColumns << " FROM trials ORDER BY number");
        statement.execute();
        while (statement.fetch()) trials.push_back(row.take());
        if (with_curves) read_curves(trials);
      } catch (...) {
        if (own) sql_ << "ROLLBACK";
        throw;
      }
      if (own) sql_ << "COMMIT";
      return trials;
    });
  }

  std::vector<Sample> samples() override {
    return guarded(url_, [&] {
      long long number = 0, trial = 0, proposed_at = 0;
      double epsilon = 0;
      Integer sequence;
      soci::statement statement =
          (sql_.prepare << "SELECT number, trial, epsilon, proposed_at, sequence FROM samples ORDER BY number",
           soci::into(number), soci::into(trial), soci::into(epsilon), soci::into(proposed_at),
           soci::into(sequence.value, sequence.indicator));
      statement.execute();
      std::vector<Sample> samples;
      while (statement.fetch())
        samples.push_back({number, trial, epsilon, proposed_at, wide(sequence)});
      return samples;
    });
  }

  std::vector<SequencedSample> sequenced_samples_after(int64_t after) override {
    return guarded(url_, [&] {
      long long sequence = 0;
      const long long bound = after;
      std::string architecture, state, failure;
      Real accuracy;
      soci::statement statement =
          (sql_.prepare << "SELECT s.sequence, t.architecture, t.state, t.failure, t.validation_accuracy "
                           "FROM samples s JOIN trials t ON t.number = s.trial "
                           "WHERE s.sequence > :after ORDER BY s.sequence",
           soci::use(bound), soci::into(sequence), soci::into(architecture), soci::into(state),
           soci::into(failure), soci::into(accuracy.value, accuracy.indicator));
      statement.execute();
      std::vector<SequencedSample> samples;
      while (statement.fetch()) {
        Trial like;
        like.state = parse_trial_state(state);
        like.failure = parse_failure(failure);
        samples.push_back(
            {sequence, architecture, like.counts() ? accuracy.get() : std::nullopt});
      }
      return samples;
    });
  }

  int64_t add_trial(const Trial& trial, int64_t worker) override {
    need_transaction();
    METAQNN_ASSERT(!find_trial(trial.architecture), trial.architecture + " is in the study already");
    return guarded(url_, [&] {
      long long number = 0;
      sql_ << "SELECT COALESCE(MAX(number), 0) + 1 FROM trials", soci::into(number);
      const long long worker_id = worker;
      const std::string now = now_utc();
      sql_ << "INSERT INTO trials (number, architecture, state, failure, detail, epsilon, attempts, origin, worker, "
              "created_at, finished_at) VALUES (:number, :architecture, 'running', '', '', :epsilon, :attempts, "
              ":origin, :worker, :created, '')",
          soci::use(number), soci::use(trial.architecture), soci::use(trial.epsilon),
          soci::use(trial.attempts), soci::use(trial.origin), soci::use(worker_id), soci::use(now);
      Trial stored = trial;
      stored.number = number;
      write_result(stored);
      return static_cast<int64_t>(number);
    });
  }

  int64_t add_sample(int64_t trial_number, double epsilon) override {
    need_transaction();
    return guarded(url_, [&] {
      const long long trial_id = trial_number;
      std::string state;
      long long number = 0, next = 0;
      sql_ << "SELECT state FROM trials WHERE number = :trial", soci::use(trial_id), soci::into(state);
      METAQNN_ASSERT(sql_.got_data(), "no trial " + std::to_string(trial_number));
      sql_ << "SELECT COALESCE(MAX(number), 0) + 1 FROM samples", soci::into(number);
      sql_ << "SELECT next_sequence FROM counters", soci::into(next);
      const long long known = next - 1;
      const TrialState trial_state = parse_trial_state(state);
      const bool finished =
          trial_state == TrialState::complete || trial_state == TrialState::failed;
      Integer sequence = nullable(finished ? std::optional<int64_t>(next) : std::nullopt);
      if (finished) sql_ << "UPDATE counters SET next_sequence = next_sequence + 1";
      sql_ << "INSERT INTO samples (number, trial, epsilon, proposed_at, sequence) VALUES (:number, :trial, "
              ":epsilon, :known, :sequence)",
          soci::use(number), soci::use(trial_id), soci::use(epsilon), soci::use(known),
          soci::use(sequence.value, sequence.indicator);
      return static_cast<int64_t>(number);
    });
  }

  std::optional<Trial> claim_waiting_trial(int64_t worker) override {
    need_transaction();
    std::optional<Trial> trial =
        one_trial("state = :key ORDER BY number LIMIT 1", std::string("waiting"));
    if (!trial) return std::nullopt;
    guarded(url_, [&] {
      const long long number = trial->number, worker_id = worker;
      sql_ << "UPDATE trials SET state = 'running', worker = :worker WHERE number = :number",
          soci::use(worker_id), soci::use(number);
    });
    trial->state = TrialState::running;
    return trial;
  }

  bool finish_trial(const Trial& trial, int64_t worker) override {
    need_transaction();
    METAQNN_ASSERT(trial.finished(), "a trial is finished as " + to_string(trial.state));
    const auto held = held_trial(worker);
    if (!held || held->number != trial.number) return false;
    guarded(url_, [&] {
      write_result(trial);
      give_sequences(trial.number);
    });
    return true;
  }

  void release_trial(int64_t number, int attempts) override {
    need_transaction();
    guarded(url_, [&] {
      const long long id = number;
      sql_ << "UPDATE trials SET state = 'waiting', worker = 0, attempts = :attempts WHERE number = :number "
              "AND state = 'running'",
          soci::use(attempts), soci::use(id);
    });
  }

  int64_t register_worker(const Worker& worker) override {
    need_transaction();
    return guarded(url_, [&] {
      const long long pid = worker.pid, start_time = worker.start_time;
      sql_ << "INSERT INTO workers (host, boot_id, pid_namespace, pid, start_time) VALUES (:host, :boot, "
              ":namespace, :pid, :start)",
          soci::use(worker.host), soci::use(worker.boot_id), soci::use(worker.pid_namespace),
          soci::use(pid), soci::use(start_time);
      long long id = 0;
      sql_ << "SELECT last_insert_rowid()", soci::into(id);
      return static_cast<int64_t>(id);
    });
  }

  void remove_worker(int64_t worker) override {
    need_transaction();
    guarded(url_, [&] {
      const long long id = worker;
      sql_ << "DELETE FROM workers WHERE id = :id", soci::use(id);
    });
  }

  std::vector<Worker> workers() override {
    return guarded(url_, [&] {
      long long id = 0, pid = 0, start_time = 0;
      Worker worker;
      soci::statement statement =
          (sql_.prepare << "SELECT id, host, boot_id, pid_namespace, pid, start_time FROM workers ORDER BY id",
           soci::into(id), soci::into(worker.host), soci::into(worker.boot_id),
           soci::into(worker.pid_namespace), soci::into(pid), soci::into(start_time));
      statement.execute();
      std::vector<Worker> workers;
      while (statement.fetch()) {
        worker.id = id;
        worker.pid = pid;
        worker.start_time = start_time;
        workers.push_back(worker);
      }
      return workers;
    });
  }

 protected:
  void begin() override {
    METAQNN_ASSERT(!in_transaction_, "a transaction is in progress on " + url_);
    guarded(url_, [&] { sql_ << "BEGIN IMMEDIATE"; });
    in_transaction_ = true;
  }

  void commit() override {
    need_transaction();
    guarded(url_, [&] { sql_ << "COMMIT"; });
    in_transaction_ = false;
  }

  void rollback() noexcept override {
    if (!in_transaction_) return;
    in_transaction_ = false;
    try {
      sql_ << "ROLLBACK";
    } catch (const std::exception&) {
      // SQLite has rolled back by itself (a full disk), or the connection is beyond use and the next call says so.
    }
  }

 private:
  void need_transaction() const {
    METAQNN_ASSERT(in_transaction_, "writing to " + url_ + " needs a Transaction");
  }

  void put(const std::string& key, const std::string& value) {
    sql_ << "INSERT INTO study VALUES (:key, :value)", soci::use(key), soci::use(value);
  }

  std::string get(const std::string& key) {
    std::string value;
    sql_ << "SELECT value FROM study WHERE key = :key", soci::use(key), soci::into(value);
    if (!sql_.got_data()) translate(url_, "malformed: no " + key);
    return value;
  }

  template <typename Key>
  std::optional<Trial> one_trial(const std::string& condition, const Key& key) {
    return guarded(url_, [&]() -> std::optional<Trial> {
      TrialRow row;
      soci::statement statement =
          (row.bind(sql_.prepare << "SELECT " << kTrialColumns << " FROM trials WHERE " << condition),
           soci::use(key));
      statement.execute();
      if (!statement.fetch()) return std::nullopt;
      return row.take();
    });
  }

  void read_curves(std::vector<Trial>& trials) {
    long long number = 0;
    Real training_loss, training_accuracy, validation_loss, validation_accuracy;
    soci::statement statement =
        (sql_.prepare << "SELECT trial, training_loss, training_accuracy, validation_loss, validation_accuracy "
                         "FROM epochs ORDER BY trial, epoch",
         soci::into(number), soci::into(training_loss.value, training_loss.indicator),
         soci::into(training_accuracy.value, training_accuracy.indicator),
         soci::into(validation_loss.value, validation_loss.indicator),
         soci::into(validation_accuracy.value, validation_accuracy.indicator));
    statement.execute();
    auto trial = trials.begin();
    while (statement.fetch()) {
      while (trial != trials.end() && trial->number < number) ++trial;
      if (trial == trials.end()) break;
      trial->curve.push_back({or_nan(training_loss), or_nan(training_accuracy),
                              or_nan(validation_loss), or_nan(validation_accuracy)});
    }
  }

  void write_result(const Trial& trial) {
    const long long number = trial.number;
    const std::string state = to_string(trial.state), failure = to_string(trial.failure);
    const std::string finished_at = trial.finished() ? now_utc() : "";
    Real accuracy(trial.validation_accuracy), learning_rate(trial.learning_rate),
        seconds(trial.seconds), images_per_second(trial.images_per_second);
    Integer parameters = nullable(trial.parameters), macs = nullable(trial.macs),
                  memory = nullable(trial.memory_bytes);
    sql_ << "UPDATE trials SET state = :state, failure = :failure, detail = :detail, validation_accuracy = :accuracy, "
            "attempts = :attempts, parameters = :parameters, macs = :macs, memory_bytes = :memory, "
            "learning_rate = :rate, seconds = :seconds, images_per_second = :images, finished_at = :finished "
            "WHERE number = :number",
        soci::use(state), soci::use(failure), soci::use(trial.detail),
        soci::use(accuracy.value, accuracy.indicator), soci::use(trial.attempts),
        soci::use(parameters.value, parameters.indicator), soci::use(macs.value, macs.indicator),
        soci::use(memory.value, memory.indicator),
        soci::use(learning_rate.value, learning_rate.indicator),
        soci::use(seconds.value, seconds.indicator),
        soci::use(images_per_second.value, images_per_second.indicator), soci::use(finished_at),
        soci::use(number);
    write_curve(trial);
  }

  void write_curve(const Trial& trial) {
    const long long number = trial.number;
    sql_ << "DELETE FROM epochs WHERE trial = :trial", soci::use(number);
    for (size_t i = 0; i < trial.curve.size(); ++i) {
      const EpochResult& epoch = trial.curve[i];
      const int index = static_cast<int>(i) + 1;
      Real training_loss = nullable(epoch.training_loss),
                 training_accuracy = nullable(epoch.training_accuracy),
                 validation_loss = nullable(epoch.validation_loss),
                 validation_accuracy = nullable(epoch.validation_accuracy);
      sql_ << "INSERT INTO epochs VALUES (:trial, :epoch, :a, :b, :c, :d)", soci::use(number),
          soci::use(index), soci::use(training_loss.value, training_loss.indicator),
          soci::use(training_accuracy.value, training_accuracy.indicator),
          soci::use(validation_loss.value, validation_loss.indicator),
          soci::use(validation_accuracy.value, validation_accuracy.indicator);
    }
  }

  // The walks that led to a trial while it was in training, in the order of their numbers.
  void give_sequences(int64_t trial_number) {
    const long long trial_id = trial_number;
    std::vector<long long> numbers;
    long long number = 0;
    {
      soci::statement pending =
          (sql_.prepare << "SELECT number FROM samples WHERE trial = :trial AND sequence IS NULL ORDER BY number",
           soci::use(trial_id), soci::into(number));
      pending.execute();
      while (pending.fetch()) numbers.push_back(number);
    }
    for (long long sample : numbers) {
      sql_ << "UPDATE samples SET sequence = (SELECT next_sequence FROM counters) WHERE number = :number",
          soci::use(sample);
      sql_ << "UPDATE counters SET next_sequence = next_sequence + 1";
    }
  }

  std::string url_;
  soci::session sql_;
  bool in_transaction_ = false;
};

// Reads the format from the file's header, so that a file of another kind or of a newer format is not even opened.
void check_header(const std::string& url, const fs::path& file) {
  std::array<char, 100> header{};
  std::ifstream in(file, std::ios::binary);
  if (!in) throw DataError("study " + url + " cannot be read; check the permissions of " + file.string());
  in.read(header.data(), header.size());
  if (in.gcount() != static_cast<std::streamsize>(header.size()) ||
      std::memcmp(header.data(), "SQLite format 3", 16) != 0) {
    throw DataError(file.string() + " is not a study: it does not begin as an SQLite file; restore a copy of it");
  }
  uint32_t format = 0;  // user_version: big-endian at byte 60
  for (size_t i = 60; i < 64; ++i) format = format << 8 | static_cast<unsigned char>(header[i]);
  if (format == 0) throw DataError(file.string() + " is an SQLite file but not a study of metaqnn");
  if (format > kFormat) {
    throw DataError(file.string() + " was written by a newer metaqnn (format " + std::to_string(format) +
                    "; this one reads up to " + std::to_string(kFormat) + "); it is left as it is, use the newer program");
  }
}

}  // namespace

bool study_exists(const std::string& url) {
  const fs::path file = file_of(url);
  std::error_code error;
  return fs::exists(file, error) && fs::file_size(file, error) > 0;
}

// Made under another name and linked to its own when it is whole: a kill in between leaves no half study, and of two
// processes that create at once one is told that it is there.
std::unique_ptr<Study> create_study(const std::string& url, const StudyInfo& info,
                                    Durability durability) {
  const fs::path file = file_of(url);
  if (study_exists(url)) throw UsageError("study " + url + " is there already; resume it, or give another name");
  const fs::path folder = fs::absolute(file).parent_path();
  if (!fs::is_directory(folder))
    throw FailureError("study " + url + ": there is no folder " + folder.string() + "; make it first");
  const fs::path draft = file.string() + ".new-" + std::to_string(getpid());
  std::error_code ignored;
  fs::remove(draft, ignored);
  try {
    SqliteStudy(url, draft, Durability::power_loss, 60).create(info);
  } catch (...) {
    fs::remove(draft, ignored);
    throw;
  }
  if (fs::exists(file)) fs::remove(file, ignored);  // empty
  std::error_code error;
  fs::create_hard_link(draft, file, error);
  fs::remove(draft, ignored);
  if (error == std::errc::file_exists)
    throw UsageError("study " + url + " is there already; resume it, or give another name");
  if (error) throw FailureError("study " + url + " cannot be made: " + error.message());
  return open_study(url, durability);
}

std::unique_ptr<Study> open_study(const std::string& url, Durability durability,
                                  int lock_timeout_seconds) {
  const fs::path file = file_of(url);
  if (!study_exists(url))
    throw DataError("there is no study " + url + "; make one with metaqnn search or metaqnn import");
  check_header(url, file);
  auto study = std::make_unique<SqliteStudy>(url, file, durability, lock_timeout_seconds);
  study->check();
  return study;
}

}  // namespace metaqnn::search
