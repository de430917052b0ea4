#include "datasets/images/data_set.h"

#include "base/foreign_text.h"
#include "base/names.h"
#include "datasets/images/readers.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

constexpr const char* kIdxFiles =
    "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and "
    "t10k-labels-idx1-ubyte.gz";

std::string fashion_mnist_download() {
  return "install the Debian package dataset-fashion-mnist, or download " + std::string(kIdxFiles) +
         " from https://github.com/zalandoresearch/fashion-mnist into a folder and name it by "
         "`path` under [data]";
}

std::string mnist_download() {
  return "download " + std::string(kIdxFiles) +
         " from https://ossci-datasets.s3.amazonaws.com/mnist/ into a folder and name it by `path` "
         "under [data]";
}

std::string cifar_download(int classes) {
  return "download https://www.cs.toronto.edu/~kriz/cifar-" + std::to_string(classes) +
         "-binary.tar.gz, unpack it into a folder and name that by `path` under [data]";
}

std::string svhn_download(bool with_extra) {
  const std::string files = with_extra ? "train_32x32.mat, extra_32x32.mat and test_32x32.mat"
                                       : "train_32x32.mat and test_32x32.mat";
  return "download " + files +
         " from http://ufldl.stanford.edu/housenumbers/ into a folder and name it by `path` under "
         "[data]";
}

constexpr Shape kGrey{1, 28, 28}, kColour{3, 32, 32};

const std::vector<std::string> kDigits{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
const std::vector<std::string> kClothes{"T-shirt/top", "trouser",   "pullover", "dress",
                                        "coat",        "sandal",    "shirt",    "sneaker",
                                        "bag",         "ankle boot"};
const std::vector<std::string> kThings{"airplane", "automobile", "bird",  "cat",  "deer",
                                       "dog",      "frog",       "horse", "ship", "truck"};
const std::vector<std::string> kHundredThings{
    "apple",       "aquarium fish", "baby",      "bear",       "beaver",       "bed",
    "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
    "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
    "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
    "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
    "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
    "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn mower",
    "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple tree",
    "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak tree",     "orange",
    "orchid",      "otter",         "palm tree", "pear",       "pickup truck", "pine tree",
    "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
    "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
    "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
    "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet pepper",
    "table",       "tank",          "telephone", "television", "tiger",        "tractor",
    "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
    "willow tree", "wolf",          "woman",     "worm"};

using Folder = std::filesystem::path;

}  // namespace

const std::vector<DataSetEntry>& data_sets() {
  static const std::vector<DataSetEntry> entries{
      {"mnist", kGrey, 10, 60000, "", kDigits, mnist_download(),
       [](const Folder& folder) { return load_idx(folder, kGrey, 10, mnist_download()); }},
      {"fashion_mnist", kGrey, 10, 60000, "/usr/share/datasets/fashion-mnist", kClothes,
       fashion_mnist_download(),
       [](const Folder& folder) { return load_idx(folder, kGrey, 10, fashion_mnist_download()); }},
      {"cifar10", kColour, 10, 50000, "", kThings, cifar_download(10),
       [](const Folder& folder) { return load_cifar10(folder, cifar_download(10)); }},
      {"cifar100", kColour, 100, 50000, "", kHundredThings, cifar_download(100),
       [](const Folder& folder) { return load_cifar100(folder, cifar_download(100)); }},
      {"svhn", kColour, 10, 73257, "", kDigits, svhn_download(false),
       [](const Folder& folder) { return load_svhn(folder, false, svhn_download(false)); }},
      {"svhn_extra", kColour, 10, 73257 + 531131, "", kDigits, svhn_download(true),
       [](const Folder& folder) { return load_svhn(folder, true, svhn_download(true)); }},
  };
  return entries;
}

const DataSetEntry& find_data_set(std::string_view name) {
  std::vector<std::string> valid;
  for (const DataSetEntry& entry : data_sets()) {
    if (entry.name == name) return entry;
    valid.push_back(entry.name);
  }
  throw UsageError("unknown data set \"" + shown(name) + "\"; did you mean \"" +
                   nearest_name(name, valid) + "\"?");
}

DataSet load_data_set(std::string_view name, const std::filesystem::path& folder) {
  const DataSetEntry& entry = find_data_set(name);
  if (!folder.empty()) return entry.load(folder);
  if (entry.default_folder.empty()) {
    throw UsageError("data set \"" + entry.name +
                     "\" needs `path` under [data]: it has no folder of " + "its own; " +
                     entry.download);
  }
  return entry.load(entry.default_folder);
}

}  // namespace metaqnn::datasets
