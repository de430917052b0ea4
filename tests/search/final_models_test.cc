// Which models of a folder are trained, and what one that fails leaves to the others.
#include "search/final_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "search/evaluate/device_fault.h"
#include "tests/folder.h"

namespace metaqnn::search {
namespace {

using testing::ElementsAre;

constexpr const char* kFault = "CUDA error: an illegal memory access was encountered";

class Nobody : public FinalObserver {
 public:
  void images_loaded(const FinalTrainer&) override {}
  void model_began(const FinalModel&, int, int) override {}
  void epoch_ended(const FinalModel&, const TrainingFacts&) override {}
  void model_awaited(const FinalModel&) override {}
  void model_ended(const FinalModel&) override {}
};

// Ends at once, but for the networks that fail: with an outcome, or with what their training throws.
class QuickTrainer : public FinalTrainer {
 public:
  QuickTrainer(const std::map<std::string, std::string>& faults, std::vector<std::string>& trained)
      : faults_(faults), trained_(trained) {}
  int64_t training_images() const override { return 1; }
  int64_t validation_images() const override { return 1; }
  int64_t test_images() const override { return 1; }
  FinalOutcome train(const FinalTask& task, std::optional<Checkpoint>, const std::atomic<bool>*,
                     const std::function<void(const Checkpoint&)>& after_epoch) override {
    trained_.push_back(task.architecture);
    if (const auto fault = faults_.find(task.architecture); fault != faults_.end()) {
      if (is_device_fault(fault->second)) throw DeviceFault("cuda:0", fault->second);
      return {Failure::out_of_memory, fault->second, std::nullopt};
    }
    Checkpoint checkpoint;
    checkpoint.architecture = task.architecture;
    checkpoint.image = checkpoint.input = {1, 1, 1};
    checkpoint.classes = 2;
    checkpoint.class_names = {"cat", "dog"};
    checkpoint.preprocessing = datasets::Preprocessing::standardize;
    checkpoint.normalization = {{0}, {1}};
    checkpoint.parameters = {0.5F, -1, 2, 3};
    checkpoint.facts = task.facts;
    checkpoint.facts.epochs = checkpoint.facts.best_epoch = 1;
    checkpoint.facts.test_error = 0.25;
    checkpoint.facts.curve = {{1, 0.5, 0.5, 0.5}};
    after_epoch(checkpoint);
    return {Failure::none, "", checkpoint};
  }

 private:
  const std::map<std::string, std::string>& faults_;
  std::vector<std::string>& trained_;
};

class Finetune : public testing::Test {
 protected:
  std::vector<FinalModel> finetune(const std::vector<std::string>& architectures) {
    std::vector<Trial> trials;
    for (const std::string& architecture : architectures) {
      Trial trial;
      trial.number = static_cast<int64_t>(trials.size());
      trial.architecture = architecture;
      trials.push_back(trial);
    }
    FinalOptions options;
    options.folder = folder_ / "models";
    options.make_trainer = [this](const auto&, const auto&) {
      return std::make_unique<QuickTrainer>(faults_, trained_);
    };
    Nobody nobody;
    return search::finetune(trials, {}, options, nobody);
  }

  // "" for a model that is finished.
  static std::vector<std::string> reasons(const std::vector<FinalModel>& models) {
    std::vector<std::string> reasons;
    for (const FinalModel& model : models) {
      reasons.push_back(model.reason());
      EXPECT_EQ(model.checkpoint.has_value(), reasons.back().empty());
    }
    return reasons;
  }

  tests::Folder folder_;
  std::map<std::string, std::string> faults_;
  std::vector<std::string> trained_;
};

TEST_F(Finetune, KeepsTheOtherModelsWhereTheDeviceFaultsOrHasNoMemory) {
  const std::vector<std::string> all{"[SM(2)]", "[D(1,2), SM(2)]", "[D(1,3), SM(2)]",
                                     "[D(1,4), SM(2)]"};
  faults_ = {{all[1], std::string(kFault) + "\nDetails."}, {all[2], "CUBLAS_STATUS_ALLOC_FAILED"}};
  EXPECT_THAT(reasons(finetune(all)),
              ElementsAre("", std::string("crashed (") + kFault + ")",
                          "out of memory (CUBLAS_STATUS_ALLOC_FAILED)", ""));
  EXPECT_EQ(trained_, all);

  faults_.clear();
  trained_.clear();
  EXPECT_THAT(reasons(finetune(all)), ElementsAre("", "", "", ""));
  EXPECT_THAT(trained_, ElementsAre(all[1], all[2])) << "those that are done are left alone";
}

TEST_F(Finetune, OnADeviceThatFaultsWithEveryNetworkLosesNothingThatWasDone) {
  finetune({"[SM(2)]"});
  faults_ = {{"[D(1,2), SM(2)]", "CUDNN_STATUS_EXECUTION_FAILED"},
             {"[D(1,3), SM(2)]", "HIP error: unspecified launch failure"}};
  EXPECT_THAT(reasons(finetune({"[SM(2)]", "[D(1,2), SM(2)]", "[D(1,3), SM(2)]"})),
              ElementsAre("", "crashed (CUDNN_STATUS_EXECUTION_FAILED)",
                          "crashed (HIP error: unspecified launch failure)"));
  std::vector<std::string> unfinished;
  EXPECT_EQ(read_models(folder_ / "models", unfinished).size(), 1u);
  EXPECT_TRUE(unfinished.empty());
}

}  // namespace
}  // namespace metaqnn::search
