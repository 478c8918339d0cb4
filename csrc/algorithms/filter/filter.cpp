// SPDX-License-Identifier: MIT
// How filters are cut into tiles, and what a tile reads.
#include "algorithms/filter/filter.h"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include "algorithms/filter/axes.h"
#include "algorithms/filter/border.h"
#include "algorithms/filter/slides.h"
#include "core/conv_desc.h"
#include "core/parallel.h"
#include "core/require.h"

namespace fastconv::filter {
namespace {

// A tile has so many rows, and so many bytes of columns, but no less than a window: what windows
// reach beyond it is read for each tile anew. A frame of 80 rows of 17 taps is then 90 KiB, and the
// rows of a window stay in L1.
constexpr index_t kRows = 64, kRowBytes = 1024;
// Boxes up to so long are weighed, which then costs less than their windows' joins: 9 by 9 in
// float32 on 2,048 x 2,048 takes 4.7 ms so, and 8.2 by sliding windows (one thread of a Zen 4).
constexpr index_t kShortBox = 15;

// An axis of n results in even pieces of at least `least` results each, where it has as many.
index_t piece(index_t n, index_t least, index_t multiple) {
  const index_t pieces = std::max<index_t>(1, n / least);
  return std::min(n, ceil_div(ceil_div(n, pieces), multiple) * multiple);
}

// Makes a weighted sum of a short box. Averages of unsigned integers are multiples of 1 / size, of
// which the sum of rounded products misses less than half of one: half of one more, which is
// returned, and the sum is cut as the average itself is.
double weigh_short_box(AxisFilter& axis, Element from, Element to) {
  if (axis.kind != Kind::total || axis.size > kShortBox) return 0;
  const double size = double(axis.size), most = from == Element::u8 ? 255 : 65535;
  const bool cut = is_integer(to);
  const bool is_unsigned = from == Element::u8 || from == Element::u16;
  if (cut && (!is_unsigned || from != to || (size + 3) * size * most * 0x1p-24 > 0.25)) return 0;
  axis.kind = Kind::weigh;
  axis.weights.assign(static_cast<std::size_t>(axis.size), 1 / size);
  axis.places = Places::one;
  return cut ? 0.5 / size : 0;
}

}  // namespace

template <class T>
Filter<T>::Memory::Memory(const Filter& f, std::byte* base) {
  const auto take = [&](index_t n) {
    T* part = base ? reinterpret_cast<T*>(base + bytes) : nullptr;
    bytes += cache_lines(n * index_t{sizeof(T)});
    return part;
  };
  const Problem& p = f.p_;
  const index_t slack = kSlideSlack + p.depth + kLine<T>, strip = kSlideStrip / index_t{sizeof(T)};
  frame = take((f.tile_height_ + p.column.size - 1) * f.pitch_ + slack);
  middle = take(f.tile_height_ * f.pitch_ + slack);
  line = take(f.pitch_ + slack);
  rest = take(f.pitch_ + slack);
  const index_t in_column = std::min(p.column.size, f.tile_height_);
  const index_t in_row =
      std::min(p.row.size / joined_of<T>(p.row.size, p.depth), f.tile_width_ * p.depth);
  ends = take((std::max(in_column, in_row) + 1) * strip);
}

template <class T>
Filter<T>::Filter(Problem problem, const FilterTable& filters, const Exec& exec)
    : p_(std::move(problem)), filters_(filters), exec_(exec) {
  tile_height_ = piece(p_.height, std::max(kRows, p_.column.size), 1);
  const index_t pixels = kRowBytes / (index_t{sizeof(T)} * p_.depth);
  const index_t least = std::max({index_t{1}, pixels, p_.row.size});
  tile_width_ = piece(p_.width, least, p_.depth == 1 ? kLine<T> : 1);
  // Rows that lie a multiple of 4 KiB apart would share a few sets of the L1.
  const index_t elements = product("a tile", {tile_width_ + p_.row.size, p_.depth});
  pitch_ = ceil_div(elements, kLine<T>) * kLine<T>;
  if (pitch_ % (16 * kLine<T>) == 0) pitch_ += kLine<T>;
  product("a tile", {tile_height_ + p_.column.size, pitch_, 4 * index_t{sizeof(T)}});
  if constexpr (std::is_floating_point_v<T>)
    lay_out_terms();
  else
    lay_out_weights();
  thread_bytes_ = Memory(*this, nullptr).bytes;
}

template <class T>
void Filter<T>::lay_out_terms() {
  if (!p_.exactly) {
    column_bias_ = static_cast<T>(weigh_short_box(p_.column, p_.from, p_.to));
    row_bias_ = static_cast<T>(weigh_short_box(p_.row, p_.from, p_.to));
  }
  column_ = terms_of<T>(p_.column, pitch_);
  row_ = p_.plane.empty() ? terms_of<T>(p_.row, p_.depth) : terms_of<T>(p_, pitch_);
  plain_row_ = p_.plane.empty() ? plain_terms_of<T>(p_.row, p_.depth) : row_;
  if (p_.plane.empty()) {
    weights_ = rounded<T>(p_.column.weights);
    return;
  }
  plain_ = std::ranges::all_of(p_.plane, has_term);
  const index_t kh = p_.column.size, kw = p_.row.size;
  for (index_t j = 0; j < kw; ++j)
    for (index_t i = 0; i < kh; ++i)
      weights_.push_back(static_cast<T>(p_.plane[static_cast<std::size_t>(i * kw + j)]));
}

template <class T>
void Filter<T>::lay_out_weights() {
  p_.exactly = false;
  plain_ = true;
  const auto wrapped = [](double weight) {
    return static_cast<T>(static_cast<std::int64_t>(weight));
  };
  std::ranges::transform(p_.column.weights, std::back_inserter(weights_), wrapped);
  std::ranges::transform(p_.row.weights, std::back_inserter(row_weights_), wrapped);
  if (p_.plane.empty()) return;
  for (index_t j = 0; j < p_.row.size; ++j)
    for (index_t i = 0; i < p_.column.size; ++i)
      weights_.push_back(wrapped(p_.plane[static_cast<std::size_t>(i * p_.row.size + j)]));
}

template <class T>
double Filter<T>::work() const {
  const auto terms = static_cast<double>(column_.size() + row_.size() + 16);
  return double(p_.batch) * double(p_.height) * double(p_.width * p_.depth) * terms;
}

template <class T>
index_t Filter<T>::columns(const Tile& tile) const noexcept {
  return (tile.width + p_.row.size - 1) * p_.depth;
}

// The columns of one row of a frame; `row` is null where the row is all constant.
template <class T>
void Filter<T>::fill_row(const Tile& tile, const std::byte* row, T* to) const noexcept {
  const auto constant = static_cast<T>(p_.constant);
  const index_t n = tile.width + p_.row.size - 1, first = tile.w - p_.row.before;
  if (row == nullptr) return void(std::fill_n(to, n * p_.depth, constant));
  const auto copy = [&](index_t at, index_t pixels, T* dst) {
    const index_t count = pixels * p_.depth;
    const std::byte* from = row + at * p_.depth * size_of(p_.from);
    if constexpr (std::is_floating_point_v<T>)
      kernels().widen[static_cast<int>(p_.from)](from, count, dst);
    else
      std::copy_n(reinterpret_cast<const T*>(from), count, dst);
  };
  const index_t begin = std::clamp<index_t>(-first, 0, n);
  const index_t end = std::clamp<index_t>(p_.width - first, begin, n);
  const auto beyond = [&](index_t from, index_t stop) {
    for (index_t j = from; j < stop; ++j) {
      const index_t at = border_source(p_.row.border, first + j, p_.width);
      if (at < 0)
        std::fill_n(to + j * p_.depth, p_.depth, constant);
      else
        copy(at, 1, to + j * p_.depth);
    }
  };
  beyond(0, begin);
  if (end > begin) copy(first + begin, end - begin, to + begin * p_.depth);
  beyond(end, n);
}

// Whether kernels can read the tile where it lies: no window reaches beyond the image, nothing is
// to be converted, and no kernel writes where it reads, or reads a row more than four times.
template <class T>
bool Filter<T>::lies_inside(const Tile& t) const noexcept {
  if (std::is_floating_point_v<T> && (is_integer(p_.from) || size_of(p_.from) != sizeof(T)))
    return false;
  const bool slides = p_.column.kind == Kind::none && p_.plane.empty() &&
                      p_.row.kind != Kind::weigh && !joins_short_row(p_.row);
  const bool rereads = p_.plane.empty() ? !joins_short(p_.column) && p_.column.kind != Kind::none &&
                                              (p_.column.kind != Kind::weigh || p_.exactly)
                                        : !plain_ || p_.exactly;
  const auto inside = [](const AxisFilter& axis, index_t first, index_t n, index_t length) {
    return first >= axis.before && first - axis.before + n + axis.size - 1 <= length;
  };
  return !slides && !rereads && inside(p_.column, t.h, t.height, p_.height) &&
         inside(p_.row, t.w, t.width, p_.width);
}

template <class T>
auto Filter<T>::read(const Tile& tile, const Memory& memory) const noexcept -> Rows {
  const index_t row = p_.width * p_.depth, step = row * size_of(p_.from);
  if (lies_inside(tile)) {
    const index_t at = (tile.h - p_.column.before) * row + (tile.w - p_.row.before) * p_.depth;
    return {reinterpret_cast<const T*>(tile.image) + at, row};
  }
  for (index_t i = 0; i < tile.height + p_.column.size - 1; ++i) {
    const index_t at = border_source(p_.column.border, tile.h + i - p_.column.before, p_.height);
    fill_row(tile, at < 0 ? nullptr : tile.image + at * step, memory.frame + i * pitch_);
  }
  return {memory.frame, pitch_};
}

template <class T>
void Filter<T>::run_tile(const Tile& tile, const Memory& memory) const noexcept {
  const Rows x = read(tile, memory);
  const Kind kind = p_.column.kind;
  if (kind != Kind::none) {
    kind == Kind::weigh ? weigh_columns(tile, x, memory) : join_columns(tile, x, memory);
    settle_middle(tile, memory);
    fill_ends(tile, memory.middle);
  }
  const Rows between = kind == Kind::none ? x : Rows{memory.middle, pitch_};
  along_rows(tile, between, memory);
}

template <class T>
void Filter<T>::run(const void* x, void* y, std::byte* scratch) const noexcept {
  const index_t down = ceil_div(p_.height, tile_height_), across = ceil_div(p_.width, tile_width_);
  const index_t tasks = p_.batch * down * across, plane = p_.height * p_.width * p_.depth;
  parallel_for(tasks, useful_threads(tasks, work(), exec_.threads), [&](index_t task, int thread) {
    const index_t image = task / (down * across), h = task / across % down * tile_height_;
    const index_t w = task % across * tile_width_;
    const Memory memory(*this, scratch + thread * thread_bytes_);
    run_tile({static_cast<const std::byte*>(x) + image * plane * size_of(p_.from),
              static_cast<std::byte*>(y) + image * plane * size_of(p_.to), h, w,
              std::min(tile_height_, p_.height - h), std::min(tile_width_, p_.width - w)},
             memory);
  });
}

template class Filter<float>;
template class Filter<double>;
template class Filter<std::uint8_t>;
template class Filter<std::int16_t>;
template class Filter<std::uint16_t>;

}  // namespace fastconv::filter
