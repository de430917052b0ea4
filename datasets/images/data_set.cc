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

DataSetFacts grey(const std::vector<std::string>& class_names) {
  return {{1, 28, 28}, class_names, 60000};
}

DataSetFacts colour(const std::vector<std::string>& class_names, int64_t training_images) {
  return {{3, 32, 32}, class_names, training_images};
}

DataSet load_mnist(const ImageSource& source, const DataSetEntry& entry) {
  return load_idx(source.folder, entry.facts->shape, entry.facts->classes(), entry.remedy);
}

// With the folder that is meant.
ImageSource located(ImageSource source, const DataSetEntry& entry) {
  if (source.folder.empty()) source.folder = entry.default_folder;
  if (source.folder.empty()) {
    throw UsageError("data set \"" + entry.name +
                     "\" needs `path` under [data]: it has no folder of its own; " + entry.remedy);
  }
  return source;
}

}  // namespace

const std::vector<DataSetEntry>& data_sets() {
  static const std::vector<DataSetEntry> entries{
      {"mnist", "", mnist_download(), grey(kDigits), load_mnist, nullptr},
      {"fashion_mnist", "/usr/share/datasets/fashion-mnist", fashion_mnist_download(),
       grey(kClothes), load_mnist, nullptr},
      {"cifar10", "", cifar_download(10), colour(kThings, 50000),
       [](const ImageSource& source, const DataSetEntry& entry) {
         return load_cifar10(source.folder, entry.remedy);
       },
       nullptr},
      {"cifar100", "", cifar_download(100), colour(kHundredThings, 50000),
       [](const ImageSource& source, const DataSetEntry& entry) {
         return load_cifar100(source.folder, entry.remedy);
       },
       nullptr},
      {"svhn", "", svhn_download(false), colour(kDigits, 73257),
       [](const ImageSource& source, const DataSetEntry& entry) {
         return load_svhn(source.folder, false, entry.remedy);
       },
       nullptr},
      {"svhn_extra", "", svhn_download(true), colour(kDigits, 73257 + 531131),
       [](const ImageSource& source, const DataSetEntry& entry) {
         return load_svhn(source.folder, true, entry.remedy);
       },
       nullptr},
      {"folder", "", "name the folder that holds a folder of pictures for each class", std::nullopt,
       [](const ImageSource& source, const DataSetEntry&) { return load_pictures(source); },
       look_at_pictures},
      {"idx", "", "name the folder that holds files of images and of labels in the IDX format",
       std::nullopt,
       [](const ImageSource& source, const DataSetEntry&) { return load_open_idx(source); },
       look_at_open_idx},
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

DataSetFacts look_at(const ImageSource& source) {
  const DataSetEntry& entry = find_data_set(source.name);
  return entry.is_open() ? entry.look(located(source, entry)) : *entry.facts;
}

DataSet load_data_set(const ImageSource& source) {
  const DataSetEntry& entry = find_data_set(source.name);
  DataSet data = entry.load(located(source, entry), entry);
  if (!entry.is_open()) data.class_names = entry.facts->class_names;
  return data;
}

}  // namespace metaqnn::datasets
