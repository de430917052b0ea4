#include "kernels/edit_distance_lanes.h"

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <string>
#include <type_traits>

#include "metaqnn/base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/edit_distance_lanes.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace metaqnn::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Rows of cells whose left neighbours stay in registers, beside the pointers to their savings.
constexpr size_t kStrip = 8;
// From lane to lane in a transposed tile; no power of 2, which would crowd few lines of the cache.
constexpr size_t kLaneStride = kRowTile + 32;

// Moves a strip of rows of cells one position on; a cell is L of kernels/fixed_point_costs.h in all
// lanes. `left` are the cells of the position before, the first row's first, and become those of
// this one. Returns the last.
template <class D, class V>
HWY_INLINE V step(D, const hn::TFromD<D>* const*, size_t, V above, V) {
  return above;
}
template <class D, class V, class... Below>
HWY_INLINE V step(D d, const hn::TFromD<D>* const* savings, size_t offset, V above, V diagonal,
                  V& left, Below&... below) {
  const V paired = hn::Add(diagonal, hn::Load(d, *savings + offset));
  const V next_diagonal = left;
  left = hn::Max(above, hn::Max(left, paired));
  return step(d, savings + 1, offset, left, next_diagonal, below...);
}

// Two positions on, which leaves less to be copied between registers. Stores both last cells.
template <class D, class V>
HWY_INLINE V step_twice(D d, const hn::TFromD<D>* const*, size_t offset, hn::TFromD<D>* last,
                        V above0, V above1, V) {
  hn::Store(above0, d, last + offset);
  hn::Store(above1, d, last + offset + hn::Lanes(d));
  return above1;
}
template <class D, class V, class... Below>
HWY_INLINE V step_twice(D d, const hn::TFromD<D>* const* savings, size_t offset,
                        hn::TFromD<D>* last, V above0, V above1, V diagonal, V& left,
                        Below&... below) {
  const V paired0 = hn::Add(diagonal, hn::Load(d, *savings + offset));
  const V paired1 = hn::Add(above0, hn::Load(d, *savings + offset + hn::Lanes(d)));
  const V cell0 = hn::Max(above0, hn::Max(left, paired0));
  const V next_diagonal = left;
  left = hn::Max(hn::Max(above1, paired1), cell0);
  return step_twice(d, savings + 1, offset, last, cell0, left, next_diagonal, below...);
}

// Sweeps a strip over all positions. `boundary` holds the row of cells above it (kFirst: all 0, and
// not read) and then its last row. Returns the last cell.
template <bool kFirst, class D, class... V>
HWY_INLINE hn::Vec<D> sweep(D d, const int* tokens, const hn::TFromD<D>* const* savings_of,
                            size_t end, hn::TFromD<D>* HWY_RESTRICT boundary, V... left) {
  const hn::TFromD<D>* savings[sizeof...(V)];
  for (size_t row = 0; row < sizeof...(V); ++row) savings[row] = savings_of[tokens[row]];
  const size_t lanes = hn::Lanes(d);
  hn::Vec<D> diagonal = hn::Zero(d), last = diagonal;
  size_t offset = 0;
  for (; offset + 2 * lanes <= end; offset += 2 * lanes) {
    const hn::Vec<D> above0 = kFirst ? hn::Zero(d) : hn::Load(d, boundary + offset);
    const hn::Vec<D> above1 = kFirst ? hn::Zero(d) : hn::Load(d, boundary + offset + lanes);
    last = step_twice(d, savings, offset, boundary, above0, above1, diagonal, left...);
    diagonal = above1;
  }
  if (offset < end) {
    const hn::Vec<D> above = kFirst ? hn::Zero(d) : hn::Load(d, boundary + offset);
    last = step(d, savings, offset, above, diagonal, left...);
    hn::Store(last, d, boundary + offset);
  }
  return last;
}

