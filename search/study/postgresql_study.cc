// A study in a database of a PostgreSQL server, through SOCI: for workers on several machines. The
// tables are those of the SQLite form, in a schema of their own (docs/study.md).
//
// Every writing transaction first locks the one row that holds the next sequence number, so writers
// come one after another and numbers follow the order of commits; a sequence of the database would
// not. Isolation is "read committed": what a transaction reads after the lock is all that was
// committed before.
//
// A host is present while it holds an advisory lock under its number (search/study/host_lock.h),
// shared by its processes. The server drops it with the connection.
#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <chrono>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "architecture/error.h"
#include "architecture/names.h"
#include "search/study/forms.h"
#include "search/study/host_lock.h"
#include "search/study/sql_study.h"

namespace metaqnn::search {
namespace {

const char* const kPostgresqlSchema[] = {
    "CREATE SCHEMA IF NOT EXISTS metaqnn",
    "CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE counters (id INTEGER PRIMARY KEY CHECK (id = 1), next_sequence BIGINT NOT NULL)",
    "INSERT INTO counters VALUES (1, 1)",
    "CREATE TABLE trials (number BIGINT PRIMARY KEY, architecture TEXT NOT NULL UNIQUE, "
    "state TEXT NOT NULL, failure TEXT NOT NULL, detail TEXT NOT NULL, "
    "validation_accuracy DOUBLE PRECISION, epsilon DOUBLE PRECISION NOT NULL, "
    "attempts BIGINT NOT NULL, origin TEXT NOT NULL, worker BIGINT NOT NULL, parameters BIGINT, "
    "macs BIGINT, memory_bytes BIGINT, learning_rate DOUBLE PRECISION, seconds DOUBLE PRECISION, "
    "images_per_second DOUBLE PRECISION, created_at TEXT NOT NULL, finished_at TEXT NOT NULL)",
    "CREATE INDEX trials_by_state ON trials (state, failure)",
    "CREATE TABLE epochs (trial BIGINT NOT NULL REFERENCES trials, epoch BIGINT NOT NULL, "
    "training_loss DOUBLE PRECISION, training_accuracy DOUBLE PRECISION, "
    "validation_loss DOUBLE PRECISION, validation_accuracy DOUBLE PRECISION, "
    "PRIMARY KEY (trial, epoch))",
    "CREATE TABLE samples (number BIGINT PRIMARY KEY, trial BIGINT NOT NULL REFERENCES trials, "
    "epsilon DOUBLE PRECISION NOT NULL, proposed_at BIGINT NOT NULL, sequence BIGINT UNIQUE)",
    "CREATE INDEX pending_samples ON samples (trial) WHERE sequence IS NULL",
    "CREATE TABLE workers (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, host TEXT NOT NULL, "
    "boot_id TEXT NOT NULL, pid_namespace TEXT NOT NULL, pid BIGINT NOT NULL, "
    "start_time BIGINT NOT NULL)",
};

// The first number of all our advisory locks; the second is kMakingLock or that of a host.
constexpr int kLocks = 0x6d71;
constexpr int kMakingLock = 0;

// What libpq reads in a URL without the password; none where it cannot be read.
std::optional<std::map<std::string, std::string>> parameters_of(const std::string& url) {
  PQconninfoOption* const options = PQconninfoParse(url.c_str(), nullptr);
  if (options == nullptr) return std::nullopt;
  std::map<std::string, std::string> parameters;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val != nullptr && std::string_view(option->keyword) != "password")
      parameters[option->keyword] = option->val;
  }
  PQconninfoFree(options);
  return parameters;
}

// libpq's own messages quote pieces of a URL that it cannot read, or reads in another way than was
// meant: of user:a@b@host it looks for the host "b@host". So those are refused here: what stands
// before the parameters must name the same server with the password as without.
void check_url(const std::string& url) {
  const std::string study = "study '" + shown_url(url) + "': ";
  if (url.rfind("postgresql://", 0) != 0)
    throw UsageError(study + "expected " + kPostgresqlForm.example);
  if (url.find_first_of(" \t\r\n") != std::string::npos)
    throw UsageError(study + "a URL has no blanks; write %20 for one");
  const std::string server = url.substr(0, url.find('?'));
  const auto parameters = parameters_of(server);
  if (!parameters || parameters != parameters_of(shown_url(server))) {
    throw UsageError(study +
                     "it cannot be read; write the special characters of user, password and names "
                     "as %XX: / as %2F, : as %3A, ? as %3F, @ as %40, % as %25");
  }
  if (!parameters_of(url)) {
    throw FailureError(study +
                       "what stands behind the ? cannot be read; give parameters of libpq as "
                       "name=value, separated by &, and their special characters as %XX");
  }
}

