// What others make of exported networks: ONNX itself, OpenCV's dnn.
#include "search/evaluate/onnx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "metaqnn/base/random.h"
#include "metaqnn/datasets/logs/log.h"
#include "search/evaluate/operations.h"
#include "search/evaluate/torch.h"
#include "tests/cli/run_program.h"
#include "tests/rich_networks.h"
#include "tests/tolerances.h"

namespace metaqnn::tests {
namespace {

using datasets::ImageSet;
using datasets::Preprocessing;
using nlohmann::json;
using search::Checkpoint;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kPython = "/usr/bin/python3";
constexpr int kPictures = 100;
constexpr int kRichNetworks = 40;  // beside those of each kind of layer

bool python_has(const std::string& module) {
  return std::system(
             (std::string(kPython) + " -c 'import " + module + "' >/dev/null 2>&1").c_str()) == 0;
}

bool has_torch() { return search::torch_version() != "without LibTorch"; }

// Runs `script` in the folder; what it says goes to the file "said".
void run_python(const Folder& folder, const std::string& script,
                const std::string& arguments = "") {
  folder.write("script.py", script);
  const std::string command = "cd '" + folder.path().string() + "' && " + kPython + " script.py " +
                              arguments + " >said 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << read_text(folder / "said");
}

std::vector<float> random_values(size_t count, double low, double high, Random& random) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(low + (high - low) * random.uniform());
  return values;
}

struct Case {
  std::string architecture;
  Shape image, input;
  Preprocessing preprocessing;
  bool batch_normalization;
};

// A network that nobody trained. How many numbers its parts have is what check_network() says.
Checkpoint random_network(const Case& wanted, Random& random) {
  Checkpoint checkpoint;
  checkpoint.architecture = wanted.architecture;
  checkpoint.image = wanted.image;
  checkpoint.input = wanted.input;
  checkpoint.preprocessing = wanted.preprocessing;
  checkpoint.batch_normalization = wanted.batch_normalization;
  checkpoint.data_set = "squares";
  const Architecture architecture = parse_architecture(wanted.architecture);
  checkpoint.classes = std::get<Softmax>(architecture.layers.back()).classes;
  const std::vector<search::Operation> operations =
      search::operations_of(architecture, wanted.input, wanted.batch_normalization);
  const auto normalized = static_cast<size_t>(search::normalized_channels(operations));
  // With batch normalisation weights are multiplied by scales as small as they.
  const double largest = normalized > 0 ? 0.7 : 0.3;
  for (const search::Operation& operation : operations) {
    const int64_t weights = operation.weights();
    const double fan_in = static_cast<double>(weights) / operation.output.channels;
    const auto append = [&](int64_t count, double bound) {
      for (const float value : random_values(static_cast<size_t>(count), -bound, bound, random))
        checkpoint.parameters.push_back(value);
    };
    // Those of the last layer larger, so that the classes are told apart.
    const bool is_last = &operation == &operations.back();
    append(weights, is_last ? 2 : std::min(largest, std::sqrt(6 / std::max(fan_in, 1.0))));
    append(operation.parameters() - weights, largest);
  }
  checkpoint.running_statistics = random_values(normalized, -0.5, 0.5, random);
  const std::vector<float> variances = random_values(normalized, 0.2, 2, random);
  checkpoint.running_statistics.insert(checkpoint.running_statistics.end(), variances.begin(),
                                       variances.end());
  if (wanted.preprocessing != Preprocessing::local_contrast) {
    const auto pixels = static_cast<size_t>(wanted.input.elements());
    checkpoint.normalization = {std::vector<float>(pixels, 1 / 255.0F), std::vector<float>(pixels)};
    if (wanted.preprocessing != Preprocessing::none)
      checkpoint.normalization.shift = random_values(pixels, -1, 1, random);
    if (wanted.preprocessing == Preprocessing::standardize)
      checkpoint.normalization.scale = random_values(pixels, 0.5 / 255, 4 / 255.0, random);
  }
  checkpoint.facts.epochs = checkpoint.facts.best_epoch = 1;
  checkpoint.facts.curve.resize(1);
  return checkpoint;
}

// Noise of all contrasts, and flat pictures, which local contrast normalisation must not blow up.
ImageSet random_pictures(const Shape& shape, Random& random) {
  ImageSet images{shape, 2, {}, std::vector<int32_t>(kPictures)};
  for (int n = 0; n < kPictures; ++n) {
    const uint64_t range = n % 10 == 0 ? 1 : 1 + random.below(256);
    const uint64_t darkest = random.below(257 - range);
    for (int64_t i = 0; i < shape.elements(); ++i)
      images.pixels.push_back(static_cast<uint8_t>(darkest + random.below(range)));
  }
  return images;
}

std::vector<Case> all_cases() {
  constexpr const char* kArchitectures[] = {
      "[SM(3)]",
      "[C(8,3,1), P(2,2), C(6,5,2), FC(12), FC(7), SM(5)]",
      "[C(6,1,1), D(1,2), C(8,3,2), GAP(5), D(2,2), SM(5)]",
      "[P(3,2), C(4,7,3), FC(9), SM(4)]",
      "[C(5,3,3), P(2,1), SM(2)]",
  };
  const std::pair<Shape, Shape> shapes[] = {{{3, 14, 17}, {3, 14, 17}},   // as it is
                                            {{1, 12, 13}, {3, 17, 20}}};  // filled up, repeated
  std::vector<Case> cases;
  for (const char* architecture : kArchitectures) {
    for (const auto& [image, input] : shapes) {
      for (const Preprocessing preprocessing :
           {Preprocessing::none, Preprocessing::mean, Preprocessing::standardize,
            Preprocessing::local_contrast}) {
        for (const bool batch_normalization : {false, true})
          cases.push_back({architecture, image, input, preprocessing, batch_normalization});
      }
    }
  }
  const Shape image{3, 14, 17};
  RichNetworks rich(image, 5, 2);
  for (int i = 0; i < kRichNetworks; ++i)
    cases.push_back({rich.next(), image, image, Preprocessing::mean, i % 2 == 1});
  return cases;
}

// Numbers of a file that holds nothing else.
std::vector<float> floats_in(const std::filesystem::path& file) {
  const std::string bytes = read_text(file);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

constexpr const char* kAskOpenCv = R"python(
import cv2, json, numpy
for case in json.load(open("cases.json")):
    name = case["name"]
    net = cv2.dnn.readNetFromONNX(name + ".onnx")
    pixels = numpy.fromfile(name + ".pixels", numpy.uint8).reshape([-1, 1] + case["image"])
    answers = []
    for picture in pixels:
        net.setInput(picture.astype(numpy.float32) / 255)
        answers.append(net.forward())
    numpy.concatenate(answers).astype(numpy.float32).tofile(name + ".answers")
)python";

struct Asked {
  Checkpoint checkpoint;
  ImageSet images;
  Eigen::MatrixXd probabilities;  // by LibTorch
};

// The first of the random networks that does not say the same of every picture: one that does would
// agree with any other, whatever happened to the pictures.
Asked ask_libtorch(const Case& wanted) {
  for (uint64_t seed = 1;; ++seed) {
    Random random(seed);
    Asked asked{random_network(wanted, random), random_pictures(wanted.image, random), {}};
    asked.probabilities = search::torch_library()
                              .load_network(asked.checkpoint, "cpu", 1)
                              ->probabilities(asked.images);
    const Eigen::MatrixXd& rows = asked.probabilities;
    if ((rows.colwise().maxCoeff() - rows.colwise().minCoeff()).maxCoeff() > 100 * kFloatNetwork)
      return asked;
  }
}

TEST(Onnx, OpenCvGivesTheProbabilitiesOfLibTorchForAllLayersAndPreprocessings) {
  if (!has_torch()) GTEST_SKIP() << "built without LibTorch";
  if (!python_has("cv2"))
    GTEST_SKIP() << "no python3-opencv here (./bootstrap --tests installs it)";
  const Folder folder;
  const std::vector<Case> cases = all_cases();
  std::vector<Eigen::MatrixXd> expected;
  json list = json::array();
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto [checkpoint, images, probabilities] = ask_libtorch(cases[i]);
    const std::string name = std::to_string(i);
    search::write_onnx(checkpoint, "1.2.3", folder / (name + ".onnx"));
    folder.write(name + ".pixels", {images.pixels.begin(), images.pixels.end()});
    const Shape& image = checkpoint.image;
    list.push_back({{"name", name}, {"image", {image.channels, image.height, image.width}}});
    expected.push_back(probabilities);
  }
  folder.write("cases.json", list.dump());
  run_python(folder, kAskOpenCv);
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].architecture + " on " + to_string(cases[i].image) + ", " +
                 to_string(cases[i].preprocessing) +
                 (cases[i].batch_normalization ? ", batch normalisation" : ""));
    std::vector<float> answers = floats_in(folder / (std::to_string(i) + ".answers"));
    ASSERT_EQ(std::ssize(answers), expected[i].size());
    const Eigen::MatrixXd found =
        Eigen::Map<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
            answers.data(), expected[i].rows(), expected[i].cols())
            .cast<double>();
    EXPECT_LE((found - expected[i]).cwiseAbs().maxCoeff(), kFloatNetwork);
  }
}

