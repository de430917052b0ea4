#include "base/output_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <thread>
#include <vector>

#include "metaqnn/base/error.h"
#include "tests/error_message.h"
#include "tests/folder.h"

namespace metaqnn {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using tests::message_of;

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class OutputFile : public testing::Test {
 protected:
  fs::path file() const { return folder_ / "file"; }

  // Every node of the folder, so that a draft that is left behind shows.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      all.push_back(entry.path().filename());
    std::sort(all.begin(), all.end());
    return all;
  }

  template <typename Error>
  void expect_refusal(const fs::path& name, const std::string& reason) const {
    const std::vector<std::string> before = names();
    EXPECT_THAT(message_of<Error>([&] { write_file(name, "new"); }),
                testing::AllOf(HasSubstr(name.string() + ": "), HasSubstr(reason)));
    EXPECT_EQ(names(), before);
  }

  tests::Folder folder_;
};

TEST_F(OutputFile, IsMadeWithItsWholeContent) {
  const std::string content = std::string("a\0\n\xff", 4) + std::string(3'000'000, 'x');
  write_file(file(), content);
  EXPECT_EQ(text_of(file()), content);
  write_file(file(), "");
  EXPECT_EQ(text_of(file()), "");
  EXPECT_EQ(names(), std::vector<std::string>{"file"});
}

TEST_F(OutputFile, OfAPlainNameLiesInTheCurrentFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  check_output("file");
  write_file("file", "here");
  fs::current_path(before);
  EXPECT_EQ(text_of(file()), "here");
}

TEST_F(OutputFile, OfTheLongestNameIsWritten) {
  const fs::path longest = folder_ / std::string(255, 'n');
  write_file(longest, "content");
  EXPECT_EQ(text_of(longest), "content");
}

TEST_F(OutputFile, OfANewNameGetsWhatUmaskLeaves) {
  const mode_t before = umask(027);
  write_file(file(), "new");
  umask(before);
  EXPECT_EQ(fs::status(file()).permissions(), fs::perms(0640));
}

TEST_F(OutputFile, KeepsTheModeOfTheOneItReplaces) {
  for (const unsigned mode : {0600u, 0644u, 0664u, 0755u}) {
    folder_.write("file", "old");
    fs::permissions(file(), fs::perms(mode));
    write_file(file(), "new");
    EXPECT_EQ(text_of(file()), "new");
    EXPECT_EQ(fs::status(file()).permissions(), fs::perms(mode));
  }
}

TEST_F(OutputFile, KeepsTheOwnerOfTheOneItReplacesWhereRootWrites) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  folder_.write("file", "old");
  ASSERT_EQ(chown(file().c_str(), 12345, 54321), 0);
  write_file(file(), "new");
  struct stat status {};
  ASSERT_EQ(stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 12345u);
  EXPECT_EQ(status.st_gid, 54321u);
}

// A reader that has the old file open reads the old one to its end.
TEST_F(OutputFile, IsReplacedWhole) {
  folder_.write("file", "old content");
  std::ifstream reader(file());
  EXPECT_EQ(reader.get(), 'o');
  write_file(file(), "new");
  std::string rest;
  std::getline(reader, rest);
  EXPECT_EQ(rest, "ld content");
  EXPECT_EQ(text_of(file()), "new");
}

TEST_F(OutputFile, OfALinkIsWhatTheLinkLeadsTo) {
  fs::create_directory(folder_ / "other");
  folder_.write("other/target", "old");
  fs::create_symlink("other/target", folder_ / "relative");
  fs::create_symlink(folder_ / "relative", folder_ / "absolute");
  fs::create_symlink("absolute", folder_ / "chain");
  int content = 0;
  for (const char* link : {"relative", "absolute", "chain"}) {
    write_file(folder_ / link, std::to_string(++content));
    EXPECT_EQ(text_of(folder_ / "other/target"), std::to_string(content));
    EXPECT_TRUE(fs::is_symlink(folder_ / link));
    EXPECT_FALSE(fs::is_symlink(folder_ / "other/target"));
  }
  EXPECT_EQ(names(), (std::vector<std::string>{"absolute", "chain", "other", "relative"}));
}

