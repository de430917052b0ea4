// What has this search done so far? A study is an ordered list of samples (walks of the agent) and
// the trials (trained architectures) they led to. Q-values, epsilon, "have we seen this" and every
// report are functions of that list. The format on disk: docs/study.md.
//
// One trial per architecture; as many samples as there were walks. A sample gets its sequence
// number when its result is known: at once if the architecture is finished, otherwise inside the
// transaction that stores the trial's result (pending samples of a trial in the order of their
// numbers). Numbers come from one locked row, so they follow the order of commits.
//
// Several worker processes use a study at once. All writing happens between begin and commit of a
// Transaction, which holds the study's write lock from its start; a Transaction that is destroyed
// without commit() leaves no trace. A process that dies in one leaves no trace either. A Study
// belongs to one thread, and must not be carried through fork().
//
// Every call throws DataError where the study proves damaged, or where its file is not any more what
// its name leads to; StudyAwayError where its server is; and FailureError where it is locked for
// longer than the timeout, the disk is full, a right is missing, or reading or writing fails
// otherwise.
//
//   auto study = open_study("sqlite:///search.db");
//   transact(*study, [&](bool) {
//     const int64_t trial = study->add_trial(
//         {.architecture = "[C(64,3,1), SM(10)]", .state = TrialState::running, ...}, worker);
//     study->add_sample(trial, epsilon);
//   });
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::search {

using EpochResult = datasets::EpochResult;

// A stopped training was cut off because it was predicted to come to little.
enum class TrialState { waiting, running, complete, failed, stopped };
std::string to_string(TrialState state);
TrialState parse_trial_state(const std::string& name);  // throws DataError

// Why a trial failed. Only not_learning counts as a unique model and is rewarded (chance); a
// network that failed in another way is not counted, not rewarded and not proposed again.
enum class Failure {
  none,
  not_learning,
  out_of_memory,
  not_a_number,
  crashed,
  timeout,
  too_large,
  error,
  reported  // in the words of whoever trained it, which are its detail
};
std::string to_string(Failure failure);  // "not learning", "out of memory", "nan", "crashed", ...
// The inverse, ignoring what stands in parentheses; Failure::error if unknown.
Failure parse_failure(const std::string& reason);

struct Trial {
  int64_t number = 0;  // 1-based, in the order of proposal
  std::string architecture;
  TrialState state = TrialState::waiting;
  Failure failure = Failure::none;
  std::string detail;  // more about the failure: "signal 11", "7340032 parameters"
  // Best over the epochs, a fraction in [0, 1]; chance for not_learning. None where something else
  // is measured.
  std::optional<double> validation_accuracy;
  // What the study searches for, in its own unit; stored as the validation accuracy where it is not
  // set. Every finite number that was measured, by name; the validation accuracy is always there.
  std::optional<double> value;
  std::map<std::string, double> measures;
  // `value` is a prediction: of a stopped training, or of one that is now trained to its end.
  bool predicted = false;
  double epsilon = 0;  // when it was proposed
  // Times a worker began it and was not killed from outside together with its supervisor.
  int64_t attempts = 0;
  std::string origin;  // "search", "import", ...
  std::optional<int64_t> parameters, macs, memory_bytes;
  std::optional<double> learning_rate;  // the initial rate that was used in the end
  std::optional<double> seconds, images_per_second;
  std::string precision;  // "float32", "bfloat16"; "" where nothing was trained or it is not known
  // Unix seconds until which a reservation without a worker holds.
  std::optional<double> leased_until;
  int64_t worker = 0;              // that has it, or had it last; 0 for none; set by the study
  std::string finished_at;         // UTC, ISO 8601; "" while not finished; set by the study
  std::vector<EpochResult> curve;  // stored with the rest; read back only by trials(true)

  bool finished() const { return state != TrialState::waiting && state != TrialState::running; }
  // Complete, stopped, or failed because it does not learn: what the schedule counts.
  bool counts() const {
    return state == TrialState::complete || state == TrialState::stopped ||
           failure == Failure::not_learning;
  }
  // "", "not learning", "crashed (signal 11)"; of one that waits again why its training broke off.
  std::string reason() const;
  // Failed, for a reason as reason() writes it; one that is empty is an error, one that is unknown is
  // kept as it stands.
  void fail(const std::string& reason);
  void forget_prediction();  // and what belongs to it, where its value is one
};

struct Sample {
  int64_t number = 0;  // 1-based, in the order of proposal
  int64_t trial = 0;
  double epsilon = 0;
  int64_t proposed_at = 0;          // the last sequence number that was known when it was proposed
  std::optional<int64_t> sequence;  // none until the result is known
};

// A sample whose result is known, as the fold needs it.
struct SequencedSample {
  int64_t sequence = 0;
  std::string architecture;
  // Its value, in the unit of what the study searches for; strategies that make_strategy() makes see
  // what it is worth (reward_of). None: the trial failed in a way that is not rewarded.
  std::optional<double> reward;
  bool not_learning = false;
  // All that was measured of the network, by name, of failures too; only where it was asked for.
  std::map<std::string, double> measures{};
};

// What is searched for: one measure, whether more or less of it is better, and what its values are worth
// to an agent that learns from rewards. The default is the paper's: the validation accuracy. Or several:
// then the first is a trial's value, which all that shows the best goes by, and what counts is the front.
//
//   Objective latency{"latency_ms", datasets::Direction::minimize, std::pair(20.0, 5.0)};
//   reward_of(latency, {.sequence = 1, .architecture = "[SM(10)]", .reward = 8.0});  // 0.8
struct Objective {
  std::string measure;  // the first; "": the validation accuracy
  // Not set: that of the range, else more is better. A measure whose name says that less is better
  // needs it.
  std::optional<datasets::Direction> direction;
  // The values whose rewards are 0 and 1, in the unit of the measure; those between lie on the line
  // between, those beyond count as the nearer end.
  std::optional<std::pair<double, double>> reward_range;
  // The most that a finished network may have of a measure, by name (keep_limits).
  std::map<std::string, double> limits{};
  // The measures after the first, with their directions.
  std::vector<datasets::Measure> others{};
  // Of each measure the value from which on more of it counts: hypervolumes are those of what is better in
  // all. {}: the worse quartiles of the first networks (reference_of).
  std::vector<double> reference{};

  // By the direction, or the range, which has one too.
  std::optional<datasets::Direction> told_direction() const;
  bool is_accuracy() const { return measure.empty() || measure == datasets::Measure().name; }
  bool is_balanced_accuracy() const { return measure == datasets::kBalancedAccuracy; }
  bool is_fraction() const { return is_accuracy() || is_balanced_accuracy(); }
  bool has_several() const { return !others.empty(); }
  // Among the measures or the limits.
  bool names(const std::string& name) const;
  // Nothing is said of what is searched for.
  bool is_unset() const { return measure.empty() && !direction && !reward_range; }

  friend bool operator==(const Objective&, const Objective&) = default;
};

// What the trainer measures as this where the objective names it: the median time of one picture.
constexpr const char* kLatency = "latency_ms";

// The measure by its name in files, and its direction. Throws UsageError naming the key of a
// configuration where the direction has to be told, contradicts the measure, or is not that of the
// range.
datasets::Measure measure_of(const Objective& objective);
// All of them, the first first.
std::vector<datasets::Measure> measures_of(const Objective& objective);
// What was measured of a trial under this name, which may be that of one of its costs: parameters, macs,
// memory_bytes (or memory), seconds.
std::optional<double> measured_of(const Trial& trial, const std::string& name);

// What a network is worth by each of the measures, larger being better; none where it lacks one. `value`: of the
// first, `measured`: of the others by name.
std::optional<std::vector<double>> goals_of(const std::vector<datasets::Measure>& measures,
                                            const std::optional<double>& value,
                                            const std::map<std::string, double>& measured);
// What networks have to beat, in each goal, to count: the objective's reference, or else of each measure its limit, or
// else the value that three of four are no worse than, among the first 20 of `goals` (in the order in which they
// became known, at least one).
std::vector<double> reference_of(const Objective& objective,
                                 const std::vector<std::vector<double>>& goals);

// Larger is better, whatever the measure. From 0 to 1 where there is a range, and then a network that
// does not learn and has no value is worth the worst of it; otherwise the value, or minus the value
// where less is better. None where there is nothing to learn from.
std::optional<double> reward_of(const Objective& objective, const SequencedSample& sample);

// A complete trial that is above a limit becomes one that failed as too large, and keeps what was
// measured; one that lacks a measure of the objective or of its limits fails as an error. Parameters, MACs,
// memory and seconds are measures of every trial that has them, and stand among Trial::measures where the
// objective names them.
void keep_limits(const Objective& objective, Trial& trial);
// The trial has failed for it: "too large (latency_ms 31.2, limit 25)".
void fail_above_limit(const std::string& name, double measured, double limit, Trial& trial);

struct Counts {
  int64_t in(TrialState state) const {
    const auto found = by_state.find(state);
    return found == by_state.end() ? 0 : found->second;
  }

  std::map<TrialState, int64_t> by_state;
  int64_t unique_models = 0;  // finished trials for which counts() holds
  int64_t reserved = 0;       // waiting or running
  int64_t samples = 0;
  int64_t repeats = 0;  // samples after the last one that was the first of its trial
  int64_t last_sequence = 0;
};

// The note that counts how often a result has taken the place of a prediction: what was learned from
// samples before is then to be learned again from the first.
constexpr const char* kRevisions = "results in place of predictions";
// The note that counts the epochs which were trained twice for them.
constexpr const char* kEpochsAgain = "epochs trained again";

// What a study keeps about itself, written once. create_study() sets created_at.
struct StudyInfo {
  std::string configuration;  // the effective configuration, TOML
  uint64_t seed = 0;
  std::string created_at;  // UTC, ISO 8601
  std::string program_version;
  std::string library_versions;  // one line
};

// The server of a study restarts, has cut the connection, or has none left to give. What was
// committed is safe, and the same may work later.
class StudyAwayError : public FailureError {
 public:
  using FailureError::FailureError;
};

// Who works. On one host a worker lives as long as a process with its id and start time exists
// since this boot.
struct Worker {
  int64_t id = 0;
  std::string host, boot_id, pid_namespace;
  int64_t pid = 0;
  int64_t start_time = 0;  // clock ticks after boot, from /proc/PID/stat
};
Worker this_process();
// True, false, or nothing where it cannot be known from here: another host, another pid namespace,
// or a process that /proc hides. A worker that has died counts as alive until its supervisor has
// reaped it: until then the supervisor may still settle what the worker held.
std::optional<bool> is_alive(const Worker& worker);

class Study;
// False where this worker is known to be dead: on this host by what /proc says, of another because
// nobody there works on the study any more.
bool may_be_alive(Study& study, const Worker& worker);

class Study {
 public:
  virtual ~Study() = default;

  virtual StudyInfo info() = 0;
  virtual std::string url() const = 0;
  // Where something that belongs to it, but not into it, lies beside its file: FILE-name. Nothing
  // for a study on a server.
  virtual std::optional<std::filesystem::path> path_beside(const std::string& name) const {
    (void)name;
    return std::nullopt;
  }

  // Reading. Each call sees one consistent state, also outside a Transaction.
  virtual Counts counts() = 0;
  virtual std::optional<Trial> find_trial(const std::string& architecture) = 0;
  virtual std::optional<Trial> trial(int64_t number) = 0;
  virtual std::vector<Trial> trials(bool with_curves) = 0;  // by number
  virtual std::vector<Sample> samples() = 0;                // by number
  // By sequence. With all that was measured of each, if `with_measures`.
  virtual std::vector<SequencedSample> sequenced_samples_after(int64_t sequence,
                                                               bool with_measures = false) = 0;
  // Complete, of the best value, the first of equals.
  virtual std::optional<Trial> best_trial(
      datasets::Direction direction = datasets::Direction::maximize) = 0;

  virtual std::optional<std::string> note(const std::string& name) = 0;
  // Of those whose names begin so, by name.
  virtual std::vector<std::string> notes(const std::string& beginning) = 0;

  // Of the trials that are waiting or running, by number.
  virtual std::vector<std::string> pending_architectures() = 0;
  // The trial this worker holds, if any.
  virtual std::optional<Trial> held_trial(int64_t worker) = 0;
  // Running, but under a worker that is not registered any more, and not leased; by number.
  virtual std::vector<Trial> orphaned_trials() = 0;
  virtual std::vector<Worker> workers() = 0;

  // Writing; each needs a Transaction in progress on this study (asserted).
  // Number of the new trial. Its curve is stored too. Throws std::logic_error if the architecture
  // is already there.
  virtual int64_t add_trial(const Trial& trial, int64_t worker) = 0;
  // The number of the new sample. Where the trial is finished the sample gets its sequence number
  // at once.
  virtual int64_t add_sample(int64_t trial, double epsilon) = 0;
  // The waiting trial with the lowest number becomes this worker's and running; none if nothing
  // waits. With worker 0 it is nobody's, and reserved until the lease ends (Unix seconds).
  virtual std::optional<Trial> claim_waiting_trial(
      int64_t worker, std::optional<double> leased_until = std::nullopt) = 0;
  // A stopped trial becomes this worker's and running, to be trained to its end; none if it is not
  // stopped (any more). Until its result is there it keeps the prediction and the curve, and its
  // samples their worth.
  virtual std::optional<Trial> resume_stopped_trial(int64_t trial, int64_t worker) = 0;
  // The curve so far of a trial in hand, for those who look at the study; gone when it is taken again.
  // Nothing happens to a trial that is not running under this worker, or that holds a prediction.
  virtual void store_epochs(const Trial& trial, int64_t worker) = 0;
  // Stores all of a trial but its number, architecture and worker, with its curve and the finishing
  // time, and gives the pending samples their sequence numbers; where it held a prediction
  // kRevisions grows. False, and nothing stored, if the trial is not running under this worker any
  // more. With worker 0: of one that is reserved, its lease expired or not, or waits.
  virtual bool finish_trial(const Trial& trial, int64_t worker) = 0;
  // Keeps a text with a trial in hand: why its training broke off. Nothing happens to a trial that is
  // not running under this worker.
  virtual void remark(int64_t trial, int64_t worker, const std::string& detail) = 0;
  // Back to waiting; `attempts` is stored with it. Another worker, or the next start, takes it
  // first. Nothing happens to a trial that is not running.
  virtual void release_trial(int64_t trial, int64_t attempts) = 0;

  // A text kept under a name, for what is decided once and no sample says: the plan of a screening.
  // set_note() replaces an earlier one.
  virtual void set_note(const std::string& name, const std::string& text) = 0;

  // In place of the one it was made with: the same search, made longer.
  virtual void set_configuration(const std::string& toml) = 0;

  virtual int64_t register_worker(const Worker& worker) = 0;
  virtual void remove_worker(int64_t worker) = 0;

  // From now until this Study is destroyed or its process dies, the host of this process counts as
  // present; register_worker() announces it too.
  virtual void announce_host() = 0;
  // Whether a process on this worker's host (boot and pid namespace included) has announced it and
  // is still there. While there is one it settles what a dead worker of its host held. Nothing
  // where it cannot be known.
  virtual std::optional<bool> is_host_present(const Worker& worker) = 0;

  // Waiting for a server that is away ends at once while this holds, as at the end of patience.
  virtual void stop_waiting_when(std::function<bool()> stop) { (void)stop; }
  // How long opening, reading and writing wait for a lock, or for a server that is away.
  virtual std::chrono::seconds patience() const = 0;

 protected:
  friend class Snapshot;
  friend class Transaction;
  // False where the calls see one state anyway: in a Transaction, or in another Snapshot.
  virtual bool begin_snapshot() = 0;
  virtual void end_snapshot() noexcept = 0;
  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void rollback() noexcept = 0;
};

// The number in a note, 0 where it is not there. Throws DataError where it is none.
int64_t number_in_note(Study& study, const std::string& name);
void add_to_note(Study& study, const std::string& name, int64_t number);

class Transaction {
 public:
  explicit Transaction(Study& study) : study_(study) { study_.begin(); }
  ~Transaction() {
    if (!committed_) study_.rollback();
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    study_.commit();
    committed_ = true;
  }

 private:
  Study& study_;
  bool committed_ = false;
};

// Runs `action` in a Transaction and commits it. Where the server goes away it is run again from its
// start, until that has lasted for longer than the study's patience. `action(again)`: with `again`
// an earlier run may have been committed after all, by a server that could not tell any more.
template <typename Action>
std::invoke_result_t<Action, bool> transact(Study& study, Action action) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> away_since;
  for (;;) {
    const Clock::time_point began = Clock::now();
    try {
      Transaction transaction(study);
      if constexpr (std::is_void_v<std::invoke_result_t<Action, bool>>) {
        action(away_since.has_value());
        return transaction.commit();
      } else {
        auto result = action(away_since.has_value());
        transaction.commit();
        return result;
      }
    } catch (const StudyAwayError&) {
      if (!away_since) away_since = began;
      if (Clock::now() - *away_since > study.patience()) throw;
    }
  }
}

