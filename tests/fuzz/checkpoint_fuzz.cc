// Any bytes are either a checkpoint or refused with metaqnn::Error. The input is a JSON merge patch
// to the header of a good one, then, behind a zero byte, bytes that replace the last of its blobs;
// sizes that do not come from the patch and the checksum are made right again: nothing would come
// past them otherwise. What is a checkpoint is written and read again.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "search/evaluate/checkpoint.h"

namespace {

using Json = nlohmann::ordered_json;
using metaqnn::search::Checkpoint;

const std::string kFile = "/tmp/checkpoint_fuzz." + std::to_string(getpid());

Checkpoint good_checkpoint(bool is_finished, bool batch_normalization) {
  Checkpoint checkpoint;
  checkpoint.architecture = "[C(1,3,1), SM(2)]";
  checkpoint.image = {1, 1, 2};
  checkpoint.input = {1, 2, 2};
  checkpoint.classes = 2;
  checkpoint.class_names = {"cat", "dog"};
  checkpoint.batch_normalization = batch_normalization;
  checkpoint.normalization = {{1, 2, 3, 4}, {5, 6, 7, 8}};
  checkpoint.parameters.assign(batch_normalization ? 22 : 20, 0.5F);
  checkpoint.running_statistics.assign(batch_normalization ? 2 : 0, 1);
  checkpoint.facts.epochs = is_finished ? 1 : 2;
  checkpoint.facts.best_epoch = 1;
  checkpoint.facts.curve = {{1, 0.5, 0.5, 0.5}};
  if (!is_finished) {
    const std::vector<float>& weights = checkpoint.parameters;
    checkpoint.unfinished = {{}, {}, {3, {{"first_moment", weights}, {"second_moment", weights}}}};
  }
  return checkpoint;
}

std::string text_of(const Checkpoint& checkpoint) {
  write_checkpoint(checkpoint, kFile);
  std::ifstream in(kFile, std::ios::binary);
  std::remove(kFile.c_str());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> good_texts() {
  std::vector<std::string> texts;
  for (const bool is_finished : {true, false}) {
    for (const bool batch_normalization : {true, false})
      texts.push_back(text_of(good_checkpoint(is_finished, batch_normalization)));
  }
  return texts;
}

// Empty where the patch is no JSON.
std::string patched(const std::string& text, std::string_view patch, std::string_view bytes) {
  const size_t begin = text.find('\n') + 1, end = text.find('\n', begin);
  Json header = Json::parse(text.substr(begin, end - begin));
  const Json change = Json::parse(patch, nullptr, /*allow_exceptions=*/false);
  if (change.is_discarded()) return "";
  std::string blobs = text.substr(end + 1, text.size() - end - 1 - sizeof(uint64_t));
  blobs.resize(blobs.size() - std::min(blobs.size(), bytes.size()));
  blobs += bytes;
  header.merge_patch(change);
  std::string all = text.substr(0, begin) +
                    header.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" + blobs;
  const uint64_t hash = metaqnn::stable_hash(all);
  return all.append(reinterpret_cast<const char*>(&hash), sizeof hash);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::string> texts = good_texts();
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t zero = std::min(input.find('\0'), input.size());
  const std::string text = patched(texts[data[0] % texts.size()], input.substr(0, zero),
                                   input.substr(std::min(zero + 1, input.size())));
  try {
    const Checkpoint read = metaqnn::search::parse_checkpoint(text.empty() ? input : text, "fuzz");
    METAQNN_ASSERT(!read.class_name(read.classes - 1).empty(), "the last class has a name");
    metaqnn::search::parse_checkpoint(text_of(read), "again");
  } catch (const metaqnn::Error&) {
  }
  return 0;
}