TEST_F(OutputFile, OfALinkToNothingIsMadeWhereTheLinkLeads) {
  fs::create_directory(folder_ / "other");
  fs::create_symlink("other/new", folder_ / "link");
  fs::create_symlink("link", folder_ / "chain");
  check_output(folder_ / "chain");
  write_file(folder_ / "chain", "content");
  EXPECT_EQ(text_of(folder_ / "other/new"), "content");
  EXPECT_TRUE(fs::is_symlink(folder_ / "chain"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  fs::create_symlink("none/new", folder_ / "lost");
  expect_refusal<FailureError>(folder_ / "lost", "No such file or directory");
  EXPECT_TRUE(fs::is_symlink(folder_ / "lost"));
}

TEST_F(OutputFile, OfLinksInACircleIsRefused) {
  fs::create_symlink("two", folder_ / "one");
  fs::create_symlink("one", folder_ / "two");
  fs::create_symlink("self", folder_ / "self");
  for (const char* link : {"one", "two", "self"}) {
    expect_refusal<FailureError>(folder_ / link, "Too many levels of symbolic links");
    EXPECT_TRUE(fs::is_symlink(folder_ / link));
  }
}

TEST_F(OutputFile, InPlaceOfAFolderIsRefused) {
  fs::create_directory(folder_ / "folder");
  fs::create_symlink("folder", folder_ / "link");
  expect_refusal<UsageError>(folder_ / "folder", "is a folder; name a file in it");
  expect_refusal<UsageError>(folder_ / "folder/", "is a folder; name a file in it");
  expect_refusal<UsageError>(folder_ / "folder/.", "is a folder; name a file in it");
  expect_refusal<UsageError>(folder_ / "link", "is a folder; name a file in it");
  EXPECT_TRUE(fs::is_empty(folder_ / "folder"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
}

TEST_F(OutputFile, InPlaceOfASocketIsRefused) {
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = file();
  ASSERT_LT(name.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, name.c_str(), name.size());
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  expect_refusal<UsageError>(file(), "is a socket");
  EXPECT_TRUE(fs::is_socket(file()));
  close(listener);
}

TEST_F(OutputFile, InPlaceOfADatabaseIsRefused) {
  const std::string database = std::string("SQLite format 3\0", 16) + "pages";
  folder_.write("file", database);
  fs::create_symlink("file", folder_ / "link");
  expect_refusal<UsageError>(file(), "is an SQLite database");
  expect_refusal<UsageError>(folder_ / "link", "is an SQLite database");
  EXPECT_THROW(check_output(file()), UsageError);
  EXPECT_EQ(text_of(file()), database);
  folder_.write("file", "SQLite format 3");
  write_file(file(), "new");
  EXPECT_EQ(text_of(file()), "new");
}

TEST_F(OutputFile, WithoutANameOrAFolderIsRefused) {
  EXPECT_THAT(message_of<UsageError>([] { write_file("", "new"); }), HasSubstr("name a file"));
  expect_refusal<FailureError>(folder_ / "none/file", "No such file or directory");
  expect_refusal<FailureError>(folder_ / "none/", "No such file or directory");
  folder_.write("file", "old");
  expect_refusal<FailureError>(file() / "file", "Not a directory");
}

TEST_F(OutputFile, IsWrittenToTheReaderOfAPipe) {
  ASSERT_EQ(mkfifo(file().c_str(), 0600), 0);
  fs::create_symlink("file", folder_ / "link");
  const std::string content(200'000, 'p');  // more than a pipe holds
  for (const fs::path& name : {file(), folder_ / "link"}) {
    std::string read;
    std::thread reader([&] { read = text_of(file()); });
    check_output(name);
    write_file(name, content);
    reader.join();
    EXPECT_EQ(read, content);
  }
  EXPECT_TRUE(fs::is_fifo(file()));
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
}

TEST_F(OutputFile, WhoseReaderHasGoneIsAFailureAndNotTheEndOfTheProcess) {
  ASSERT_EQ(mkfifo(file().c_str(), 0600), 0);
  std::thread reader([&] {
    std::ifstream in(file());
    in.get();
  });
  EXPECT_THAT(message_of<FailureError>([&] { write_file(file(), std::string(1'000'000, 'p')); }),
              HasSubstr("Broken pipe"));
  reader.join();
  EXPECT_TRUE(fs::is_fifo(file()));
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TEST_F(OutputFile, IsWrittenToADeviceWhichStays) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal) + unlockpt(terminal), 0);
  const fs::path name = ptsname(terminal);
  fs::create_symlink(name, folder_ / "link");
  const int kept_open = open(name.c_str(), O_RDWR | O_NOCTTY);
  write_file(folder_ / "link", "to the screen");
  char text[64] = {};
  EXPECT_EQ(read(terminal, text, sizeof text), 13);
  EXPECT_STREQ(text, "to the screen");
  EXPECT_TRUE(fs::is_character_file(name));
  close(kept_open);
  close(terminal);
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
}

// The numbers are those of /dev/null and /dev/full.
TEST_F(OutputFile, IsNotPutInPlaceOfADeviceOfRoot) {
  const fs::path null = folder_ / "null", full = folder_ / "full";
  if (mknod(null.c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0 ||
      mknod(full.c_str(), S_IFCHR | 0666, makedev(1, 7)) != 0)
    GTEST_SKIP() << "no device can be made here: " << std::strerror(errno);
  const int descriptor = open(null.c_str(), O_WRONLY);
  if (descriptor < 0) GTEST_SKIP() << "devices cannot be opened here";
  close(descriptor);
  check_output(null);
  write_file(null, "into nothing");
  expect_refusal<FailureError>(full, "No space left on device");
  EXPECT_TRUE(fs::is_character_file(null));
  EXPECT_TRUE(fs::is_character_file(full));
}

TEST_F(OutputFile, OfADescriptorGoesOnWhereThatStands) {
  folder_.write("file", "old ");
  const int descriptor = open(file().c_str(), O_WRONLY | O_APPEND);
  ASSERT_GE(descriptor, 0);
  for (const char* folder : {"/dev/fd/", "/proc/self/fd/"}) {
    const std::string link = folder + std::to_string(descriptor);
    check_output(link);
    write_file(link, "new ");
  }
  fs::create_symlink("/dev/fd/" + std::to_string(descriptor), folder_ / "link");
  write_file(folder_ / "link", "newest");
  EXPECT_EQ(text_of(file()), "old new new newest");
  EXPECT_NE(fcntl(descriptor, F_GETFD), -1) << "it stays open";
  close(descriptor);
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
}

TEST_F(OutputFile, OfADescriptorIsWrittenToWhateverThatIs) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  write_file("/dev/fd/" + std::to_string(ends[0]), "to a socket");
  char text[64] = {};
  EXPECT_EQ(read(ends[1], text, sizeof text), 11);
  EXPECT_STREQ(text, "to a socket");
  close(ends[0]);
  close(ends[1]);
  folder_.write("file", "old");
  const int reader = open(file().c_str(), O_RDONLY);
  const std::string name = "/dev/fd/" + std::to_string(reader);
  EXPECT_THAT(message_of<FailureError>([&] { check_output(name); }),
              HasSubstr("Bad file descriptor"));
  expect_refusal<FailureError>(name, "Bad file descriptor");
  close(reader);
  EXPECT_EQ(text_of(file()), "old");
}

// In a process of its own, since a limit cannot be raised again; its exit says what happened.
template <typename Action>
int status_in_child(const Action& action) {
  const pid_t child = fork();
  if (child == 0) _exit(action());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_F(OutputFile, ThatDoesNotFitLeavesTheOldOne) {
  folder_.write("file", "the old content");
  const int status = status_in_child([&] {
    const rlimit limit{1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file(file(), std::string(1'000'000, 'x'));
    } catch (const FailureError& error) {
      return std::string(error.what()).find("File too large") == std::string::npos ? 2 : 0;
    }
    return 1;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text_of(file()), "the old content");
  EXPECT_EQ(names(), std::vector<std::string>{"file"});
}

// Of a member of the group; another's primary group would let others in.
TEST_F(OutputFile, KeepsTheGroupOfTheOneItReplaces) {
  if (geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  const gid_t group = 54321;
  folder_.write("file", "old");
  ASSERT_EQ(chown(file().c_str(), 65534, group), 0);
  ASSERT_EQ(chmod(file().c_str(), 0640), 0);
  ASSERT_EQ(chmod(folder_.path().c_str(), 0777), 0);
  EXPECT_EQ(status_in_child([&] {
              if (setgroups(1, &group) != 0 || setegid(65534) != 0 || seteuid(65534) != 0) return 3;
              write_file(file(), "new");
              return 0;
            }),
            0);
  struct stat status {};
  ASSERT_EQ(stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_gid, group);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  EXPECT_EQ(text_of(file()), "new");
}

// As in /tmp: it may be written to, but not replaced.
TEST_F(OutputFile, OfAnotherUserInASharedFolderIsRefusedBeforehand) {
  if (geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  folder_.write("file", "old");
  ASSERT_EQ(chmod(file().c_str(), 0666), 0);
  ASSERT_EQ(chmod(folder_.path().c_str(), 01777), 0);
  EXPECT_EQ(status_in_child([&] {
              if (setegid(65534) != 0 || seteuid(65534) != 0) return 3;
              try {
                check_output(file());
              } catch (const FailureError& error) {
                const std::string message = error.what();
                return message.find("Operation not permitted") == std::string::npos ? 2 : 0;
              }
              return 1;
            }),
            0);
  EXPECT_EQ(text_of(file()), "old");
}

TEST_F(OutputFile, ThatIsAMountIsWrittenToInPlace) {
  folder_.write("file", "");
  folder_.write("mounted", "old");
  const int status = status_in_child([&] {
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount((folder_ / "mounted").c_str(), file().c_str(), nullptr, MS_BIND, nullptr) != 0)
      return 3;
    check_output(file());
    write_file(file(), "new");
    return 0;
  });
  if (status == 3) GTEST_SKIP() << "nothing can be mounted here";
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text_of(folder_ / "mounted"), "new");
  EXPECT_EQ(text_of(file()), "");
}

TEST_F(OutputFile, IsRefusedByAFileThatIsWriteProtectedAndByItsFolder) {
  folder_.write("file", "old");
  const auto refusal_of = [&](const fs::path& name) {
    return status_in_child([&] {
      if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0)) return 3;
      try {
        write_file(name, "new");
      } catch (const FailureError& error) {
        return std::string(error.what()).find("Permission denied") == std::string::npos ? 2 : 0;
      }
      return 1;
    });
  };
  fs::permissions(file(), fs::perms(0444));
  fs::permissions(folder_.path(), fs::perms(0777));
  EXPECT_EQ(refusal_of(file()), 0);
  fs::permissions(file(), fs::perms(0666));
  fs::permissions(folder_.path(), fs::perms(0555));
  EXPECT_EQ(refusal_of(file()), 0);
  EXPECT_EQ(refusal_of(folder_ / "new"), 0);
  fs::permissions(folder_.path(), fs::perms(0700));
  EXPECT_EQ(text_of(file()), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"file"});
}

TEST_F(OutputFile, IsCheckedWithoutATrace) {
  folder_.write("file", "old");
  check_output(file());
  check_output(folder_ / "new");
  EXPECT_EQ(text_of(file()), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"file"});
  EXPECT_THROW(check_output(folder_.path()), UsageError);
  EXPECT_THROW(check_output(folder_ / "none/file"), FailureError);
}

// Threads of one process name their drafts apart; the file is always one of theirs.
TEST_F(OutputFile, OfSeveralWritersIsWholeOfOneOfThem) {
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b', 'c'}) {
    writers.emplace_back([&, letter] {
      for (int i = 0; i < 20; ++i) write_file(file(), std::string(10'000, letter));
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string text = text_of(file());
  EXPECT_EQ(text, std::string(10'000, text.at(0)));
  EXPECT_EQ(names(), std::vector<std::string>{"file"});
}

}  // namespace
}  // namespace metaqnn
