// No password of a URL comes out of the program: not in a message, not in a result, not in a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/run_program.h"
#include "tests/postgresql_server.h"

namespace metaqnn::tests {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

// Each holds s3cr3t where a password stands, or what somebody took for one.
const std::vector<std::string> kUrls{
    "postgresql://me:s3cr3t@127.0.0.1:1/db",
    "postgresql://me:s3cr3t@[::1]:1/db",
    "postgresql://me:a?s3cr3t/b#c@127.0.0.1:1/db",
    "postgresql://me:a@s3cr3t:b@127.0.0.1:1/db",
    "postgresql://me:[a s3cr3t@127.0.0.1:1/db",
    "postgresql://127.0.0.1:1/db?user=me&Pass%77ord=s3cr3t",
    "postgresql://127.0.0.1:1/db?sslpassword=s3cr3t&password=s3cr3t",
    "postgresql:host=127.0.0.1 port=1 password = 'a s3cr3t'",
    "postgresql:/me:s3cr3t@127.0.0.1:1/db",
    "mysql://me:s3cr3t@127.0.0.1/db",
};

// The program in a folder with a study and a model, which is its working directory.
class Secrets : public testing::Test {
 protected:
  Secrets() : before_(fs::current_path()) {
    fs::current_path(folder_.path());
    folder_.write("table.csv",
                  "architecture,accuracy\na-a,0.1\na-b,0.2\nb-a,0.3\nb-b,0.5\nc-a,0.6\nc-b,0.8\n"
                  "a-c,0.4\nb-c,0.7\nc-c,0.9\n");
    folder_.write("search.toml",
                  "[space]\nkind = \"sequence\"\ntemplate = \"{}-{}\"\nalphabet = [\"a\", \"b\", "
                  "\"c\"]\n[strategy]\nschedule = [[1.0, 9]]\n"
                  "[evaluator]\nkind = \"table\"\nfile = \"table.csv\"\ntarget = \"accuracy\"\n");
    folder_.write("list.txt", "a-a\nb-b\n");
  }
  ~Secrets() override { fs::current_path(before_); }

  void expect_hidden(const std::vector<std::string>& command) const {
    const Result result = run(command);
    std::string words;
    for (const std::string& word : command) words += word + " ";
    EXPECT_THAT(result.output, Not(HasSubstr("s3cr3t"))) << words;
    EXPECT_THAT(result.error, Not(HasSubstr("s3cr3t"))) << words;
    EXPECT_LT(result.status, 128) << words;
  }

  void expect_hidden_in_files() const {
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (entry.is_regular_file()) {
        EXPECT_THAT(read_text(entry.path()), Not(HasSubstr("s3cr3t"))) << entry.path();
      }
    }
  }

  Folder folder_;
  fs::path before_;
};