TEST(Onnx, OnnxItselfFindsNoFaultAndReadsTheFacts) {
  if (!python_has("onnx")) GTEST_SKIP() << "no python3-onnx here (./bootstrap --tests installs it)";
  const Folder folder;
  const std::vector<Case> cases = all_cases();
  for (size_t i = 0; i < cases.size(); ++i) {
    Random random = Random::stream(1, "case", i);
    Checkpoint checkpoint = random_network(cases[i], random);
    if (i == 0) checkpoint.class_names = {"bolt", "wing \"nut\"\n", "Schraubenschlüssel"};
    search::write_onnx(checkpoint, "1.2.3", folder / (std::to_string(i) + ".onnx"));
  }
  run_python(folder, "cases = " + std::to_string(cases.size()) + R"python(
import json, onnx
for case in range(cases):
    model = onnx.load("%d.onnx" % case)
    onnx.checker.check_model(model, full_check=True)
    assert not any(node.domain for node in model.graph.node)
model = onnx.load("0.onnx")
assert (model.producer_name, model.producer_version) == ("metaqnn", "1.2.3")
assert model.ir_version == 7
assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 13)]
(images,), (probabilities,) = model.graph.input, model.graph.output
def shape(value):
    assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
assert (images.name, shape(images)) == ("images", ["n", 3, 14, 17])
assert (probabilities.name, shape(probabilities)) == ("probabilities", ["n", 3])
facts = {entry.key: entry.value for entry in model.metadata_props}
assert json.loads(facts.pop("class_names")) == ["bolt", "wing \"nut\"\n", "Schraubenschlüssel"]
assert facts == {"architecture": "[SM(3)]", "image": "3x14x17", "data_set": "squares",
                 "fit": "stretch"}, facts
)python");
}