// Not inlined, or the callers' variables would take the registers.
template <bool kFirst, class D>
HWY_NOINLINE hn::Vec<D> sweep_strip(D d, const int* tokens, size_t rows,
                                    const hn::TFromD<D>* const* savings_of, size_t end,
                                    hn::TFromD<D>* HWY_RESTRICT boundary) {
  const hn::Vec<D> o = hn::Zero(d);
  switch (rows) {
    case 1:
      return sweep<kFirst>(d, tokens, savings_of, end, boundary, o);
    case 2:
      return sweep<kFirst>(d, tokens, savings_of, end, boundary, o, o);
    case 3:
      return sweep<kFirst>(d, tokens, savings_of, end, boundary, o, o, o);
    case 4:
      return sweep<kFirst>(d, tokens, savings_of, end, boundary, o, o, o, o);
    case 5:
      return sweep<kFirst>(d, tokens, savings_of, end, boundary, o, o, o, o, o);
    case 6:
      return sweep<kFirst>(d, tokens, savings_of, end, boundary, o, o, o, o, o, o);
    case 7:
      return sweep<kFirst>(d, tokens, savings_of, end, boundary, o, o, o, o, o, o, o);
    default:  // kStrip
      return sweep<kFirst>(d, tokens, savings_of, end, boundary, o, o, o, o, o, o, o, o);
  }
}

// The last two strips of a row are equally high: a low one spends its time on the boundary.
size_t strip_height(size_t rows_left) {
  if (rows_left <= kStrip) return rows_left;
  return rows_left >= 2 * kStrip ? kStrip : (rows_left + 1) / 2;
}

// A vector of larger lanes from memory of these or smaller ones.
template <class D, typename T>
HWY_INLINE hn::Vec<D> load_widened(D d, const T* from) {
  if constexpr (sizeof(T) == sizeof(hn::TFromD<D>)) {
    return hn::LoadU(d, from);
  } else {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<T, D>(), from));
  }
}

// The reverse.
template <class D, typename T>
HWY_INLINE void store_narrowed(D d, hn::Vec<D> v, T* to) {
  if constexpr (sizeof(T) == sizeof(hn::TFromD<D>)) {
    hn::Store(v, d, to);
  } else {
    const hn::Rebind<T, D> narrow;
    hn::Store(hn::DemoteTo(narrow, v), narrow, to);
  }
}

#if HWY_TARGET != HWY_SCALAR  // which cannot interleave its single lane

// to[i * stride + j] = from_j[i] for i and j up to 3.
template <typename T>
HWY_INLINE void transpose_4_by_4(const int32_t* from0, const int32_t* from1, const int32_t* from2,
                                 const int32_t* from3, T* to, size_t stride) {
  const hn::FixedTag<int32_t, 4> d;
  const auto v0 = hn::LoadU(d, from0), v1 = hn::LoadU(d, from1);
  const auto v2 = hn::LoadU(d, from2), v3 = hn::LoadU(d, from3);
  const auto lower02 = hn::InterleaveLower(d, v0, v2), lower13 = hn::InterleaveLower(d, v1, v3);
  const auto upper02 = hn::InterleaveUpper(d, v0, v2), upper13 = hn::InterleaveUpper(d, v1, v3);
  store_narrowed(d, hn::InterleaveLower(d, lower02, lower13), to);
  store_narrowed(d, hn::InterleaveUpper(d, lower02, lower13), to + stride);
  store_narrowed(d, hn::InterleaveLower(d, upper02, upper13), to + 2 * stride);
  store_narrowed(d, hn::InterleaveUpper(d, upper02, upper13), to + 3 * stride);
}

// One of the three rounds that transpose 8 x 8 lanes in each block of 128 bits.
template <class D, class V>
HWY_INLINE void riffle(D d, V& v0, V& v1, V& v2, V& v3, V& v4, V& v5, V& v6, V& v7) {
  const V w0 = hn::InterleaveLower(d, v0, v4), w1 = hn::InterleaveUpper(d, v0, v4);
  const V w2 = hn::InterleaveLower(d, v1, v5), w3 = hn::InterleaveUpper(d, v1, v5);
  const V w4 = hn::InterleaveLower(d, v2, v6), w5 = hn::InterleaveUpper(d, v2, v6);
  const V w6 = hn::InterleaveLower(d, v3, v7), w7 = hn::InterleaveUpper(d, v3, v7);
  v0 = w0, v1 = w1, v2 = w2, v3 = w3, v4 = w4, v5 = w5, v6 = w6, v7 = w7;
}

