#include "search/evaluate/libtorch/layer_lanes.h"

#include <algorithm>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "search/evaluate/libtorch/layer_lanes.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace metaqnn::search::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Numbers are the bits of float32 in int32 lanes, or of bfloat16, its upper half, in int16 lanes:
// positive ones keep their order, negative ones are below 0.
template <class Bits>
inline constexpr auto kMinusInfinity = static_cast<Bits>(0xFF800000 >> (32 - 8 * sizeof(Bits)));

// float32 from either.
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const int32_t* from) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const int16_t* from) {
  return hn::ShiftLeft<16>(hn::PromoteTo(d, hn::LoadU(hn::Rebind<int16_t, D>(), from)));
}

template <class D>
HWY_INLINE void store(D d, hn::Vec<D> bits, int32_t* to) {
  hn::StoreU(bits, d, to);
}
// To the nearest bfloat16, ties to even. A NaN survives because it was loaded from bfloat16 or is
// the processor's own: its lower half is 0.
template <class D>
HWY_INLINE void store(D d, hn::Vec<D> bits, int16_t* to) {
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d, 0x7FFF)));
  const hn::Rebind<int16_t, D> narrow;
  hn::StoreU(hn::DemoteTo(narrow, hn::ShiftRight<16>(rounded)), narrow, to);
}

template <class D>
HWY_INLINE hn::Vec<D> load_bytes(D d, const uint8_t* from) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<uint8_t, D>(), from));
}

// body(vector tag of Lane, its first index) until all of `count` are done.
template <class Lane, class Body>
HWY_INLINE void for_lanes(int64_t count, const Body& body) {
  int64_t i = 0;
  const auto with = [&](auto d) HWY_ATTR {
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    for (; i + lanes <= count; i += lanes) body(d, i);
  };
  with(hn::ScalableTag<Lane>());
  with(hn::CappedTag<Lane, 16>());
  with(hn::CappedTag<Lane, 8>());
  with(hn::CappedTag<Lane, 1>());
}

template <class Number>
void pool_window(const Windows& w, const Number* first, Number* output, uint8_t* cells) {
  for_lanes<Number>(w.channels, [&](auto d, int64_t c) HWY_ATTR {
    const hn::RebindToUnsigned<decltype(d)> bits;
    auto largest = hn::Zero(d);
    auto largest_bits = hn::Zero(bits);  // a negative NaN's are above those of all others
    auto where = hn::Set(d, Number{kNoCell});
    Number cell = 0;
    for (int64_t y = 0; y < w.field; ++y) {
      const Number* at = first + y * w.width * w.channels + c;
      for (int64_t x = 0; x < w.field; ++x, ++cell, at += w.channels) {
        const auto value = hn::LoadU(d, at);
        where = hn::IfThenElse(hn::Gt(value, largest), hn::Set(d, cell), where);
        largest = hn::Max(largest, value);
        largest_bits = hn::Max(largest_bits, hn::BitCast(bits, value));
      }
    }
    const auto is_nan =
        hn::Gt(largest_bits, hn::Set(bits, kMinusInfinity<hn::TFromD<decltype(bits)>>));
    largest = hn::BitCast(d, hn::IfThenElse(is_nan, largest_bits, hn::BitCast(bits, largest)));
    hn::StoreU(largest, d, output + c);
    const hn::Rebind<uint8_t, decltype(d)> bytes;
    hn::StoreU(hn::DemoteTo(bytes, where), bytes, cells + c);
  });
}

template <class Number>
void pool_images(const Windows& w, int64_t begin, int64_t end, const Number* map, Number* output,
                 uint8_t* cells) {
  for (int64_t image = begin; image < end; ++image) {
    for (int64_t row = 0; row < w.rows; ++row) {
      const int64_t y = image * w.height + row * w.stride;
      for (int64_t column = 0; column < w.columns; ++column) {
        const int64_t out = ((image * w.rows + row) * w.columns + column) * w.channels;
        pool_window(w, map + (y * w.width + column * w.stride) * w.channels, output + out,
                    cells + out);
      }
    }
  }
}

// For each row (or column) of the map, which windows [begin, end) of the `count` see it; {0, 0}
// where none does.
struct Extent {
  int64_t begin, end;
};
std::vector<Extent> windows_over(const Windows& w, int64_t extent, int64_t count) {
  std::vector<Extent> ranges;
  for (int64_t at = 0; at < extent; ++at) {
    const int64_t begin = at < w.field ? 0 : (at - w.field) / w.stride + 1;
    const int64_t end = std::min(count, at / w.stride + 1);
    ranges.push_back(begin < end ? Extent{begin, end} : Extent{0, 0});
  }
  return ranges;
}

