// The inner loops of search/evaluate/libtorch/layers.h on plain arrays, in the processor's widest
// vectors.
#pragma once

#include <cstdint>

namespace metaqnn::search {

// Max pooling of channels-last maps after ReLU. In an array: image, row, column, channel. `cells`,
// one for each number of the output, is the place of the maximum in its window, row by row, or
// kNoCell where nothing in the window is positive.
inline constexpr uint8_t kNoCell = 255;

struct Windows {
  int64_t channels, height, width;  // of the map
  int64_t rows, columns;            // of the output
  int64_t field, stride;            // field * field < kNoCell
  bool bfloat16;                    // the numbers of map, output and gradients, otherwise float32
};

// Images [begin, end) of all arrays. A window with a NaN gives NaN, whatever its cell.
void pool(const Windows& windows, int64_t begin, int64_t end, const void* map, void* output,
          uint8_t* cells);

// The gradient of the output, given to the cells and summed in float32; every number of `map` is
// written.
void spread(const Windows& windows, int64_t begin, int64_t end, const void* output,
            const uint8_t* cells, void* map);

// output[i] = bytes[i] < threshold ? 0 : scale * input[i], of bfloat16 or float32.
void drop(bool bfloat16, int64_t count, const void* input, const uint8_t* bytes, int threshold,
          float scale, void* output);

}  // namespace metaqnn::search