// Every 8th lane of a transposed tile: a block of 128 bits of v each.
template <class D, class V>
HWY_INLINE void store_blocks(D d, V v, uint16_t* to) {
  const hn::FixedTag<uint16_t, 8> d8;
  HWY_ALIGN uint16_t blocks[HWY_MAX_BYTES / sizeof(uint16_t)];
  hn::Store(v, d, blocks);
  for (size_t lane = 0; lane < hn::Lanes(d); lane += 8)
    hn::Store(hn::Load(d8, blocks + lane), d8, to + lane * kLaneStride);
}

// to[lane * kLaneStride + row] = from[row * lanes + lane] for 8 rows and a vector of 16-bit lanes.
template <typename T>
HWY_INLINE void transpose_8_rows(const T* from, size_t lanes, uint16_t* to) {
  const hn::ScalableTag<uint16_t> d;
  auto v0 = load_widened(d, from), v1 = load_widened(d, from + lanes);
  auto v2 = load_widened(d, from + 2 * lanes), v3 = load_widened(d, from + 3 * lanes);
  auto v4 = load_widened(d, from + 4 * lanes), v5 = load_widened(d, from + 5 * lanes);
  auto v6 = load_widened(d, from + 6 * lanes), v7 = load_widened(d, from + 7 * lanes);
  for (int round = 0; round < 3; ++round) riffle(d, v0, v1, v2, v3, v4, v5, v6, v7);
  store_blocks(d, v0, to), store_blocks(d, v1, to + kLaneStride);
  store_blocks(d, v2, to + 2 * kLaneStride), store_blocks(d, v3, to + 3 * kLaneStride);
  store_blocks(d, v4, to + 4 * kLaneStride), store_blocks(d, v5, to + 5 * kLaneStride);
  store_blocks(d, v6, to + 6 * kLaneStride), store_blocks(d, v7, to + 7 * kLaneStride);
}

#endif

// Distances of a number of rows from one column: (row + column - saved) * unit, which rounding of
// costs must not make negative.
template <class D, typename T>
HWY_INLINE hn::Vec<D> distances(D d, const double* rows_alone, hn::Vec<D> column_alone,
                                const T* saved, hn::Vec<D> unit) {
  const auto alone = hn::Add(hn::LoadU(d, rows_alone), column_alone);
  const hn::Rebind<int32_t, D> d32;
  const auto rest = hn::Sub(alone, hn::PromoteTo(d, load_widened(d32, saved)));
  return hn::Max(hn::Zero(d), hn::Mul(rest, unit));
}

template <typename T>
class LaneRunner {
 public:
  explicit LaneRunner(const LaneTask& task)
      : rows_(*task.rows), columns_(*task.columns), task_(task) {
    size_t longest = 0;
    for (size_t i = task.first_column; i < task.end_column; ++i)
      longest = std::max(longest, columns_.length(columns_.order[i]));
    savings_ = hwy::AllocateAligned<T>(std::max<size_t>(1, task.row_tokens) * stride(longest));
    boundary_ = hwy::AllocateAligned<T>(stride(longest));
    saved_ = hwy::AllocateAligned<T>(kRowTile * lanes_);
    saved_by_lane_ = hwy::AllocateAligned<Saved>(kLaneStride * lanes_);
    std::fill_n(saved_.get(), kRowTile * lanes_, T{0});
  }

  void run() {
    for (size_t place = task_.first_column; place < task_.end_column; place += lanes_) {
      block_ = columns_.order.data() + place;
      block_size_ = std::min(lanes_, task_.end_column - place);
      lay_out_savings();
      for (size_t row = task_.first_row; row < task_.end_row; row += kRowTile) {
        const size_t rows = std::min(kRowTile, task_.end_row - row);
        sweep_rows(row, rows);
        transpose(rows);
        find_runs(row, rows);
        for (size_t lane = 0; lane < block_size_; ++lane) write_column(lane, row);
      }
    }
  }

