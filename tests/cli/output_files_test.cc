// Every command that writes a file, on whatever a name can lead to: what is no regular file stays
// what it is and gets the content where it takes one, and a failure leaves nothing and destroys
// nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <thread>

#include "search/evaluate/checkpoint.h"
#include "tests/cli/run_program.h"

namespace metaqnn::tests {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kOurLog = METAQNN_SOURCE_DIR "/experiments/results/fashion_mnist_log.csv";
const std::string kConfig = METAQNN_SOURCE_DIR "/experiments/fashion_mnist_quick.toml";

// A command but for its -o; what it reads lies in the folder `inputs`. `start` is how what it writes
// begins.
struct Writer {
  const char* name;
  std::vector<std::string> (*words)(const Folder& inputs);
  const char* start;
  bool reads_study = false;
};

std::ostream& operator<<(std::ostream& out, const Writer& writer) { return out << writer.name; }

using Words = std::vector<std::string>;

const Writer kWriters[] = {
    {"fit",
     [](const Folder& inputs) {
       return Words{"fit", "--log", inputs / "log.csv", "--method", "nearest"};
     },
     "{"},
    {"sample",
     [](const Folder&) {
       return Words{"sample", "--config", kConfig, "--count", "100"};
     },
     "["},
    {"export",
     [](const Folder& inputs) {
       return Words{"export", "--study", inputs.url("study.db")};
     },
     "number,architecture,", true},
    {"replay",
     [](const Folder& inputs) {
       return Words{"export", "--study", inputs.url("study.db"), "--format", "replay"};
     },
     "net,", true},
    {"optuna_journal",
     [](const Folder& inputs) {
       return Words{"export", "--study", inputs.url("study.db"), "--format", "optuna-journal"};
     },
     "{\"op_code\":0,", true},
    {"report",
     [](const Folder& inputs) {
       return Words{"report", "--study", inputs.url("study.db")};
     },
     "<!DOCTYPE html>", true},
    {"export_model",
     [](const Folder& inputs) {
       return Words{"export-model", "--model", inputs / "small.checkpoint"};
     },
     "PK\x03\x04"},
    {"export_onnx",
     [](const Folder& inputs) {
       return Words{"export-model", "--model", inputs / "small.checkpoint", "--format", "onnx"};
     },
     "\x08\x07\x12\x07metaqnn"},
};

void write_log(const Folder& folder) {
  std::string text;
  const std::vector<std::string> lines = lines_of(read_text(kOurLog));
  for (size_t i = 0; i < 60; ++i) text += lines[i] + "\n";
  text += lines[1] + "\n";  // so that there is more to say
  folder.write("log.csv", text);
}

// A network that nobody trained.
void write_network(const Folder& folder) {
  search::Checkpoint checkpoint;
  checkpoint.architecture = "[SM(2)]";
  checkpoint.image = checkpoint.input = {1, 2, 2};
  checkpoint.classes = 2;
  checkpoint.normalization = {{1, 1, 1, 1}, {0, 0, 0, 0}};
  checkpoint.parameters.assign(10, 0.5F);
  checkpoint.facts.epochs = checkpoint.facts.best_epoch = 1;
  checkpoint.facts.curve.resize(1);
  search::write_checkpoint(checkpoint, folder / "small.checkpoint");
}

class EveryCommandThatWrites : public testing::TestWithParam<Writer> {
 protected:
  static void SetUpTestSuite() {
    inputs_ = std::make_unique<Folder>();
    write_log(*inputs_);
    write_network(*inputs_);
    const Result result = run(
        {"import", *inputs_ / "log.csv", "--study", inputs_->url("study.db"), "--config", kConfig});
    ASSERT_EQ(result.status, 0) << result.error;
  }
  static void TearDownTestSuite() { inputs_.reset(); }

  void SetUp() override {
    if (GetParam().name == std::string("export_model") &&
        run({"--version"}).output.find("without LibTorch") != std::string::npos)
      GTEST_SKIP() << "built without LibTorch";
    fs::create_directory(folder_ / "out");
    words_ = GetParam().words(*inputs_);
  }

  fs::path out(const std::string& name) const { return folder_ / "out" / name; }

  Result write_to(const fs::path& name) const {
    Words words = words_;
    words.insert(words.end(), {"-o", name.string()});
    return run(words);
  }

  void expect_written(const fs::path& name) const {
    const Result result = write_to(name);
    EXPECT_EQ(result.status, 0) << name << ": " << result.error;
    EXPECT_THAT(read_text(name), StartsWith(GetParam().start)) << name;
  }

  void expect_refused(const fs::path& name, int status, const std::string& reason) const {
    const size_t before = count();
    const Result result = write_to(name);
    EXPECT_EQ(result.status, status) << name;
    EXPECT_THAT(result.error, HasSubstr(name.string() + ": "));
    EXPECT_THAT(result.error, HasSubstr(reason));
    EXPECT_EQ(count(), before) << "a draft is left beside " << name;
  }