TEST_F(Secrets, StandInNothingThatAnyCommandSaysOrWrites) {
  ASSERT_EQ(run({"search", "--config", "search.toml", "--study", "sqlite:///s.db"}).status, 0);
  ASSERT_EQ(run({"fit", "--log", "sqlite:///s.db", "--method", "mean", "-o", "m.model"}).status, 0);
  for (const std::string& url : kUrls) {
    const std::vector<std::vector<std::string>> commands{
        {url},
        {"--" + url},
        {"status", "--" + url},
        {"status", "--format", url},
        {"sample", "--count", url},
        {"describe", url},
        {"describe", "[SM(10)]", "--input", url},
        {"describe", "[SM(10)]", "--config", url},
        {"space", "--config", url},
        {"sample", "--config", url, "--count", "1"},
        {"sample", "--study", url, "--count", "1"},
        {"sample", "--config", "search.toml", "--count", "1", "-o", url},
        {"search", "--config", url, "--study", "sqlite:///new.db"},
        {"search", "--config", "search.toml", "--study", url},
        {"search", "--study", url},
        {"search", "--config", "search.toml", "--device", url, "--study", "sqlite:///s.db"},
        {"search", "--estimate", "--config", url},
        {"worker", "--study", url},
        {"status", "--study", url},
        {"trials", "--study", url},
        {"import", url, "--study", "sqlite:///new.db", "--config", "search.toml"},
        {"import", "table.csv", "--target", "accuracy", "--study", url, "--config", "search.toml"},
        {"import", "table.csv", "--target", url, "--study", "sqlite:///s.db"},
        {"export", "--study", url},
        {"export", "--study", "sqlite:///s.db", "-o", url},
        {"config", "--config", url},
        {"config", "--study", url},
        {"fit", "--log", url, "-o", "x.model"},
        {"fit", "--log", "sqlite:///s.db", "--method", "mean", "-o", url},
        {"fit", "--log", "sqlite:///s.db", "--method", url, "-o", "x.model"},
        {"fit", "--log", "table.csv", "--target", url, "-o", "x.model"},
        {"evaluate", "--log", url, "--folds", "2"},
        {"evaluate", "--train", url, "--test", "table.csv"},
        {"evaluate", "--train", "sqlite:///s.db", "--test", url},
        {"evaluate", "--log", "sqlite:///s.db", "--folds", "2", "--method", "mean", "--unlabelled",
         url},
        {"predict", "--model", url, "--architectures", "list.txt"},
        {"predict", "--model", "m.model", "--architectures", url},
        {"rank", "--model", url, "--candidates", "list.txt"},
        {"rank", "--model", "m.model", "--candidates", url},
        {"rank", "--model", "m.model", "--config", url},
        {"screen", "--study", url, "--no-train"},
        {"finetune", "--study", url, "-o", "models"},
        {"finetune", "--study", "sqlite:///s.db", "-o", url},
        {"finetune", "--study", "sqlite:///s.db", "--config", url, "-o", "models"},
        {"ensemble", "--models", url},
        {"transfer", "--model", url, "--config", "search.toml", "-o", "models"},
        {"transfer", "--model", "m.model", "--config", url, "-o", url},
        {"predict-image", "--model", url, "a.png"},
        {"export-model", "--model", url, "-o", "net.pt"},
        {"report", "--study", url, "-o", "page.html"},
        {"report", "--study", "sqlite:///s.db", "-o", url},
    };
    for (const auto& command : commands) expect_hidden(command);
  }
  expect_hidden_in_files();
}

TEST_F(Secrets, OfAStudyThatIsUsedByOneStandNowhereElse) {
  PostgresqlServer* server = PostgresqlServer::shared();
  if (server == nullptr) GTEST_SKIP() << PostgresqlServer::kMissing;
  const std::string plain = server->new_database();
  std::string url = plain;
  url.replace(url.find("metaqnn@"), 7, "metaqnn:a%3Fs3cr3t");
  ASSERT_EQ(run({"search", "--config", "search.toml", "--study", url}).status, 0);
  const std::vector<std::vector<std::string>> commands{
      {"search", "--study", url},
      {"worker", "--study", url},
      {"status", "--study", url},
      {"trials", "--study", url},
      {"trials", "--study", url, "--format", "json"},
      {"trials", "--study", url, "--samples", "--format", "csv"},
      {"export", "--study", url, "-o", "log.csv"},
      {"export", "--study", url, "--format", "replay"},
      {"config", "--study", url},
      {"sample", "--study", url, "--count", "1"},
      {"import", url, "--study", "sqlite:///copy.db", "--config", "search.toml"},
      {"import", "table.csv", "--target", "accuracy", "--study", url},
      {"fit", "--log", url, "--method", "mean", "-o", "m.model"},
      {"evaluate", "--log", url, "--folds", "3", "--method", "mean"},
      {"evaluate", "--log", url, "--folds", "3", "--method", "mean", "--format", "json"},
      {"screen", "--study", url, "--method", "mean", "--candidates", "2", "--top", "1"},
      {"report", "--study", url, "-o", "page.html"},
  };
  for (const auto& command : commands) expect_hidden(command);
  expect_hidden_in_files();
  for (const char* table : {"study", "trials", "workers"}) {
    EXPECT_TRUE(server->execute(plain, "SELECT 1 / (CASE WHEN EXISTS (SELECT 1 FROM metaqnn." +
                                           std::string(table) +
                                           " AS t WHERE t::text LIKE '%s3cr3t%') THEN 0 ELSE 1 "
                                           "END)"))
        << table;
  }
}

}  // namespace
}  // namespace metaqnn::tests
