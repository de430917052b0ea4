// What the forms of a study share that keep it in tables of SQL (docs/study.md): every statement
// but those that make the tables of format 1, what is read out of them, and the way from one format
// to the next. A form says how it begins to read and write, and what its database's errors mean.
//
// Only the `.cc` files of the forms include this.
#pragma once

#include <map>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "datasets/logs/fields.h"
#include "metaqnn/search/study/study.h"
#include "search/study/sql_statement.h"

namespace metaqnn::search {

constexpr int kStudyFormat = 3;
using Text = std::string;
using MaybeInteger = std::optional<int64_t>;
using MaybeReal = std::optional<double>;

template <typename A, typename B>
using Joined = decltype(std::tuple_cat(std::declval<A>(), std::declval<B>()));

inline auto field_values(const Trial& trial) {
  return std::apply([](const auto&... field) { return std::tuple(field.value...); },
                    datasets::fields(trial));
}

[[noreturn]] void throw_newer_format(const std::string& url, int64_t format);
[[noreturn]] void throw_there_already(const std::string& url);
[[noreturn]] void throw_locked(const std::string& url);

class SqlStudy : public Study {
 public:
  std::string url() const override { return url_; }

  StudyInfo info() override;
  Counts counts() override;
  std::optional<Trial> find_trial(const std::string& architecture) override;
  std::optional<Trial> trial(int64_t number) override;
  std::vector<Trial> trials(bool with_curves) override;
  std::vector<Sample> samples() override;
  std::vector<SequencedSample> sequenced_samples_after(int64_t after, bool with_measures) override;
  std::optional<Trial> best_trial(datasets::Direction direction) override;
  std::optional<std::string> note(const std::string& name) override;
  std::vector<std::string> notes(const std::string& beginning) override;
  std::vector<std::string> pending_architectures() override;
  std::optional<Trial> held_trial(int64_t worker) override;
  std::vector<Trial> orphaned_trials() override;
  std::vector<Worker> workers() override;

  int64_t add_trial(const Trial& trial, int64_t worker) override;
  int64_t add_sample(int64_t trial, double epsilon) override;
  std::optional<Trial> claim_waiting_trial(int64_t worker, MaybeReal leased_until) override;
  std::optional<Trial> resume_stopped_trial(int64_t trial, int64_t worker) override;
  bool finish_trial(const Trial& trial, int64_t worker) override;
  void store_epochs(const Trial& trial, int64_t worker) override;
  void remark(int64_t trial, int64_t worker, const std::string& detail) override;
  void release_trial(int64_t number, int64_t attempts) override;
  void set_note(const std::string& name, const std::string& text) override;
  void set_configuration(const std::string& toml) override;
  int64_t register_worker(const Worker& worker) override;
  void remove_worker(int64_t worker) override;

  std::chrono::seconds patience() const override { return patience_; }

 protected:
  // `url` as messages show it; `rescue`: what a user can do about a damaged study.
  SqlStudy(std::string url, std::string rescue, Access access, std::chrono::seconds patience)
      : url_(std::move(url)), rescue_(std::move(rescue)), access_(access), patience_(patience) {
    use_format(kStudyFormat);
  }

  // Begins a transaction that holds the write lock; one that sees one state.
  virtual void begin_writing() = 0;
  virtual void begin_reading() = 0;
  // Another number once another connection has committed; nothing where that cannot be known.
  virtual std::optional<int64_t> data_version() = 0;
  // The format that the tables have, and that they shall have from now on. In a transaction.
  virtual int stored_format() = 0;
  virtual void store_format(int format) = 0;
  // What SOCI and the database report, as an error that says what to do. The code decides, not the
  // text: the text may quote what was being stored.
  virtual void translate(const soci::soci_error& error) = 0;
  // Mends a lost connection; true if there is a new one. Called between transactions alone.
  virtual bool revive() { return false; }
  // Throws where what is read or written is not what the study's name leads to.
  virtual void check_place() {}

