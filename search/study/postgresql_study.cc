// A study in a database of a PostgreSQL server, through SOCI: for workers on several machines. The
// tables are those of the SQLite form, in a schema of their own (docs/study.md).
//
// A server that restarts, cuts a connection or has none left is away (StudyAwayError): the
// connection is then made anew for as long as the patience lasts.
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

#include <algorithm>
#include <charconv>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "base/names.h"
#include "metaqnn/base/error.h"
#include "search/study/forms.h"
#include "search/study/host_lock.h"
#include "search/study/sql_study.h"

namespace metaqnn::search {
namespace {

// Of format 1; SqlStudy takes it to the present one.
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

// Of a server that refuses a connection for a while: it starts, stops, or has no more to give.
// libpq tells no code of errors while it connects, so these are the server's untranslated words.
bool may_pass(const std::string& message) {
  for (const char* words :
       {"the database system is", "too many clients already", "too many connections",
        "remaining connection slots", "server closed the connection", "Connection reset"}) {
    if (message.find(words) != std::string::npos) return true;
  }
  return false;
}

// What a user has to be allowed on each table, to read and to work.
struct TableRights {
  const char *table, *read, *work;
};
constexpr TableRights kRights[] = {
    {"study", "SELECT", "SELECT INSERT UPDATE"},   {"counters", "SELECT", "SELECT UPDATE"},
    {"trials", "SELECT", "SELECT INSERT UPDATE"},  {"epochs", "SELECT", "SELECT INSERT DELETE"},
    {"samples", "SELECT", "SELECT INSERT UPDATE"}, {"workers", "SELECT", "SELECT INSERT DELETE"},
};

class PostgresqlStudy final : public SqlStudy {
 public:
  PostgresqlStudy(const std::string& url, Access access, std::chrono::seconds patience)
      : SqlStudy(shown_url(url), "restore the database from a copy", access, patience),
        connect_string_(connect_string(url)) {
    await_connection([](const std::string& message) { return may_pass(message); });
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
      upgrade_tables(1);
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
    check_rights();
    const Snapshot snapshot(*this);
    guarded([&] {
      use_format(stored_format());
      check_samples();
    });
    info();
  }

  void stop_waiting_when(std::function<bool()> stop) override { stop_ = std::move(stop); }

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
      return locks > 0 || uptime_seconds < 2.0 * static_cast<double>(patience().count());
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

  int stored_format() override {
    std::string text;
    int format = 0;
    sql_ << "SELECT value FROM study WHERE key = 'format'", soci::into(text);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), format);
    if (error != std::errc() || end != text.data() + text.size()) damaged("no format");
    return format;
  }
  void store_format(int format) override {
    sql_ << "UPDATE study SET value = '" << format << "' WHERE key = 'format'";
  }

  // Throws for what this user may not do with what is there. Of a table that lacks only the reading
  // knows: it is damage.
  void check_rights() {
    const std::string missing = guarded([&] { return missing_rights(); });
    if (missing.empty()) {
      if (may_write() && !guarded([&] { return may_upgrade(); })) {
        throw FailureError(
            "study " + url() +
            ": is of an older format, and only the owner of its tables may take it to "
            "the present one; metaqnn search --study by him does, once");
      }
      return;
    }
    throw FailureError("study " + url() + ": the user has no right to " + missing +
                       "; its owner gives it with GRANT (docs/study.md has the lines)");
  }

  // "USAGE on the schema metaqnn", "INSERT on metaqnn.trials, UPDATE on ..."; "" for none.
  std::string missing_rights() {
    int may_enter = 0;
    sql_ << "SELECT CASE WHEN has_schema_privilege('metaqnn', 'USAGE') THEN 1 ELSE 0 END",
        soci::into(may_enter);
    if (may_enter == 0) return "USAGE on the schema metaqnn";
    std::string missing;
    for (const TableRights& rights : kRights) {
      std::istringstream wanted(may_write() ? rights.work : rights.read);
      for (std::string right; wanted >> right;) {
        if (has_right(rights.table, right)) continue;
        missing += (missing.empty() ? "" : ", ") + right + " on metaqnn." + rights.table;
      }
    }
    return missing;
  }

  bool may_upgrade() {
    if (stored_format() >= kStudyFormat) return true;
    int of_others = 0;
    sql_ << "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'metaqnn' AND tablename = 'trials' "
            "AND NOT pg_has_role(tableowner, 'USAGE')",
        soci::into(of_others);
    return of_others == 0;
  }

