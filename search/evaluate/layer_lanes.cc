#include "search/evaluate/layer_lanes.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "search/evaluate/layer_lanes.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace metaqnn::search::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Numbers are the bits of float32 in int32 lanes: positive ones keep their order, negative ones are
// below 0. bfloat16 is the upper half of float32.
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
// To the nearest bfloat16, ties to even.
template <class D>
HWY_INLINE void store(D d, hn::Vec<D> bits, int16_t* to) {
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d, 0x7FFF)));
  // Adding to a NaN could overflow; a quiet one survives being cut.
  const auto is_nan = hn::Gt(hn::And(bits, hn::Set(d, 0x7FFFFFFF)), hn::Set(d, 0x7F800000));
  const auto nan = hn::Or(bits, hn::Set(d, 0x400000));
  const auto upper = hn::ShiftRight<16>(hn::IfThenElse(is_nan, nan, rounded));
  const hn::Rebind<int16_t, D> narrow;
  hn::StoreU(hn::DemoteTo(narrow, upper), narrow, to);
}

template <class D>
HWY_INLINE hn::Vec<D> load_bytes(D d, const uint8_t* from) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<uint8_t, D>(), from));
}

// body(vector tag, its first index) until all of `count` are done.
template <class Body>
HWY_INLINE void for_lanes(int64_t count, const Body& body) {
  int64_t i = 0;
  const auto with = [&](auto d) HWY_ATTR {
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    for (; i + lanes <= count; i += lanes) body(d, i);
  };
  with(hn::ScalableTag<int32_t>());
  with(hn::CappedTag<int32_t, 8>());
  with(hn::CappedTag<int32_t, 1>());
}

template <class Number>
void pool_window(const Windows& w, const Number* first, Number* output, uint8_t* cells) {
  for_lanes(w.channels, [&](auto d, int64_t c) HWY_ATTR {
    auto largest = hn::Zero(d);
    auto where = hn::Set(d, kNoCell);
    for (int64_t y = 0; y < w.field; ++y) {
      const Number* row = first + y * w.width * w.channels + c;
      for (int64_t x = 0; x < w.field; ++x) {
        auto value = load(d, row + x * w.channels);
        const auto magnitude = hn::And(value, hn::Set(d, 0x7FFFFFFF));
        value = hn::IfThenElse(hn::Gt(magnitude, hn::Set(d, 0x7F800000)), magnitude, value);
        where = hn::IfThenElse(hn::Gt(value, largest),
                               hn::Set(d, static_cast<int32_t>(y * w.field + x)), where);
        largest = hn::Max(largest, value);
      }
    }
    store(d, largest, output + c);
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

// The windows [begin, end) that see row (or column) `at` of the map, of `count` in all.
struct Range {
  int64_t begin, end;
};
Range windows_over(const Windows& w, int64_t at, int64_t count) {
  return {at < w.field ? 0 : (at - w.field) / w.stride + 1, std::min(count, at / w.stride + 1)};
}

template <class Number>
void spread_images(const Windows& w, int64_t begin, int64_t end, const Number* output,
                   const uint8_t* cells, Number* map) {
  for (int64_t image = begin; image < end; ++image) {
    for (int64_t y = 0; y < w.height; ++y) {
      const Range rows = windows_over(w, y, w.rows);
      for (int64_t x = 0; x < w.width; ++x) {
        const Range columns = windows_over(w, x, w.columns);
        Number* target = map + ((image * w.height + y) * w.width + x) * w.channels;
        for_lanes(w.channels, [&](auto d, int64_t c) HWY_ATTR {
          const hn::RebindToFloat<decltype(d)> floats;
          auto sum = hn::Zero(floats);
          for (int64_t row = rows.begin; row < rows.end; ++row) {
            for (int64_t column = columns.begin; column < columns.end; ++column) {
              const int64_t cell = (y - row * w.stride) * w.field + x - column * w.stride;
              const int64_t out = ((image * w.rows + row) * w.columns + column) * w.channels + c;
              const auto here =
                  hn::Eq(load_bytes(d, cells + out), hn::Set(d, static_cast<int32_t>(cell)));
              const auto part = hn::IfThenElseZero(here, load(d, output + out));
              sum = hn::Add(sum, hn::BitCast(floats, part));
            }
          }
          store(d, hn::BitCast(d, sum), target + c);
        });
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
  for_lanes(count, [&](auto d, int64_t i) HWY_ATTR {
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