  bool begin_snapshot() override;
  void end_snapshot() noexcept override;
  void begin() override;
  void commit() override;
  void rollback() noexcept override;

  [[noreturn]] void damaged(const std::string& what) const;
  [[noreturn]] void fail(const soci::soci_error& error);  // with what translate() throws
  void need_transaction() const;
  // What takes tables of an older format to the present one.
  void upgrade_tables(int from);
  void put_info(const StudyInfo& info);  // once, into new tables
  // Throws DataError for a format that this program does not know; reads this one from now on.
  void use_format(int64_t format);
  void check_samples();  // throws DataError where they contradict each other
  bool may_write() const { return access_ == Access::work; }

  // Also retries, after revive(), what was begun outside of transactions: it has changed nothing.
  template <typename Action>
  std::invoke_result_t<Action> guarded(Action action) {
    const bool alone = !in_transaction_ && !in_snapshot_;
    try {
      return translated(action);
    } catch (const StudyAwayError&) {
      if (!alone || !revive()) throw;
    }
    return translated(action);
  }

  SqlConnection connection_;

 private:
  static constexpr int64_t kUnknownVersion = -1;
  // What a statement selects to make a Trial of it: what only a study knows, and after it the fields
  // of datasets/logs/fields.h.
  using TrialFields = decltype(field_values(std::declval<Trial>()));
  using TrialColumns = Joined<Out<int64_t, Text, Text, Text, Text, MaybeReal, Text, int64_t,
                                  MaybeReal, Text, int64_t, Text, MaybeReal>,
                              TrialFields>;
  static const std::string kSelectTrials, kSelectBest, kInsertTrial, kFinishTrial;