// As SOCI passes it on to libpq unharmed: it takes every word for a pair of key and value, and adds
// a "=" to one that has none.
std::string connect_string(const std::string& url) {
  check_url(url);
  // A server that is switched off is found out in about a minute; the user's own settings follow,
  // and count.
  const std::string ours =
      "application_name=metaqnn&connect_timeout=10&keepalives_idle=30&keepalives_interval=10&"
      "keepalives_count=3&tcp_user_timeout=60000";
  const size_t query = url.find('?');
  if (query == std::string::npos) return url + "?" + ours;
  return url.substr(0, query + 1) + ours + "&" + url.substr(query + 1);
}

// libpq's messages come in lines, some of them indented.
std::string one_line(const std::string& message) {
  std::istringstream lines(message);
  std::string all;
  for (std::string line; std::getline(lines, line);) {
    const std::string_view text = trimmed(line);
    if (!text.empty()) all.append(all.empty() ? "" : "; ").append(text);
  }
  return all;
}

class PostgresqlStudy final : public SqlStudy {
 public:
  PostgresqlStudy(const std::string& url, int lock_timeout_seconds)
      : SqlStudy(shown_url(url), "restore the database from a copy"),
        lock_timeout_seconds_(lock_timeout_seconds) {
    try {
      sql_.open(soci::postgresql, connect_string(url));
      set_up();
    } catch (const soci::soci_error& error) {
      throw FailureError("study " + this->url() + ": the server does not let us in (" +
                         one_line(error.what()) +
                         "); check that it runs, that the database is there (createdb makes one) "
                         "and that the user may use it");
    }
  }

  // Whether there is a study in the database, whole or not.
  bool exists() {
    return guarded([&] { return has_tables(); });
  }

  // Killed in the middle, or if anything is thrown, the server forgets all of it.
  void create(const StudyInfo& info) {
    try {
      sql_ << "BEGIN";
      sql_ << "SELECT pg_advisory_xact_lock(" << kLocks << ", " << kMakingLock << ")";
      if (has_tables()) throw_there_already(url());
      for (const char* statement : kPostgresqlSchema) sql_ << statement;
      put_info(info);
      sql_ << "INSERT INTO study VALUES ('format', '" << kStudyFormat << "')";
      sql_ << "COMMIT";
    } catch (const soci::soci_error& error) {
      fail(error);
    }
  }

  void check() {
    if (!exists()) {
      throw DataError("there is no study " + url() +
                      "; make one with metaqnn search or metaqnn import");
    }
    const Snapshot snapshot(*this);
    guarded([&] {
      std::string format;
      sql_ << "SELECT value FROM study WHERE key = 'format'", soci::into(format);
      const std::string known = std::to_string(kStudyFormat);
      if (format.empty() || format.find_first_not_of("0123456789") != std::string::npos)
        damaged("no format");
      if (format != known) throw_newer_format(url(), std::stoll(format));
      check_samples();
    });
    info();
  }

  void announce_host() override {
    if (announced_) return;
    guarded([&] { lock_host(); });
    announced_ = true;
  }

  // After a restart of the server its clients need a while to come back.
  std::optional<bool> is_host_present(const Worker& worker) override {
    return guarded([&] {
      int locks = 0;
      double uptime_seconds = 0;
      sql_ << "SELECT (SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND "
              "classid = "
           << kLocks << " AND objid = " << host_lock_number(worker)
           << " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())), "
              "CAST(EXTRACT(EPOCH FROM now() - pg_postmaster_start_time()) AS DOUBLE PRECISION)",
          soci::into(locks), soci::into(uptime_seconds);
      return locks > 0 || uptime_seconds < 2.0 * lock_timeout_seconds_;
    });
  }

  int64_t register_worker(const Worker& worker) override {
    announce_host();
    return SqlStudy::register_worker(worker);
  }

 private:
  bool has_tables() {
    int tables = 0;
    sql_ << "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'metaqnn' AND tablename = 'study'",
        soci::into(tables);
    return tables > 0;
  }

  void begin_writing() override {
    sql_ << "BEGIN";
    try {
      lock_counters_.first();
    } catch (...) {
      give_up_transaction();
      throw;
    }
  }

  void begin_reading() override { sql_ << "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"; }