  uintmax_t size_in_a_file() const {
    expect_written(out("size"));
    const uintmax_t size = fs::file_size(out("size"));
    fs::remove(out("size"));
    return size;
  }

  // Of the folder into which it writes.
  size_t count() const {
    const fs::recursive_directory_iterator nodes(folder_ / "out");
    return static_cast<size_t>(std::distance(begin(nodes), end(nodes)));
  }

  static inline std::unique_ptr<Folder> inputs_;
  Folder folder_;
  Words words_;
};

TEST_P(EveryCommandThatWrites, ReplacesARegularFileAndKeepsItsMode) {
  expect_written(out("new"));
  folder_.write("out/old", "old");
  fs::permissions(out("old"), fs::perms(0604));
  expect_written(out("old"));
  EXPECT_EQ(fs::status(out("old")).permissions(), fs::perms(0604));
  EXPECT_EQ(count(), 2u);
}

TEST_P(EveryCommandThatWrites, FollowsALinkAndKeepsIt) {
  fs::create_directory(out("far"));
  folder_.write("out/far/old", "old");
  fs::create_symlink("far/old", out("link"));
  fs::create_symlink("far/new", out("dangling"));
  fs::create_symlink("loop", out("loop"));
  for (const char* link : {"link", "dangling"}) {
    expect_written(out(link));
    EXPECT_TRUE(fs::is_symlink(out(link)));
  }
  EXPECT_EQ(read_text(out("far/old")), read_text(out("link")));
  EXPECT_TRUE(fs::is_regular_file(out("far/new")));
  expect_refused(out("loop"), 1, "Too many levels of symbolic links");
  EXPECT_TRUE(fs::is_symlink(out("loop")));
}

TEST_P(EveryCommandThatWrites, WritesToAPipeAndKeepsIt) {
  ASSERT_EQ(mkfifo(out("pipe").c_str(), 0600), 0);
  std::string text;
  std::thread reader([&] { text = read_text(out("pipe")); });
  const Result result = write_to(out("pipe"));
  if (result.status != 0) std::ofstream(out("pipe"));  // or the reader waits for ever
  reader.join();
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(text, StartsWith(GetParam().start));
  EXPECT_TRUE(fs::is_fifo(out("pipe")));
}

// The numbers are those of /dev/null and /dev/full.
TEST_P(EveryCommandThatWrites, WritesToADeviceAndKeepsIt) {
  const fs::path null = out("null"), full = out("full");
  if (mknod(null.c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0 ||
      mknod(full.c_str(), S_IFCHR | 0666, makedev(1, 7)) != 0)
    GTEST_SKIP() << "no device can be made here: " << std::strerror(errno);
  EXPECT_EQ(write_to(null).status, 0);
  EXPECT_TRUE(fs::is_character_file(null));
  expect_refused(full, 1, "No space left on device");
  EXPECT_TRUE(fs::is_character_file(full));
}

TEST_P(EveryCommandThatWrites, WritesToStandardOutput) {
  const Result result = write_to("/dev/stdout");
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.output, StartsWith(GetParam().start));
  EXPECT_EQ(result.output.size(), size_in_a_file()) << "and nothing behind it";
}

TEST_P(EveryCommandThatWrites, RefusesAFolderASocketAndAStudy) {
  fs::create_directory(out("folder"));
  fs::create_symlink("folder", out("link"));
  expect_refused(out("folder"), 2, "is a folder; name a file in it");
  expect_refused(out("link"), 2, "is a folder; name a file in it");
  expect_refused(out("none/file"), 1, "No such file or directory");
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = out("socket");
  ASSERT_LT(name.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, name.c_str(), name.size());
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  expect_refused(name, 2, "is a socket");
  EXPECT_TRUE(fs::is_socket(name));
  close(listener);
  expect_refused(*inputs_ / "study.db", 2, "is an SQLite database");
  EXPECT_EQ(run({"status", "--study", inputs_->url("study.db")}).status, 0);
}

// What reads a study would meet the limit in its database; report_test.cc has a study that fits.
TEST_P(EveryCommandThatWrites, LeavesTheOldFileWhereTheNewOneDoesNotFit) {
  if (GetParam().reads_study) return;
  folder_.write("out/file", "the old content");
  std::string command = "ulimit -f 1; exec '" METAQNN_PROGRAM "'";
  for (const std::string& word : words_) command += " '" + word + "'";
  command += " -o '" + out("file").string() + "' 2>&1 | grep -q 'File too large'";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read_text(out("file")), "the old content");
  EXPECT_EQ(count(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Commands, EveryCommandThatWrites, testing::ValuesIn(kWriters),
                         [](const auto& writer) { return std::string(writer.param.name); });

}  // namespace
}  // namespace metaqnn::tests