 private:
  using Saved = std::conditional_t<sizeof(T) <= sizeof(uint16_t), uint16_t, int32_t>;

  // From one row token's savings to the next: an odd number of vectors, so that they do not crowd
  // few lines of the cache.
  size_t stride(size_t positions) const { return (positions | 1) * lanes_; }

  // savings_of_[row token][position * lanes_ + lane]
  void lay_out_savings() {
    size_t longest = 0;
    for (size_t lane = 0; lane < block_size_; ++lane)
      longest = std::max(longest, columns_.length(block_[lane]));
    end_ = longest * lanes_;
    savings_of_.clear();
    for (size_t token = 0; token < task_.row_tokens; ++token)
      savings_of_.push_back(savings_.get() + token * stride(longest));
    for (size_t position = 0; position < longest; ++position)
      lay_out_position(position, stride(longest));
  }

  void lay_out_position(size_t position, size_t token_stride) {
    T* to = savings_.get() + position * lanes_;
#if HWY_TARGET == HWY_SCALAR
    for (size_t token = 0; token < task_.row_tokens; ++token)
      to[token * token_stride] = static_cast<T>(savings_at(0, position)[token]);
#else
    for (size_t lane = 0; lane < lanes_; lane += 4) {
      const int32_t* from0 = savings_at(lane, position);
      const int32_t* from1 = savings_at(lane + 1, position);
      const int32_t* from2 = savings_at(lane + 2, position);
      const int32_t* from3 = savings_at(lane + 3, position);
      for (size_t token = 0; token < task_.row_tokens; token += kTokenGroup)
        transpose_4_by_4(from0 + token, from1 + token, from2 + token, from3 + token,
                         to + lane + token * token_stride, token_stride);
    }
#endif
  }

  // For each row token, what pairing it with the lane's token at a position saves; past its end 0.
  const int32_t* savings_at(size_t lane, size_t position) const {
    auto token = static_cast<size_t>(task_.costs->alphabet);
    if (lane < block_size_ && position < columns_.length(block_[lane]))
      token = static_cast<size_t>(columns_.tokens[columns_.begin[block_[lane]] + position]);
    return task_.savings + token * task_.row_tokens;
  }

  // saved_[(row - first_row) * lanes_ + lane] = L(n, m) of row and column.
  void sweep_rows(size_t first_row, size_t rows) {
    const size_t end = std::min(first_row + kRowTile, rows_.size());
    for (size_t place = first_row; place < end; ++place) {
      const size_t row = rows_.order[place];
      if (row >= first_row + rows) continue;
      hn::Store(sweep_row(rows_.tokens.data() + rows_.begin[row], rows_.length(row)), d_,
                saved_.get() + (row - first_row) * lanes_);
    }
  }

  HWY_INLINE hn::Vec<hn::ScalableTag<T>> sweep_row(const int* tokens, size_t length) {
    if (length == 0) return hn::Zero(d_);
    const T* const* savings_of = savings_of_.data();
    size_t rows = strip_height(length);
    auto last = sweep_strip<true>(d_, tokens, rows, savings_of, end_, boundary_.get());
    for (size_t done = rows; done < length; done += rows) {
      rows = strip_height(length - done);
      last = sweep_strip<false>(d_, tokens + done, rows, savings_of, end_, boundary_.get());
    }
    return last;
  }

  // saved_by_lane_[lane * kLaneStride + row] = saved_[row * lanes_ + lane], as the result lies.
  void transpose(size_t rows) {
#if HWY_TARGET != HWY_SCALAR
    if constexpr (std::is_same_v<Saved, uint16_t>) {
      for (size_t row = 0; row < rows; row += 8)
        for (size_t lane = 0; lane < lanes_; lane += hn::Lanes(hn::ScalableTag<uint16_t>()))
          transpose_8_rows(saved_.get() + row * lanes_ + lane, lanes_,
                           saved_by_lane_.get() + lane * kLaneStride + row);
      return;
    }
#endif
    for (size_t row = 0; row < rows; ++row)
      for (size_t lane = 0; lane < lanes_; ++lane)
        saved_by_lane_[lane * kLaneStride + row] = saved_[row * lanes_ + lane];
  }

