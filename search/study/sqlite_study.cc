// A study in one SQLite file, through SOCI. The formats are described in docs/study.md; their number
// is SQLite's user_version.
//
// Journal: WAL, so that readers never wait. Every writing transaction begins IMMEDIATE: a deferred
// one would have to upgrade its lock later, which WAL refuses at once when another process has
// written in between.
//
// Who reads a WAL file makes a journal beside it, and removes it again where he may write the file.
// A guest, who may not, or whose journal the owner could not write, opens it otherwise: read-only
// while there is a journal, whose removal he forbids by a lock of his own; as a file that does not
// change while there is none, which is checked before and after each reading.
#include <fcntl.h>
#include <pwd.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sqlite3.h>  // SOCI 4.1 does not include it any more
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

#include "metaqnn/base/error.h"
#include "search/study/file_lock.h"
#include "search/study/forms.h"
#include "search/study/host_lock.h"
#include "search/study/sql_study.h"
#include "search/study/sqlite_uri.h"

namespace metaqnn::search {
namespace {

namespace fs = std::filesystem;

// Of format 1; SqlStudy takes it to the present one.
const char* const kSqliteSchema[] = {
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

// Absolute, so that a file called ":memory:" is a file and a later chdir() changes nothing.
fs::path file_of(const std::string& url) {
  const std::string prefix = "sqlite:///";
  if (url.rfind(prefix, 0) != 0 || url.size() == prefix.size()) {
    throw UsageError("study '" + url + "': expected " + kSqliteForm.example);
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

// What lies beside a study, also where it is reached through a link.
fs::path beside(const fs::path& file, const std::string& suffix) {
  std::error_code error;
  const fs::path target = fs::canonical(file, error);
  return (error ? file : target).string() + suffix;
}

// Whether this process may do that, by its effective user.
bool may(const fs::path& path, int mode) {
  return faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

bool is_present(const fs::path& path) { return may(path, F_OK); }

std::string user_name() {
  const passwd* user = getpwuid(geteuid());
  return user != nullptr ? user->pw_name : "number " + std::to_string(geteuid());
}

fs::path folder_of(const fs::path& file) {
  std::error_code error;
  const fs::path target = fs::canonical(file, error);
  return (error ? file : target).parent_path();
}

// What `access` needs and this process may not do; "" where nothing is missing.
std::string missing_right(const fs::path& file, Access access) {
  const fs::path folder = folder_of(file);
  std::string missing;
  if (!may(folder, X_OK)) {
    missing = "enter the folder " + folder.string();
  } else if (is_present(file) && !may(file, R_OK)) {
    missing = "read " + file.string();
  } else if (access == Access::work && is_present(file) && !may(file, W_OK)) {
    missing = "write " + file.string();
  } else if (access == Access::work && !may(folder, W_OK)) {
    missing = "make files in " + folder.string() + ", where SQLite keeps its journal";
  } else if (access == Access::work) {
    for (const fs::path& companion : companions(beside(file, ""))) {
      if (is_present(companion) && !may(companion, W_OK)) missing = "write " + companion.string();
    }
  }
  return missing.empty() ? "" : "user " + user_name() + " may not " + missing;
}

void check_rights(const std::string& url, const fs::path& file, Access access) {
  const std::string missing = missing_right(file, access);
  if (missing.empty()) return;
  throw FailureError("study " + url + ": " + missing +
                     "; check the permissions, or ask its owner for that right");
}

// One who could not remove a journal that he makes, or whose journal its owner could not write.
bool is_guest(const fs::path& file) {
  struct stat status {};
  const bool is_owner =
      stat(file.c_str(), &status) == 0 && (status.st_uid == geteuid() || geteuid() == 0);
  return !is_owner || !missing_right(file, Access::work).empty();
}

// Holds the lock that every reader of SQLite holds, so that no writer who leaves takes the journal
// away. While it lives no other descriptor of the file is closed in this process.
class GuestLock {
 public:
  // Throws where a writer holds the file for itself for longer than `patience`.
  GuestLock(const fs::path& file, const std::string& url, std::chrono::seconds patience)
      : descriptor_(open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    const auto end = std::chrono::steady_clock::now() + patience;
    constexpr off_t kSharedFirst = 0x40000002, kSharedSize = 510;  // SQLite's file format
    while (!lock_bytes(descriptor_, F_RDLCK, kSharedFirst, kSharedSize) &&
           (errno == EAGAIN || errno == EACCES)) {
      if (std::chrono::steady_clock::now() > end) {
        close(descriptor_);
        throw_locked(url);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  ~GuestLock() { close(descriptor_); }
  GuestLock(const GuestLock&) = delete;
  GuestLock& operator=(const GuestLock&) = delete;

 private:
  int descriptor_;
};

// What tells that a file is still the same, and has not been written.
struct FileState {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  int64_t written_ns = 0;

  bool is_same_file(const FileState& other) const {
    return device == other.device && inode == other.inode;
  }
  friend bool operator==(const FileState&, const FileState&) = default;
};

// Nothing where there is no such file.
std::optional<FileState> file_state(const fs::path& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) return std::nullopt;
  return FileState{status.st_dev, status.st_ino, status.st_size,
                   status.st_mtim.tv_sec * int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
}

// A connection as SQLite's function takes it: of the type that SOCI 4.0 declares in its namespace
// sqlite_api together with the function, and that SOCI 4.1 leaves to sqlite3.h.
template <typename Connection>
Connection* argument_of(int (*)(Connection*, int, ...), void* connection) {
  return static_cast<Connection*>(connection);
}

class SqliteStudy final : public SqlStudy {
 public:
  SqliteStudy(const std::string& url, const fs::path& file, Access access, Durability durability,
              std::chrono::seconds patience)
      : SqlStudy(url, "restore a copy, or save what can be read with: sqlite3 FILE .recover",
                 access, patience),
        file_(file),
        hosts_(beside(file, "-hosts")) {
    const std::string name =
        access == Access::read && is_guest(file) ? name_for_guest() : file.string();
    guarded([&] {
      sql_.open(soci::sqlite3,
                "dbname=\"" + name + "\" timeout=" + std::to_string(patience.count()));
      sql_ << (durability == Durability::power_loss ? "PRAGMA synchronous = FULL"
                                                    : "PRAGMA synchronous = NORMAL");
      sql_ << "PRAGMA foreign_keys = ON";
      if (access == Access::read) sql_ << "PRAGMA query_only = ON";
    });
    if (!opened_) opened_ = file_state(file);
  }

  std::optional<fs::path> path_beside(const std::string& name) const override {
    return beside(file_, "-" + name);
  }

  // All of a new study, and the journal that it keeps from then on.
  void create(const StudyInfo& info) {
    Transaction transaction(*this);
    guarded([&] {
      for (const char* statement : kSqliteSchema) sql_ << statement;
      upgrade_tables(1);
      store_format(kStudyFormat);
      put_info(info);
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
      if (format > kStudyFormat) throw_newer_format(url(), format);
      sql_ << "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN "
              "('study', 'counters', 'trials', 'epochs', 'samples', 'workers')",
          soci::into(tables);
      if (format < 1 || tables != 6)
        throw DataError("study " + url() + " is an SQLite file but not a study of metaqnn");
      use_format(format);
      std::string result;
      sql_ << "PRAGMA quick_check(1)", soci::into(result);
      if (result != "ok") damaged(result);
      check_samples();
    });
    info();
  }

  void announce_host() override { hosts_.announce(this_process()); }
  std::optional<bool> is_host_present(const Worker& worker) override {
    return hosts_.is_present(worker);
  }
  int64_t register_worker(const Worker& worker) override {
    announce_host();
    return SqlStudy::register_worker(worker);
  }

 private:
  void begin_writing() override { begin_writing_.run(); }
  void begin_reading() override { begin_reading_.run(); }

  int stored_format() override {
    int format = 0;
    sql_ << "PRAGMA user_version", soci::into(format);
    return format;
  }
  void store_format(int format) override { sql_ << "PRAGMA user_version = " << format; }

  // Under the lock: a journal that is there stays.
  std::string name_for_guest() {
    guest_.emplace(file_, url(), patience());
    opened_ = file_state(file_);
    const std::string uri = sqlite_uri(file_) + "?mode=ro";
    is_frozen_ = !is_present(beside(file_, "-wal"));
    if (is_frozen_) return uri + "&immutable=1";
    if (is_present(beside(file_, "-shm"))) return uri;
    throw FailureError("study " + url() + ": the end of " + beside(file_, "-wal").string() +
                       " has not been looked for since its writer died, which takes the right to "
                       "write beside it; its owner does so with metaqnn status");
  }

  void check_place() override {
    if (!opened_) return;
    const std::optional<FileState> now = file_state(file_);
    if (!now || !now->is_same_file(*opened_)) {
      throw DataError("study " + url() +
                      ": its file was removed, moved or replaced while it was in " +
                      "use; nothing more is stored, and nothing trained for it");
    }
    if (is_frozen_ && (*now != *opened_ || is_present(beside(file_, "-wal")))) {
      throw FailureError("study " + url() +
                         " began to be written while it was read; run the same command again");
    }
  }

  std::optional<int64_t> data_version() override {
    const auto version = data_version_.first();
    if (!version) damaged("no data version");
    return std::get<0>(*version);
  }

  void translate(const soci::soci_error& error) override {
    const std::string message = error.get_error_message();
    const auto has = [&](const char* part) { return message.find(part) != std::string::npos; };
    const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
    if (sqlite == nullptr) damaged(message);  // a value that does not fit its column
    switch (sqlite->result() & 0xff) {        // without the bits of the extended codes
      case SQLITE_NOTADB:
        throw DataError(
            "study " + url() +
            " is not a study: it does not begin as an SQLite file; restore a copy of it, "
            "or give another name");
      case SQLITE_CORRUPT:
      case SQLITE_FORMAT:
        damaged(message);
      case SQLITE_ERROR:  // the statements are ours, so the tables are not
        if (has("no such") || has("no column") || has("values for") ||
            has("unsupported file format"))
          damaged(message);
        break;
      case SQLITE_FULL:
        throw FailureError(
            "study " + url() +
            ": the disk is full; what was committed is safe, free some space and run "
            "the same command again");
      case SQLITE_IOERR:  // also what SQLite calls a quota and a limit on the size of files
        throw FailureError("study " + url() + " cannot be read or written (" + message +
                           "); what was committed is safe, check the disk, its free space, your "
                           "quota and the limit on the size of files (ulimit -f), and run the same "
                           "command again");
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
      case SQLITE_PROTOCOL:
        throw_locked(url());
      case SQLITE_READONLY:
      case SQLITE_CANTOPEN:
      case SQLITE_PERM:
      case SQLITE_AUTH:
        check_rights(url(), file_, may_write() ? Access::work : Access::read);
        throw FailureError("study " + url() + " cannot be opened (" + message +
                           "); check the permissions of the file and its folder");
      default:
        break;
    }
    throw FailureError("study " + url() + ": " + message);
  }

  // Closing the last connection moves the journal into the file and removes it. The first must not
  // happen to a file that is refused, the second should where the journal is this connection's.
  void leave_journal_alone(bool leave) {
    using namespace sqlite_api;
    auto* backend = static_cast<soci::sqlite3_session_backend*>(sql_.get_backend());
    sqlite3_db_config(argument_of(sqlite3_db_config, backend->conn_),
                      SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave ? 1 : 0, nullptr);
  }

  fs::path file_;
  HostLockFile hosts_;
  std::optional<GuestLock> guest_;
  std::optional<FileState> opened_;  // what it was when it was opened
  bool is_frozen_ = false;           // read as a file that does not change
  soci::session& sql_ = connection_.session;
  SqlStatement<In<>> begin_writing_{connection_, "BEGIN IMMEDIATE"};
  SqlStatement<In<>> begin_reading_{connection_, "BEGIN"};
  SqlStatement<In<>, Out<int64_t>> data_version_{connection_, "PRAGMA data_version"};
};

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
    if (error == EEXIST || is_there(url, file)) throw_there_already(url);
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

bool exists(const std::string& url) { return is_there(url, file_of(url)); }

std::unique_ptr<Study> open_file(const std::string& url, Access access, Durability durability,
                                 std::chrono::seconds patience) {
  const fs::path file = file_of(url);
  if (!is_there(url, file)) {
    throw DataError("there is no study " + url +
                    "; make one with metaqnn search or metaqnn import");
  }
  check_rights(url, file, access);
  const bool has_journal = is_there(url, beside(file, "-wal"));
  auto study = std::make_unique<SqliteStudy>(url, file, access, durability, patience);
  study->check(has_journal);
  return study;
}

// Made under another name and renamed when it is whole.
std::unique_ptr<Study> create(const std::string& url, const StudyInfo& info,
                              Durability durability) {
  const fs::path file = file_of(url);
  const fs::path folder = file.parent_path();
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw FailureError("study " + url + ": there is no folder " + folder.string() +
                       "; make it first");
  }
  if (is_there(url, file)) throw_there_already(url);
  // SQLite would take a journal that lost its study for the new one's.
  for (const fs::path& companion : companions(file)) {
    if (!is_there(url, companion)) continue;
    if (is_there(url, file)) throw_there_already(url);
    throw UsageError("study " + url + ": " + companion.string() +
                     " is left from a study that is gone; remove it, or give another name");
  }
  remove_old_drafts(file);
  const fs::path draft = draft_of(file);
  try {
    SqliteStudy(url, draft, Access::work, Durability::power_loss, kPatience).create(info);
    publish(url, draft, file);
  } catch (...) {
    remove_draft(draft);
    throw;
  }
  return open_file(url, Access::work, durability, kPatience);
}

}  // namespace

const StudyForm kSqliteForm{"sqlite:", "sqlite:///relative.db or sqlite:////absolute.db", exists,
                            create, open_file};

}  // namespace metaqnn::search