  bool has_right(const std::string& table, const std::string& right) {
    int lacking = 0;
    sql_ << "SELECT COUNT(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'metaqnn' AND c.relname = '"
         << table << "' AND NOT has_table_privilege(c.oid, '" << right << "')",
        soci::into(lacking);
    return lacking == 0;
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
          "tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3"})
      sql_ << "SET " << setting;
    sql_ << "SET lock_timeout = '" << patience().count() << "s'";
    const std::string sooner = std::to_string(std::min<int64_t>(patience().count() * 750, 45'000));
    sql_ << "SET idle_in_transaction_session_timeout = " << sooner;  // milliseconds
    if (!may_write()) sql_ << "SET default_transaction_read_only = on";
    for (const char* setting :
         {"idle_session_timeout", "tcp_user_timeout"}) {  // not in each version
      const std::string value = setting[0] == 'i' ? "0" : sooner;
      sql_ << "SELECT set_config(name, '" << value << "', false) FROM pg_settings WHERE name = '"
           << setting << "'";
    }
  }

  void lock_host() {
    sql_ << "SELECT pg_advisory_lock_shared(" << kLocks << ", " << host_lock_number(this_process())
         << ")";
  }

  // Connects, again and again while `passes` holds for what the server says.
  template <typename Passes>
  void await_connection(Passes passes) {
    const auto end = std::chrono::steady_clock::now() + patience();
    for (;;) {
      try {
        if (is_opened_) {
          connection_.reconnect();
        } else {
          sql_.open(soci::postgresql, connect_string_);
        }
        is_opened_ = true;
        set_up();
        if (announced_) lock_host();
        return;
      } catch (const soci::soci_error& error) {
        const std::string message = one_line(error.what());
        const bool is_late = std::chrono::steady_clock::now() > end || (stop_ && stop_());
        if (!passes(message)) throw_not_let_in(message);
        if (is_late) throw_away(message);
      }
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }

  [[noreturn]] void throw_not_let_in(const std::string& message) const {
    throw StudyAwayError("study " + url() + ": the server does not let us in (" + message +
                         "); check that it runs, that the database is there (createdb makes one) "
                         "and that the user may use it");
  }

  [[noreturn]] void throw_away(const std::string& message) const {
    throw StudyAwayError("study " + url() + ": the server is away, or has no connection left (" +
                         message + "); what was committed is safe, run the same command again");
  }

  // A server that restarts is back in some seconds. What this process held, it holds again, unless
  // another host has taken it for dead in the meantime.
  bool revive() override {
    await_connection([](const std::string&) { return true; });
    return true;
  }

  void translate(const soci::soci_error& error) override {
    const std::string message = one_line(error.get_error_message());
    const std::string study = "study " + url();
    if (!is_connected()) throw_away(message);
    const auto* postgresql = dynamic_cast<const soci::postgresql_soci_error*>(&error);
    if (postgresql == nullptr) damaged(message);  // a value that does not fit its column
    const std::string state = postgresql->sqlstate();
    // Class 08 and 57P01 to 57P03: the connection is cut, the server stops, has crashed or starts.
    if (state.rfind("08", 0) == 0 || state.rfind("57P", 0) == 0 || state == "53300")
      throw_away(message);
    if (state == "55P03") throw_locked(url());  // lock_timeout
    if (state == "53100") {
      throw FailureError(study +
                         ": the server's disk is full; what was committed is safe, free some space "
                         "and run the same command again");
    }
    if (state == "42501") {
      throw FailureError(study + " may not be used (" + message +
                         "); its owner can GRANT what is missing (docs/study.md has the lines)");
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

  std::string connect_string_;
  std::function<bool()> stop_;
  bool is_opened_ = false;
  bool announced_ = false;
  soci::session& sql_ = connection_.session;
  SqlStatement<In<>, Out<int64_t>> lock_counters_{connection_,
                                                  "SELECT id FROM counters FOR UPDATE"};
};

bool database_exists(const std::string& url) {
  return PostgresqlStudy(url, Access::read, kPatience).exists();
}

std::unique_ptr<Study> open_database(const std::string& url, Access access,
                                     Durability /*always power_loss*/,
                                     std::chrono::seconds patience) {
  auto study = std::make_unique<PostgresqlStudy>(url, access, patience);
  study->check();
  return study;
}

std::unique_ptr<Study> create_in_database(const std::string& url, const StudyInfo& info,
                                          Durability durability) {
  PostgresqlStudy(url, Access::work, kPatience).create(info);
  return open_database(url, Access::work, durability, kPatience);
}

}  // namespace

const StudyForm kPostgresqlForm{"postgresql:", "postgresql://user@host/database", database_exists,
                                create_in_database, open_database};

}  // namespace metaqnn::search