  // Splits the rows of a tile into runs of neighbours in the result.
  void find_runs(size_t first_row, size_t rows) {
    const std::ptrdiff_t* index = rows_.index.data() + first_row;
    run_ends_.clear();
    for (size_t row = 1; row < rows; ++row)
      if (index[row] != index[row - 1] + 1) run_ends_.push_back(row);
    run_ends_.push_back(rows);
  }

  void write_column(size_t lane, size_t first_row) {
    const size_t column = block_[lane];
    const double* rows_alone = rows_.alone.data() + first_row;
    const Saved* saved = saved_by_lane_.get() + lane * kLaneStride;
    double* result = task_.result + columns_.index[column] * task_.stride;
    size_t begin = 0;
    for (size_t end : run_ends_) {
      write_run(rows_alone + begin, columns_.alone[column], saved + begin, end - begin,
                result + rows_.index[first_row + begin]);
      begin = end;
    }
  }

  HWY_INLINE void write_run(const double* rows_alone, double column_alone, const Saved* saved,
                            size_t rows, double* to) const {
    const hn::ScalableTag<double> d;
    const size_t width = hn::Lanes(d);
    const double unit = 1 / task_.costs->scale;
    if (rows < width) {
      for (size_t row = 0; row < rows; ++row)
        to[row] = std::max(0.0, (rows_alone[row] + column_alone - saved[row]) * unit);
      return;
    }
    const auto alone = hn::Set(d, column_alone);
    const auto units = hn::Set(d, unit);
    // All vectors but the first and the last go to aligned addresses, which is faster; those two
    // may overlap the others.
    size_t next = width - reinterpret_cast<uintptr_t>(to) / sizeof(double) % width;
    for (size_t row = 0; row < rows; row = next, next += width) {
      const size_t first = std::min(row, rows - width);
      hn::StoreU(distances(d, rows_alone + first, alone, saved + first, units), d, to + first);
    }
  }

  const SequenceBatch& rows_;
  const SequenceBatch& columns_;
  const LaneTask& task_;
  const hn::ScalableTag<T> d_{};
  const size_t lanes_ = hn::Lanes(d_);
  const size_t* block_ = nullptr;  // its columns, one a lane
  size_t block_size_ = 0;
  size_t end_ = 0;  // positions of its longest column, times lanes_
  hwy::AlignedFreeUniquePtr<T[]> savings_;
  std::vector<const T*> savings_of_;
  hwy::AlignedFreeUniquePtr<T[]> boundary_, saved_;
  hwy::AlignedFreeUniquePtr<Saved[]> saved_by_lane_;
  std::vector<size_t> run_ends_;
};

}  // namespace

void run8(const LaneTask& task) { LaneRunner<uint8_t>(task).run(); }
void run16(const LaneTask& task) { LaneRunner<uint16_t>(task).run(); }
void run32(const LaneTask& task) { LaneRunner<int32_t>(task).run(); }

}  // namespace metaqnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace metaqnn::kernels {

HWY_EXPORT(run8);
HWY_EXPORT(run16);
HWY_EXPORT(run32);

void run(const LaneTask& task) {
  switch (task.costs->bits) {
    case 8:
      return HWY_DYNAMIC_DISPATCH(run8)(task);
    case 16:
      return HWY_DYNAMIC_DISPATCH(run16)(task);
    case 32:
      return HWY_DYNAMIC_DISPATCH(run32)(task);
  }
  METAQNN_ASSERT(false, "lanes of " + std::to_string(task.costs->bits) + " bits, not 8, 16 or 32");
}

}  // namespace metaqnn::kernels
#endif  // HWY_ONCE