// The channels of one place of the map, of which `cell` is its cell in the first window of the
// rows x columns that see it; `output` and `cells` are that window's.
template <class Number>
void spread_place(const Windows& w, int64_t rows, int64_t columns, const Number* output,
                  const uint8_t* cells, int64_t cell, Number* place) {
  if (rows == 1 && columns == 1) {
    for_lanes<Number>(w.channels, [&](auto d, int64_t c) HWY_ATTR {
      const auto here = hn::Eq(load_bytes(d, cells + c), hn::Set(d, static_cast<Number>(cell)));
      hn::StoreU(hn::IfThenElseZero(here, hn::LoadU(d, output + c)), d, place + c);
    });
    return;
  }
  for_lanes<int32_t>(w.channels, [&](auto d, int64_t c) HWY_ATTR {
    const hn::RebindToFloat<decltype(d)> floats;
    auto sum = hn::Zero(floats);
    int64_t row_at = c;
    int64_t row_cell = cell;
    for (int64_t row = 0; row < rows; ++row) {
      int64_t at = row_at;
      int64_t this_cell = row_cell;
      for (int64_t column = 0; column < columns; ++column) {
        const auto here =
            hn::Eq(load_bytes(d, cells + at), hn::Set(d, static_cast<int32_t>(this_cell)));
        sum = hn::Add(sum, hn::BitCast(floats, hn::IfThenElseZero(here, load(d, output + at))));
        at += w.channels;
        this_cell -= w.stride;
      }
      row_at += w.columns * w.channels;
      row_cell -= w.stride * w.field;
    }
    store(d, hn::BitCast(d, sum), place + c);
  });
}

template <class Number>
void spread_images(const Windows& w, int64_t begin, int64_t end, const Number* output,
                   const uint8_t* cells, Number* map) {
  const std::vector<Extent> over_rows = windows_over(w, w.height, w.rows);
  const std::vector<Extent> over_columns = windows_over(w, w.width, w.columns);
  for (int64_t image = begin; image < end; ++image) {
    for (int64_t y = 0; y < w.height; ++y) {
      const Extent rows = over_rows[y];
      for (int64_t x = 0; x < w.width; ++x) {
        const Extent columns = over_columns[x];
        const int64_t first =
            ((image * w.rows + rows.begin) * w.columns + columns.begin) * w.channels;
        const int64_t cell = (y - rows.begin * w.stride) * w.field + x - columns.begin * w.stride;
        spread_place(w, rows.end - rows.begin, columns.end - columns.begin, output + first,
                     cells + first, cell,
                     map + ((image * w.height + y) * w.width + x) * w.channels);
      }
    }
  }
}

void pool_all(const Windows& windows, int64_t begin, int64_t end, const void* map, void* output,
              uint8_t* cells) {
  if (windows.bfloat16) {
    pool_images(windows, begin, end, static_cast<const int16_t*>(map),
                static_cast<int16_t*>(output), cells);
  } else {
    pool_images(windows, begin, end, static_cast<const int32_t*>(map),
                static_cast<int32_t*>(output), cells);
  }
}

void spread_all(const Windows& windows, int64_t begin, int64_t end, const void* output,
                const uint8_t* cells, void* map) {
  if (windows.bfloat16) {
    spread_images(windows, begin, end, static_cast<const int16_t*>(output), cells,
                  static_cast<int16_t*>(map));
  } else {
    spread_images(windows, begin, end, static_cast<const int32_t*>(output), cells,
                  static_cast<int32_t*>(map));
  }
}

template <class Number>
void drop_numbers(int64_t count, const Number* input, const uint8_t* bytes, int threshold,
                  float scale, Number* output) {
  for_lanes<int32_t>(count, [&](auto d, int64_t i) HWY_ATTR {
    const hn::RebindToFloat<decltype(d)> floats;
    const auto scaled = hn::Mul(hn::BitCast(floats, load(d, input + i)), hn::Set(floats, scale));
    const auto dropped = hn::Lt(load_bytes(d, bytes + i), hn::Set(d, threshold));
    store(d, hn::IfThenZeroElse(dropped, hn::BitCast(d, scaled)), output + i);
  });
}

void drop_all(bool bfloat16, int64_t count, const void* input, const uint8_t* bytes, int threshold,
              float scale, void* output) {
  if (bfloat16) {
    drop_numbers(count, static_cast<const int16_t*>(input), bytes, threshold, scale,
                 static_cast<int16_t*>(output));
  } else {
    drop_numbers(count, static_cast<const int32_t*>(input), bytes, threshold, scale,
                 static_cast<int32_t*>(output));
  }
}

}  // namespace
}  // namespace metaqnn::search::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace metaqnn::search {

HWY_EXPORT(pool_all);
HWY_EXPORT(spread_all);
HWY_EXPORT(drop_all);

void pool(const Windows& windows, int64_t begin, int64_t end, const void* map, void* output,
          uint8_t* cells) {
  HWY_DYNAMIC_DISPATCH(pool_all)(windows, begin, end, map, output, cells);
}

void spread(const Windows& windows, int64_t begin, int64_t end, const void* output,
            const uint8_t* cells, void* map) {
  HWY_DYNAMIC_DISPATCH(spread_all)(windows, begin, end, output, cells, map);
}

void drop(bool bfloat16, int64_t count, const void* input, const uint8_t* bytes, int threshold,
          float scale, void* output) {
  HWY_DYNAMIC_DISPATCH(drop_all)(bfloat16, count, input, bytes, threshold, scale, output);
}

}  // namespace metaqnn::search
#endif  // HWY_ONCE