  void give_up_transaction() noexcept {
    try {
      sql_ << "ROLLBACK";
    } catch (const soci::soci_error&) {
      // The connection is gone, and the transaction with it.
    }
  }

  std::optional<int64_t> data_version() override { return std::nullopt; }

  void set_up() {
    auto* backend = static_cast<soci::postgresql_session_backend*>(sql_.get_backend());
    // What the server remarks beside its errors, libpq would print.
    PQsetNoticeProcessor(
        backend->conn_, [](void*, const char*) {}, nullptr);
    // A commit is on disk before it counts, of table look-ups too: what a client has seen must not
    // be lost when the server crashes and the client lives. A machine that is switched off is found
    // out, and in the middle of a transaction sooner than others give up waiting for its lock.
    for (const char* setting :
         {"search_path = metaqnn", "client_min_messages = warning", "synchronous_commit = on",
          "default_transaction_isolation = 'read committed'", "statement_timeout = 0",
          "idle_in_transaction_session_timeout = '45s'", "tcp_keepalives_idle = 30",
          "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3"})
      sql_ << "SET " << setting;
    sql_ << "SET lock_timeout = '" << lock_timeout_seconds_ << "s'";
    for (const char* setting :
         {"idle_session_timeout", "tcp_user_timeout"}) {  // not in each version
      const char* value = setting[0] == 'i' ? "0" : "45s";
      sql_ << "SELECT set_config(name, '" << value << "', false) FROM pg_settings WHERE name = '"
           << setting << "'";
    }
  }

  void lock_host() {
    sql_ << "SELECT pg_advisory_lock_shared(" << kLocks << ", " << host_lock_number(this_process())
         << ")";
  }

  // A server that restarts is back in some seconds. What this process held, it holds again, unless
  // another host has taken it for dead in the meantime.
  bool revive() override {
    if (sql_.is_connected()) return false;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(lock_timeout_seconds_);
    for (;;) {
      try {
        connection_.reconnect();
        set_up();
        if (announced_) lock_host();
        return true;
      } catch (const soci::soci_error&) {
        if (std::chrono::steady_clock::now() > end) return false;
      }
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }

  void translate(const soci::soci_error& error) override {
    const std::string message = one_line(error.get_error_message());
    const std::string study = "study " + url();
    if (!is_connected()) {
      throw FailureError(study + " has lost its connection to the server (" + message +
                         "); what was committed is safe, run the same command again");
    }
    const auto* postgresql = dynamic_cast<const soci::postgresql_soci_error*>(&error);
    if (postgresql == nullptr) damaged(message);  // a value that does not fit its column
    const std::string state = postgresql->sqlstate();
    if (state == "55P03") throw_locked(url());  // lock_timeout
    if (state == "53100") {
      throw FailureError(study +
                         ": the server's disk is full; what was committed is safe, free some space "
                         "and run the same command again");
    }
    if (state == "42501") {
      throw FailureError(study + " may not be used (" + message +
                         "); its owner can GRANT what is missing");
    }
    // The statements are ours, so the tables are not: class 42, and data that is corrupt.
    if (state.rfind("42", 0) == 0 || state.rfind("XX", 0) == 0) damaged(message);
    throw FailureError(study + ": " + message);
  }

  bool is_connected() const noexcept {
    try {
      return sql_.is_connected();
    } catch (const std::exception&) {
      return false;
    }
  }

  int lock_timeout_seconds_;
  bool announced_ = false;
  soci::session& sql_ = connection_.session;
  SqlStatement<In<>, Out<int64_t>> lock_counters_{connection_,
                                                  "SELECT id FROM counters FOR UPDATE"};
};

bool database_exists(const std::string& url) {
  return PostgresqlStudy(url, kLockTimeoutSeconds).exists();
}

std::unique_ptr<Study> open_database(const std::string& url, Durability /*always power_loss*/,
                                     int lock_timeout_seconds) {
  auto study = std::make_unique<PostgresqlStudy>(url, lock_timeout_seconds);
  study->check();
  return study;
}

std::unique_ptr<Study> create_in_database(const std::string& url, const StudyInfo& info,
                                          Durability durability) {
  PostgresqlStudy(url, kLockTimeoutSeconds).create(info);
  return open_database(url, durability, kLockTimeoutSeconds);
}

}  // namespace

const StudyForm kPostgresqlForm{"postgresql:", "postgresql://user@host/database", database_exists,
                                create_in_database, open_database};

}  // namespace metaqnn::search
