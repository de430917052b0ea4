#include "search/model_locks.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "tests/folder.h"

namespace metaqnn::search {
namespace {

class ModelLocksTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / "training.lock"; }

  tests::Folder folder_;
};

// Locks belong to open files, so two of them in one process stand for two processes.
TEST_F(ModelLocksTest, GiveAModelToOneAtATime) {
  const ModelLocks first(folder_.path()), second(folder_.path());
  std::optional<ModelLocks::Held> held = first.take("trial-1");
  EXPECT_TRUE(held);
  EXPECT_FALSE(second.take("trial-1"));
  EXPECT_TRUE(second.take("trial-2"));
  EXPECT_TRUE(second.take("trial-11"));
  held.reset();
  EXPECT_TRUE(second.take("trial-1"));
  EXPECT_TRUE(first.take("trial-1"));
}

TEST_F(ModelLocksTest, AreThoseOfTheirFolder) {
  const tests::Folder other;
  const ModelLocks first(folder_.path()), second(other.path());
  const auto held = first.take("trial-1");
  EXPECT_TRUE(second.take("trial-1"));
}

TEST_F(ModelLocksTest, LeaveNothingBehindWhenTheLastHasGone) {
  auto first = std::make_unique<ModelLocks>(folder_.path());
  auto second = std::make_unique<ModelLocks>(folder_.path());
  EXPECT_TRUE(std::filesystem::exists(file()));
  first.reset();
  EXPECT_TRUE(std::filesystem::exists(file()));
  EXPECT_TRUE(second->take("trial-1"));
  second.reset();
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(ModelLocksTest, OfAProcessThatDiesAreFree) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const ModelLocks locks(folder_.path());
    const auto held = locks.take("trial-1");
    locks.add_failure("trial-2", "nan");
    const char answer = held ? 'y' : 'n';
    if (write(ready[1], &answer, 1) == 1) pause();
    _exit(1);
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  const auto locks = std::make_unique<ModelLocks>(folder_.path());
  EXPECT_FALSE(locks->take("trial-1"));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(locks->take("trial-1"));
  EXPECT_TRUE(locks->failure("trial-2"));  // this one was there when it failed
  close(ready[0]);
  close(ready[1]);
}

TEST_F(ModelLocksTest, TellTheOthersWhatCannotBeTrainedUntilTheLastHasGone) {
  auto first = std::make_unique<ModelLocks>(folder_.path());
  first->add_failure("trial-1", "error (a message\nof two lines)");
  first->add_failure("trial-12", "nan (in epoch 2)");
  auto second = std::make_unique<ModelLocks>(folder_.path());
  EXPECT_EQ(second->failure("trial-1"), "error (a message of two lines)");
  EXPECT_EQ(second->failure("trial-12"), "nan (in epoch 2)");
  EXPECT_EQ(second->failure("trial-2"), std::nullopt);
  first.reset();
  EXPECT_EQ(second->failure("trial-1"), "error (a message of two lines)");
  second.reset();
  EXPECT_EQ(ModelLocks(folder_.path()).failure("trial-1"), std::nullopt);
}

TEST_F(ModelLocksTest, ForgetWhatAKilledProcessLeft) {
  folder_.write("training.lock", "trial-1 nan\n");
  EXPECT_EQ(ModelLocks(folder_.path()).failure("trial-1"), std::nullopt);
}

TEST_F(ModelLocksTest, ThatCannotBeMadeHinderNobody) {
  const ModelLocks locks(folder_ / "none");
  EXPECT_TRUE(locks.take("trial-1"));
  locks.add_failure("trial-1", "nan");
  EXPECT_EQ(locks.failure("trial-1"), std::nullopt);
}

}  // namespace
}  // namespace metaqnn::search
