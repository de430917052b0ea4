// Networks of all layers and lists against plain modules of PyTorch that a script builds by itself
// (torch_modules.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "search/evaluate/libtorch/network.h"
#include "search/evaluate/torch.h"
#include "tests/cli/run_program.h"
#include "tests/rich_networks.h"

namespace metaqnn::search {
namespace {

constexpr const char* kPython = "/usr/bin/python3";
constexpr int kNetworks = 200, kClasses = 5;
constexpr Shape kImage{3, 12, 11};

// As at the start of a training, but for what is 0 or 1 then, so that a wrong one is seen.
Checkpoint untrained(const std::string& text, bool batch_normalization) {
  Checkpoint checkpoint;
  checkpoint.architecture = text;
  checkpoint.image = checkpoint.input = kImage;
  checkpoint.classes = kClasses;
  checkpoint.batch_normalization = batch_normalization;
  checkpoint.data_set = "noise";
  const Network network(parse_architecture(text), kImage, batch_normalization);
  at::manual_seed(static_cast<int64_t>(stable_hash(text) >> 1));
  const at::Tensor weights = network.initial_parameters(1);
  checkpoint.parameters = to_vector(weights + 0.1 * at::randn_like(weights));
  const int64_t channels = network.statistic_count() / 2;
  checkpoint.running_statistics =
      to_vector(at::cat({0.3 * at::randn({channels}), 0.5 + at::rand({channels})}));
  const auto pixels = static_cast<size_t>(kImage.elements());
  checkpoint.normalization = {std::vector<float>(pixels, 1 / 255.0F), std::vector<float>(pixels)};
  checkpoint.facts.epochs = checkpoint.facts.best_epoch = 1;
  checkpoint.facts.curve.resize(1);
  return checkpoint;
}

// What strings do not show at a glance.
struct Lists {
  int strided_shortcuts = 0, splits_in_splits = 0;

  void add(const std::vector<LayerAnalysis>& layers, bool in_split = false) {
    for (const LayerAnalysis& layer : layers) {
      const bool is_split = std::holds_alternative<Split>(layer.layer);
      strided_shortcuts += layer.shortcut && layer.shortcut->stride > 1 ? 1 : 0;
      splits_in_splits += is_split && in_split ? 1 : 0;
      for (const std::vector<LayerAnalysis>& list : layer.lists) add(list, is_split);
    }
  }
};

TEST(TorchScript, OfTwoHundredRandomNetworksIsWhatModulesOfPyTorchCompute) {
  if (std::system((std::string(kPython) + " -c 'import torch' >/dev/null 2>&1").c_str()) != 0)
    GTEST_SKIP() << "no python3-torch here (./bootstrap --tests installs it)";
  const tests::Folder folder;
  tests::RichNetworks networks(kImage, kClasses, 1);
  nlohmann::json cases = nlohmann::json::array();
  std::string all;
  Lists lists;
  for (int i = 0; i < kNetworks; ++i) {
    const std::string text = networks.next();
    const bool batch_normalization = i % 2 == 1;
    torch_library().export_torchscript(untrained(text, batch_normalization),
                                       folder / (std::to_string(i) + ".pt"));
    cases.push_back({{"architecture", text},
                     {"input", {kImage.channels, kImage.height, kImage.width}},
                     {"batch_normalization", batch_normalization}});
    all += text;
    lists.add(analyse(parse_architecture(text), kImage).layers);
  }
  for (const char* part :
       {"C(", "DC(", "P(", "A(", "M(", "BN", "R[", "S[", "FC(", "GAP(", "R[S[", "R[R[", "; R["})
    EXPECT_NE(all.find(part), std::string::npos) << part;
  EXPECT_GT(lists.strided_shortcuts, 3);
  EXPECT_GT(lists.splits_in_splits, 3);
  folder.write("cases.json", cases.dump());
  const std::string command = "cd '" + folder.path().string() + "' && " + kPython + " " +
                              METAQNN_SOURCE_DIR + "/tests/search/torch_modules.py " +
                              METAQNN_PROGRAM + " >said 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << tests::read_text(folder / "said");
}

}  // namespace
}  // namespace metaqnn::search