TEST(Onnx, WhatIsNoNetworkIsRefused) {
  Random random(1);
  Checkpoint checkpoint = random_network(all_cases()[0], random);
  checkpoint.parameters.pop_back();
  EXPECT_THROW(search::to_onnx(checkpoint, "1.2.3"), DataError);
}

// ---- The command ----

class ExportModel : public testing::Test {
 protected:
  // A network for grey pictures of 12 x 13 that was made for colour ones of 17 x 20.
  ExportModel() {
    Random random(7);
    const Case wanted{"[C(8,3,1), P(2,2), FC(12), SM(3)]",
                      {1, 12, 13},
                      {3, 17, 20},
                      Preprocessing::local_contrast,
                      true};
    Checkpoint checkpoint = random_network(wanted, random);
    checkpoint.class_names = {"bolt", "washer", "wing nut"};
    search::write_checkpoint(checkpoint, model_);
  }

  Result export_to(const std::string& name, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"export-model", "--model", model_, "-o", path(name)};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  Folder folder_;
  std::string model_ = path("trial-42.checkpoint");
};

constexpr const char* kOnnxBegins = "\x08\x07\x12\x07metaqnn";  // ir_version 7, producer_name

TEST_F(ExportModel, WritesOnnxWhereTheNameSaysSoOrTheFormat) {
  const Result named = export_to("net.onnx");
  ASSERT_EQ(named.status, 0) << named.error;
  EXPECT_THAT(named.output, HasSubstr("takes    n x 1 x 12 x 13"));
  EXPECT_THAT(named.output, HasSubstr("returns  n x 3"));
  EXPECT_THAT(read_text(path("net.onnx")), StartsWith(kOnnxBegins));
  ASSERT_EQ(export_to("net", {"--format", "onnx"}).status, 0);
  EXPECT_EQ(read_text(path("net")), read_text(path("net.onnx")));
}