  template <typename Action>
  std::invoke_result_t<Action> translated(Action action) {
    check_place();
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Action>>) {
        action();
        check_place();
      } else {
        auto result = action();
        check_place();
        return result;
      }
    } catch (const soci::soci_error& error) {
      fail(error);
    }
  }

  void upgrade();
  std::string get(const std::string& key);
  TrialState state_of(const std::string& name);
  template <typename... Value>
  Trial to_trial(int64_t number, const Text& architecture, const Text& state, const Text& failure,
                 const Text& detail, MaybeReal validation_accuracy, const Text& finished_at,
                 int64_t worker, MaybeReal value, const Text& measures, int64_t predicted,
                 const Text& precision, MaybeReal leased_until, const Value&... fields);
  template <typename Query, typename... Key>
  std::optional<Trial> one_trial(Query& query, const Key&... key);
  std::optional<Trial> taken(std::optional<Trial> trial, int64_t worker, MaybeReal leased_until);
  void tally();
  void moved(TrialState state, Failure failure, TrialState to_state, Failure to_failure);
  std::pair<int64_t, int64_t> last_numbers();
  int64_t repeats(int64_t samples);
  void read_curves(std::vector<Trial>& trials);
  void write_curve(const Trial& trial);
  void give_sequences(int64_t trial);
  void roll_back_quietly() noexcept;

  std::string url_, rescue_;
  Access access_;
  std::chrono::seconds patience_;
  int format_ = 0;  // of the tables
  bool in_transaction_ = false;
  bool in_snapshot_ = false;
  std::map<std::pair<TrialState, Failure>, int64_t> tally_;
  int64_t tally_version_ = kUnknownVersion;
  // Of the first so many samples: the trials they led to, and the last one that led to a new one.
  struct {
    int64_t samples = 0, last = 0;
    std::unordered_set<int64_t> trials;
  } walked_;

  SqlStatement<In<>> commit_{connection_, "COMMIT"};
  SqlStatement<In<>> roll_back_{connection_, "ROLLBACK"};

  SqlStatement<In<Text>, Out<Text>> note_{connection_, "SELECT value FROM study WHERE key = :key"};
  // The beginning twice: a statement takes each value for one place.
  SqlStatement<In<Text, Text>, Out<Text>> notes_{
      connection_,
      "SELECT value FROM study WHERE substr(key, 1, length(:beginning)) = :same ORDER BY key"};
  SqlStatement<In<Text, Text>> set_note_{connection_,
                                         "INSERT INTO study VALUES (:key, :value) ON CONFLICT "
                                         "(key) DO UPDATE SET value = excluded.value"};
  SqlStatement<In<Text>> set_configuration_{
      connection_, "UPDATE study SET value = :toml WHERE key = 'configuration'"};

  SqlStatement<In<>, Out<Text, Text, int64_t>> count_trials_{
      connection_, "SELECT state, failure, COUNT(*) FROM trials GROUP BY state, failure"};
  SqlStatement<In<>, Out<int64_t, int64_t>> last_numbers_{
      connection_,
      "SELECT (SELECT COALESCE(MAX(number), 0) FROM samples), next_sequence - 1 FROM counters"};
  SqlStatement<In<int64_t>, Out<int64_t, int64_t>> first_samples_{
      connection_, "SELECT trial, MIN(number) FROM samples WHERE number > :after GROUP BY trial"};
  SqlStatement<In<>, Out<int64_t, int64_t, int64_t, int64_t, int64_t>> sample_check_{
      connection_,
      "SELECT next_sequence - 1, (SELECT COALESCE(MIN(sequence), 0) FROM samples), "
      "(SELECT COALESCE(MAX(sequence), 0) FROM samples), (SELECT COUNT(sequence) FROM samples), "
      "(SELECT COUNT(*) FROM samples WHERE trial NOT IN (SELECT number FROM trials)) "
      "FROM counters"};

  SqlStatement<In<Text>, TrialColumns> find_trial_{
      connection_, kSelectTrials + "WHERE architecture = :architecture"};
  SqlStatement<In<int64_t>, TrialColumns> trial_{connection_,
                                                 kSelectTrials + "WHERE number = :number"};
  SqlStatement<In<int64_t>, TrialColumns> held_trial_{
      connection_,
      kSelectTrials + "WHERE state = 'running' AND worker = :worker ORDER BY number LIMIT 1"};
  SqlStatement<In<double>, TrialColumns> orphaned_trials_{
      connection_, kSelectTrials +
                       "WHERE state = 'running' AND worker NOT IN (SELECT id FROM workers) "
                       "AND COALESCE(leased_until, 0) < :now ORDER BY number"};
  SqlStatement<In<>, TrialColumns> waiting_trial_{
      connection_, kSelectTrials + "WHERE state = 'waiting' ORDER BY number LIMIT 1"};
  SqlStatement<In<>, Out<Text>> pending_architectures_{
      connection_,
      "SELECT architecture FROM trials WHERE state IN ('waiting', 'running') ORDER BY number"};
  SqlStatement<In<>, TrialColumns> largest_trial_{connection_,
                                                  kSelectBest + "{value} DESC, number LIMIT 1"};
  SqlStatement<In<>, TrialColumns> least_trial_{connection_,
                                                kSelectBest + "{value}, number LIMIT 1"};
  SqlStatement<In<>, TrialColumns> trials_{connection_, kSelectTrials + "ORDER BY number"};
  SqlStatement<In<>, Out<int64_t, MaybeReal, MaybeReal, MaybeReal, MaybeReal, MaybeReal>> curves_{
      connection_,
      "SELECT trial, training_loss, training_accuracy, validation_loss, validation_accuracy, "
      "{epoch value} "
      "FROM epochs ORDER BY trial, epoch"};
  SqlStatement<In<>, Out<int64_t, int64_t, double, int64_t, MaybeInteger>> samples_{
      connection_,
      "SELECT number, trial, epsilon, proposed_at, sequence FROM samples ORDER BY number"};
  SqlStatement<In<int64_t>, Out<int64_t, Text, Text, Text, MaybeReal, Text>> sequenced_samples_{
      connection_,
      "SELECT s.sequence, t.architecture, t.state, t.failure, {value}, {measures} "
      "FROM samples s JOIN trials t ON t.number = s.trial WHERE s.sequence > :after "
      "ORDER BY s.sequence"};

  SqlStatement<In<Text>, Out<int64_t>> has_architecture_{
      connection_, "SELECT number FROM trials WHERE architecture = :architecture"};
  SqlStatement<In<>, Out<int64_t>> last_trial_{connection_,
                                               "SELECT COALESCE(MAX(number), 0) FROM trials"};
  SqlStatement<Joined<In<int64_t, Text, Text, Text, Text, MaybeReal, int64_t, Text, Text, MaybeReal,
                         Text, int64_t, Text, MaybeReal>,
                      TrialFields>>
      insert_trial_{connection_, kInsertTrial};
  SqlStatement<In<int64_t, MaybeReal, int64_t>> claim_trial_{
      connection_,
      "UPDATE trials SET state = 'running', worker = :worker, leased_until = :until "
      "WHERE number = :number"};
  // What waits is under worker 0.
  SqlStatement<In<int64_t, int64_t>, Out<Text, Text, int64_t>> held_{
      connection_,
      "SELECT state, failure, predicted FROM trials WHERE number = :number "
      "AND state IN ('running', 'waiting') AND worker = :worker"};
  SqlStatement<Joined<In<Text, Text, Text, MaybeReal, Text, MaybeReal, Text, int64_t, Text>,
                      Joined<TrialFields, In<int64_t>>>>
      finish_trial_{connection_, kFinishTrial};
  SqlStatement<In<int64_t, int64_t>> release_trial_{
      connection_,
      "UPDATE trials SET state = 'waiting', worker = 0, leased_until = NULL, "
      "attempts = :attempts WHERE number = :number"};

  SqlStatement<In<Text, int64_t, int64_t>> remark_{
      connection_,
      "UPDATE trials SET detail = :detail WHERE number = :number AND worker = :worker "
      "AND state = 'running'"};

  SqlStatement<In<int64_t>> delete_curve_{connection_, "DELETE FROM epochs WHERE trial = :trial"};
  SqlStatement<In<int64_t, int64_t, MaybeReal, MaybeReal, MaybeReal, MaybeReal, MaybeReal>>
      insert_epoch_{
          connection_,
          "INSERT INTO epochs (trial, epoch, training_loss, training_accuracy, validation_loss, "
          "validation_accuracy, value) VALUES (:trial, :epoch, :a, :b, :c, :d, :e)"};

  SqlStatement<In<int64_t>, Out<Text>> state_of_trial_{
      connection_, "SELECT state FROM trials WHERE number = :number"};
  SqlStatement<In<int64_t, int64_t, double, int64_t, MaybeInteger>> insert_sample_{
      connection_,
      "INSERT INTO samples (number, trial, epsilon, proposed_at, sequence) VALUES (:number, "
      ":trial, :epsilon, :proposed, :sequence)"};
  SqlStatement<In<int64_t>, Out<int64_t>> pending_samples_{
      connection_,
      "SELECT number FROM samples WHERE trial = :trial AND sequence IS NULL ORDER BY number"};
  SqlStatement<In<int64_t, int64_t>> set_sequence_{
      connection_, "UPDATE samples SET sequence = :sequence WHERE number = :number"};
  SqlStatement<In<int64_t>> set_next_sequence_{connection_,
                                               "UPDATE counters SET next_sequence = :next"};

  SqlStatement<In<>, Out<int64_t, Text, Text, Text, int64_t, int64_t>> workers_{
      connection_,
      "SELECT id, host, boot_id, pid_namespace, pid, start_time FROM workers ORDER BY id"};
  SqlStatement<In<Text, Text, Text, int64_t, int64_t>, Out<int64_t>> insert_worker_{
      connection_,
      "INSERT INTO workers (host, boot_id, pid_namespace, pid, start_time) VALUES (:host, :boot, "
      ":namespace, :pid, :start) RETURNING id"};
  SqlStatement<In<int64_t>> delete_worker_{connection_, "DELETE FROM workers WHERE id = :id"};
};

}  // namespace metaqnn::search
