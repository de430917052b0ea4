// A PostgreSQL server of the tests' own, on a socket in a folder of its own, with no data that
// outlives it. Every database is made when its URL is asked for.
//
//   PostgresqlServer* server = PostgresqlServer::shared();
//   if (server == nullptr) GTEST_SKIP() << PostgresqlServer::kMissing;
//   const std::string url = server->new_database();
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/folder.h"

namespace metaqnn::tests {

class PostgresqlServer {
 public:
  static constexpr const char* kMissing =
      "PostgreSQL's server is not installed (./bootstrap --tests does it)";

  // The one server of this process, started when it is first asked for; nullptr where it is not
  // installed.
  static PostgresqlServer* shared() {
    static const std::filesystem::path programs = find_programs();
    if (programs.empty()) return nullptr;
    static PostgresqlServer server(programs);
    return &server;
  }
  ~PostgresqlServer() { stop(); }
  PostgresqlServer(const PostgresqlServer&) = delete;
  PostgresqlServer& operator=(const PostgresqlServer&) = delete;

  // The URL of an empty database that no other test has.
  std::string new_database() {
    const std::string name = "study" + std::to_string(++databases_);
    if (run({"createdb", "-h", data(), "-U", "metaqnn", name}) != 0)
      throw std::runtime_error("createdb failed");
    return url(name);
  }
  std::string url(const std::string& database) const {
    std::string host;
    for (const char c : data()) host += c == '/' ? "%2F" : std::string(1, c);
    return "postgresql://metaqnn@" + host + "/" + database;
  }
  // One statement by psql; false where the server refuses it.
  bool execute(const std::string& url, const std::string& sql) {
    return run({"psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql}) == 0;
  }

  // As a crash would: connections break, what was committed stays.
  void stop() {
    if (server_ == 0) return;
    kill(server_, SIGQUIT);
    waitpid(server_, nullptr, 0);
    server_ = 0;
  }
  void start() {
    server_ = launch({"postgres", "-D", data(), "-k", data(), "-c", "listen_addresses=", "-c",
                      "fsync=off", "-c", "max_connections=40"});
    for (int i = 0; i < 300; ++i) {
      if (run({"pg_isready", "-q", "-h", data(), "-U", "metaqnn"}) == 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    throw std::runtime_error("the server does not start; see " + (folder_ / "log").string());
  }

 private:
  explicit PostgresqlServer(std::filesystem::path programs) : programs_(std::move(programs)) {
    std::filesystem::create_directory(data());
    if (getuid() == 0) {
      std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
      if (chown(data().c_str(), kNobody, kNobody) != 0) throw std::runtime_error("chown failed");
    }
    if (run({"initdb", "-D", data(), "-U", "metaqnn", "-A", "trust", "-N", "-E", "UTF8",
             "--locale=C"}) != 0)
      throw std::runtime_error("initdb failed; see " + (folder_ / "log").string());
    start();
  }

  static constexpr uid_t kNobody = 65534;  // the server refuses to run as root

  static std::filesystem::path find_programs() {
    std::filesystem::path newest;
    std::error_code none;
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
      const std::filesystem::path programs = version.path() / "bin";
      if (std::filesystem::exists(programs / "initdb") && programs > newest) newest = programs;
    }
    return newest;
  }

  std::string data() const { return (folder_ / "data").string(); }

  int run(const std::vector<std::string>& command) {
    int status = 0;
    waitpid(launch(command), &status, 0);
    return status;
  }

  pid_t launch(const std::vector<std::string>& command) {
    const std::string program = (programs_ / command[0]).string(), log = folder_ / "log";
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words[0] = const_cast<char*>(program.c_str());  // PostgreSQL 17 finds its files by it
    words.push_back(nullptr);
    const pid_t pid = fork();
    if (pid != 0) return pid;
    const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    dup2(output, 1);
    dup2(output, 2);
    if (getuid() == 0 &&
        (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0))
      _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (chdir("/") == 0) execv(program.c_str(), words.data());
    _exit(127);
  }

  std::filesystem::path programs_;
  Folder folder_;
  pid_t server_ = 0;
  int databases_ = 0;
};

}  // namespace metaqnn::tests
