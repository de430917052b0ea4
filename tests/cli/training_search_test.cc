// A whole search that trains: images from files, three tiny networks, what the study keeps of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "metaqnn/search/study/study.h"
#include "tests/cli/run_program.h"
#include "tests/idx_images.h"

namespace metaqnn::tests {
namespace {

using nlohmann::json;
using search::Trial;
using testing::HasSubstr;

TEST(TrainingSearch, TrainsThreeNetworksOnImagesOfCifar) {
  const std::string images = METAQNN_SHARED_DATA "/cifar10_sample";
  if (!std::filesystem::exists(images + "/data_batch_1.bin"))
    GTEST_SKIP() << "no sample of CIFAR-10 in " << images;
  const Folder folder;
  const std::string config =
      folder
          .write("tiny.toml", "seed = 1\ndevice = \"cpu\"\n[data]\nname = \"cifar10\"\npath = \"" +
                                  images +
                                  "\"\ntraining_images = 1000\nvalidation_images = 200\n"
                                  "preprocessing = \"standardize\"\n"
                                  "[space]\nkind = \"cnn\"\ndepth_limit = 3\n"
                                  "convolution_filters = [4, 8]\nfully_connected_neurons = [16]\n"
                                  "[strategy]\nschedule = [[1.0, 3]]\n"
                                  "[evaluator]\nkind = \"train\"\nepochs = 1\nlearning_rates = 1\n")
          .string();
  const std::string url = folder.url("tiny.db");
  const Result searched = run({"search", "--config", config, "--study", url});
  ASSERT_EQ(searched.status, 0) << searched.error;
  EXPECT_THAT(searched.error, HasSubstr("3 models done"));

  const auto study = search::open_study(url);
  EXPECT_EQ(study->counts().unique_models, 3);
  EXPECT_EQ(study->counts().reserved, 0);
  for (const Trial& trial : study->trials(true)) {
    SCOPED_TRACE(trial.architecture + " " + trial.reason());
    EXPECT_TRUE(trial.counts());  // complete, or at chance after its one epoch
    ASSERT_TRUE(trial.validation_accuracy);
    EXPECT_GT(*trial.validation_accuracy, 0);
    EXPECT_LE(*trial.validation_accuracy, 1);
    ASSERT_EQ(trial.curve.size(), 1u);
    EXPECT_GT(trial.curve[0].training_loss, 0);
    EXPECT_GT(trial.curve[0].validation_loss, 0);
    if (trial.state == search::TrialState::complete) {
      EXPECT_EQ(trial.curve[0].validation_accuracy, trial.validation_accuracy);
    }
    EXPECT_GT(trial.seconds.value(), 0);
    EXPECT_GT(trial.images_per_second.value(), 0);
    EXPECT_EQ(trial.learning_rate, 0.001);
    // What was said before anything was trained is what the trial was given.
    const Result described =
        run({"describe", trial.architecture, "--config", config, "--format", "json"});
    ASSERT_EQ(described.status, 0) << described.error;
    const json document = json::parse(described.output);
    EXPECT_EQ(document["parameters"], trial.parameters.value());
    EXPECT_EQ(document["macs"], trial.macs.value());
    EXPECT_EQ(document["memory_bytes"], trial.memory_bytes.value());
    EXPECT_EQ(document["memory_basis"]["images"], 1200);
  }
}

// A folder that programs search for shared libraries before their run paths, while this lives.
class LibraryPath {
 public:
  explicit LibraryPath(const std::filesystem::path& folder) {
    if (const char* value = std::getenv(kVariable)) before_ = value;
    setenv(kVariable, folder.c_str(), 1);
  }
  ~LibraryPath() {
    if (before_) {
      setenv(kVariable, before_->c_str(), 1);
    } else {
      unsetenv(kVariable);
    }
  }
  LibraryPath(const LibraryPath&) = delete;
  LibraryPath& operator=(const LibraryPath&) = delete;

 private:
  static constexpr const char* kVariable = "LD_LIBRARY_PATH";
  std::optional<std::string> before_;
};

TEST(TrainingSearch, TellsThatLibTorchIsMissingBeforeThereIsAStudy) {
  const Folder folder;
  folder.write("libmetaqnn_libtorch.so", std::string(4096, 'x'));
  const std::string config =
      folder.write("tiny.toml", "[data]\nname = \"fashion_mnist\"\n[evaluator]\nkind = \"train\"\n")
          .string();
  const LibraryPath there(folder.path());
  const Result searched = run({"search", "--config", config, "--study", folder.url("tiny.db")});
  EXPECT_EQ(searched.status, 1);
  EXPECT_THAT(searched.error, HasSubstr("training needs libmetaqnn_libtorch.so"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "tiny.db"));
}

// Three classes of ten, one of them with most of the images.
class FewImages : public testing::Test {
 protected:
  FewImages() {
    write_idx(folder_, "train", {200, 30, 30});
    write_idx(folder_, "t10k", {10, 10, 10});
  }
  Result search(const std::string& data, const std::vector<std::string>& more = {}) {
    const std::string config =
        folder_
            .write("few.toml", "device = \"cpu\"\n[data]\nname = \"mnist\"\npath = \"" +
                                   folder_.path().string() + "\"\n" + data +
                                   "[space]\ndepth_limit = 1\nfully_connected_neurons = [4]\n"
                                   "[strategy]\nschedule = [[1.0, 1]]\n[evaluator]\nepochs = 1\n"
                                   "learning_rates = 1\nprecision = \"float32\"\n")
            .string();
    std::vector<std::string> words{"search", "--config", config, "--study", folder_.url("few.db")};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }

  Folder folder_;
};

TEST_F(FewImages, AreToldFirstWithWhatIsOddAboutThem) {
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--create-only"}, std::vector<std::string>{}}) {
    const Result result = search("validation_images = 60\n", more);
    EXPECT_THAT(result.error,
                testing::AllOf(HasSubstr("200 train, 60 validate, 30 test"),
                               HasSubstr("device cpu: float32, "), HasSubstr("warning: ")));
    std::filesystem::remove(folder_ / "few.db");
  }
}

TEST_F(FewImages, ThatDoNotFitTheConfigurationLeaveNoStudy) {
  for (const char* data : {"validation_images = 400\n", "training_images = 1000\n",
                           "validation_images = 60\npath = \"/none\"\n"}) {
    const Result result = search(data);
    EXPECT_TRUE(result.status == 2 || result.status == 3) << result.error;
    EXPECT_FALSE(std::filesystem::exists(folder_ / "few.db")) << data << result.error;
  }
}

// A network of 64 maps without pooling has half a million parameters; one of 4 maps has 31,000.
TEST(TrainingSearch, ProposesNothingOverALimitUnlessItLearnsByQ) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist"))
    GTEST_SKIP() << "no Fashion-MNIST in /usr/share/datasets/fashion-mnist";
  for (const std::string kind : {"random", "regularized_evolution", "guided", "q_learning"}) {
    const Folder folder;
    const std::string config =
        folder
            .write("tiny.toml",
                   "seed = 1\ndevice = \"cpu\"\n[data]\nname = \"fashion_mnist\"\n"
                   "training_images = 1200\nvalidation_images = 400\n"
                   "[space]\ndepth_limit = 2\nconvolution_filters = [4, 64]\n"
                   "[strategy]\nkind = \"" +
                       kind +
                       "\"\npopulation = 3\ninitial_models = 3\nschedule = [[1.0, 8]]\n"
                       "[evaluator]\nepochs = 1\nlearning_rates = 1\nmax_parameters = 40000\n")
            .string();
    const std::string url = folder.url("tiny.db");
    const Result searched = run({"search", "--config", config, "--study", url});
    ASSERT_EQ(searched.status, 0) << searched.error;
    int too_large = 0;
    for (const Trial& trial : search::open_study(url)->trials(false))
      too_large += trial.failure == search::Failure::too_large ? 1 : 0;
    if (kind == "q_learning") {
      EXPECT_GT(too_large, 0);
    } else {
      EXPECT_EQ(too_large, 0) << kind;
    }
  }
}

// Ten networks are trained to their end; of the others nearly all have less than 0.6 of becoming the
// best, and none can come to twice that.
TEST(TrainingSearch, GoesOnFromWhereAStoppedTrainingWas) {
  const Folder folder;
  const auto config = folder.write("pausing.toml",
                                   "device = \"cpu\"\n[data]\nname = \"fashion_mnist\"\n"
                                   "training_images = 300\nvalidation_images = 200\n"
                                   "[space]\nkind = \"cnn\"\ndepth_limit = 3\n"
                                   "convolution_filters = [4, 8]\nfully_connected_neurons = [16]\n"
                                   "[strategy]\nkind = \"random\"\nschedule = [[1.0, 24]]\n"
                                   "[evaluator]\nkind = \"train\"\nepochs = 3\n"
                                   "learning_rates = 1\nchance_margin = 0.0\n"
                                   "[stopping]\nkind = \"prediction\"\ninitial = 10\ntop = 1\n"
                                   "chance = 0.6\npause = true\n");
  const std::vector<std::string> command{"search", "--config", config.string(), "--study",
                                         folder.url("pausing.db")};
  const Result searched = run(command);
  ASSERT_EQ(searched.status, 0) << searched.error;
  const auto study = search::open_study(folder.url("pausing.db"));
  const auto file = [&](const Trial& trial) {
    return folder / "pausing.db-stopped" /
           ("trial-" + std::to_string(trial.number) + ".checkpoint");
  };
  std::optional<Trial> stopped;
  for (const Trial& trial : study->trials(true)) {
    EXPECT_EQ(std::filesystem::exists(file(trial)), trial.state == search::TrialState::stopped);
    if (trial.state == search::TrialState::stopped) stopped = trial;
  }
  ASSERT_TRUE(stopped) << "nothing was stopped";
  // As if a worker that finishes it had been killed.
  search::transact(*study, [&](bool) {
    ASSERT_TRUE(study->resume_stopped_trial(stopped->number, 0));
    study->release_trial(stopped->number, stopped->attempts);
  });
  const Result finished = run(command);
  ASSERT_EQ(finished.status, 0) << finished.error;
  const Trial whole = study->trials(true).at(static_cast<size_t>(stopped->number - 1));
  EXPECT_EQ(whole.state, search::TrialState::complete) << whole.reason();
  ASSERT_EQ(whole.curve.size(), 3u);
  EXPECT_EQ(whole.curve[0].training_loss, stopped->curve[0].training_loss);
  EXPECT_FALSE(std::filesystem::exists(file(whole)));
  EXPECT_EQ(study->note(search::kRevisions), "1");
  EXPECT_EQ(study->note(search::kEpochsAgain), std::nullopt) << "no epoch was trained again";
}

}  // namespace
}  // namespace metaqnn::tests