// While it lives, all reading calls see the state of the first one, whatever other processes write;
// nobody waits for it. Needed where the results of two calls are put together. No Transaction may
// begin inside it (asserted).
class Snapshot {
 public:
  explicit Snapshot(Study& study) : study_(study), began_(study.begin_snapshot()) {}
  ~Snapshot() {
    if (began_) study_.end_snapshot();
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Study& study_;
  bool began_;
};

// How sure must a commit be? `power_loss`: on disk before it returns. `process`: survives kill -9
// but perhaps not a power cut; for table look-ups, where thousands of commits a second are wanted.
enum class Durability { power_loss, process };

// The patience of a study whose opener does not say another.
constexpr std::chrono::seconds kPatience{60};

// `read`: for those who change nothing and leave nothing behind: neither files beside the study nor
// locks that a writer would wait for, whoever owns it and where it may not be written too. `work`:
// for those who may change it.
enum class Access { read, work };

// The two forms of a URL: sqlite:///relative.db or sqlite:////absolute.db, a file; and
// postgresql://user@host/database, a server's database, as libpq reads it (parameters after a `?`
// included), which holds one study. What follows throws UsageError for any other.
// Meant as one of these or of any other form, well written or not; the name of a file is not.
bool is_study_url(const std::string& text);
// Without passwords, which messages and logs are no place for.
std::string shown_url(const std::string& url);

// Whether there is a file, of whatever kind, or a study in the database; open_study() tells whether
// it can be used. Throws FailureError where the folder may not be entered or the server does not
// let us in.
bool study_exists(const std::string& url);
// What create_study() throws where a file or study is there already.
class StudyExistsError : public UsageError {
 public:
  using UsageError::UsageError;
};

// Throws StudyExistsError; FailureError where it cannot be written (no folder, no database,
// permission, full disk). All or nothing: killed in the middle it leaves no study, and of two
// processes that create at once exactly one succeeds.
std::unique_ptr<Study> create_study(const std::string& url, const StudyInfo& info,
                                    Durability durability = Durability::power_loss);
// A study of an older format is read as it is; the first Transaction takes it to the present one, in
// a transaction of its own. Throws DataError where there is none, where the file is no study,
// damaged, or written by a newer format (which is never touched); FailureError where another program
// holds it locked for longer than the patience, where the server does not let us in, or where a
// right is missing that `access` needs (docs/study.md), naming it.
std::unique_ptr<Study> open_study(const std::string& url,
                                  Durability durability = Durability::power_loss,
                                  std::chrono::seconds patience = kPatience);
// The same with Access::read; Transactions are refused.
std::unique_ptr<Study> open_study_to_read(const std::string& url,
                                          std::chrono::seconds patience = kPatience);

// All trials, finished or not, as a log in the order of trial numbers, with the sequence numbers of
// their samples. `measure`: what the study searches for, or another that its trials have.
datasets::Log to_log(Study& study, const datasets::Measure& measure = {});

}  // namespace metaqnn::search
