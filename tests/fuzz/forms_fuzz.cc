// Any bytes, as a file of whatever form, are a log or refused with metaqnn::Error; what each of its
// networks is called can be taken apart. The first byte chooses what the reader is told.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "datasets/logs/description.h"
#include "datasets/logs/make_log.h"
#include "datasets/logs/read_frame.h"
#include "metaqnn/base/error.h"

namespace {

using namespace metaqnn::datasets;

LogOptions options_of(uint8_t choices) {
  LogOptions options;
  if ((choices & 1) != 0) options.direction = Direction::minimize;
  if ((choices & 2) != 0) options.target = "value";
  if ((choices & 4) != 0) options.features = {"*"};
  if ((choices & 8) != 0) options.architecture_column = "";
  if ((choices & 16) != 0) options.has_header = false;
  if ((choices & 32) != 0) options.unit = "percent";
  if ((choices & 64) != 0) options.study_name = "a";
  if ((choices & 128) != 0) options.budget = "training_iteration";
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const LogOptions options = options_of(data[0]);
  try {
    std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    refuse_other_kinds(text, "fuzz");
    const Log log = make_log(data_frame_of(std::move(text), "fuzz", options), options);
    for (const LogRow& row : log.rows) {
      METAQNN_ASSERT(!row.value || std::isfinite(*row.value), "an infinite value");
      const Description description = parse_description(row.architecture);
      METAQNN_ASSERT(!log.has_strings || description.architecture, "a network without its string");
      readable(row.architecture);
    }
  } catch (const metaqnn::Error&) {
  }
  return 0;
}