TEST_F(ExportModel, WritesTorchScriptOtherwise) {
  if (!has_torch()) GTEST_SKIP() << "built without LibTorch";
  ASSERT_EQ(export_to("net.pt").status, 0);
  EXPECT_THAT(read_text(path("net.pt")), StartsWith("PK"));
  ASSERT_EQ(export_to("net.onnx", {"--format", "torchscript"}).status, 0);
  EXPECT_THAT(read_text(path("net.onnx")), StartsWith("PK"));
}

TEST_F(ExportModel, NamesTheFormatsWhereOneIsNotKnown) {
  const Result result = export_to("net.tflite", {"--format", "tflite"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.error, HasSubstr("torchscript"));
  EXPECT_THAT(result.error, HasSubstr("onnx"));
  EXPECT_FALSE(std::filesystem::exists(path("net.tflite")));
}

// ---- The page ----

// The example in docs/export.md that begins with this line.
std::string example(const std::string& first_line) {
  std::string text;
  const std::string indent(4, ' ');
  for (const std::string& line : lines_of(read_text(METAQNN_SOURCE_DIR "/docs/export.md"))) {
    if (text.empty() && line != indent + first_line) continue;
    if (!line.empty() && !line.starts_with(indent)) break;
    text += (line.empty() ? "" : line.substr(indent.size())) + "\n";
  }
  return text;
}

void write_png(const std::string& file, const Shape& shape, const uint8_t* grey) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(shape.width);
  image.height = static_cast<png_uint_32>(shape.height);
  image.format = PNG_FORMAT_GRAY;
  ASSERT_NE(png_image_write_to_file(&image, file.c_str(), 0, grey, 0, nullptr), 0);
}

TEST_F(ExportModel, TheProgramOfThePageSaysWhatPredictImageSays) {
  if (!has_torch()) GTEST_SKIP() << "built without LibTorch";
  if (!python_has("cv2"))
    GTEST_SKIP() << "no python3-opencv here (./bootstrap --tests installs it)";
  ASSERT_EQ(export_to("net.onnx").status, 0);
  Random random(8);
  const Shape shape{1, 12, 13};
  const ImageSet pictures = random_pictures(shape, random);
  std::vector<std::string> words{"predict-image", "--format", "json", "--model", model_};
  std::string files;
  for (int64_t n = 0; n < pictures.size(); ++n) {
    const std::string name = std::to_string(n) + ".png";
    write_png(path(name), shape, pictures.pixels.data() + n * shape.elements());
    words.push_back(path(name));
    files += " " + name;
  }
  const Result predicted = run(words);
  ASSERT_EQ(predicted.status, 0) << predicted.error;

  run_python(folder_, example("# label.py"), "net.onnx trial-42.checkpoint" + files);
  const std::vector<std::string> said = lines_of(read_text(folder_ / "said"));
  const json expected = json::parse(predicted.output);
  ASSERT_EQ(said.size(), expected.size());
  for (size_t n = 0; n < said.size(); ++n) {
    const std::string label = expected[n]["labels"][0]["label"];
    EXPECT_THAT(said[n], StartsWith(std::to_string(n) + ".png: " + label + " "));
    EXPECT_NEAR(std::stod(said[n].substr(said[n].rfind(' '))),
                expected[n]["labels"][0]["probability"].get<double>(), kFloatNetwork);
  }
}

}  // namespace
}  // namespace metaqnn::tests
