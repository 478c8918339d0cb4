// SPDX-License-Identifier: MIT
// The filters along the columns and the rows of a tile; filter.cpp alone includes this.
#pragma once

#include <algorithm>
#include <type_traits>

#include "algorithms/filter/border.h"
#include "algorithms/filter/filter.h"
#include "algorithms/filter/slides.h"

namespace fastconv::filter {

template <class T>
void Filter<T>::join_columns(const Tile& tile, const Rows& x, const Memory& memory) const noexcept {
  const index_t n = columns(tile);
  if (joins_short(p_.column)) {
    const JoinKernels<T>& joins = filters_;
    return joins.columns[p_.column.kind == Kind::larger ? 0 : 1]({.x = x.at,
                                                                  .x_row = x.step,
                                                                  .y = memory.middle,
                                                                  .y_row = pitch_,
                                                                  .rows = tile.height,
                                                                  .n = n,
                                                                  .height = p_.column.size});
  }
  slides<T>(exec_).rows[join_of(p_.column.kind)]({.x = {const_cast<T*>(x.at)},
                                                  .x_row = x.step,
                                                  .rows = tile.height + p_.column.size - 1,
                                                  .columns = n,
                                                  .windows = tile.height,
                                                  .kernel = p_.column.size,
                                                  .stride = 1,
                                                  .start = 0,
                                                  .none = T{},
                                                  .first_place = 0,
                                                  .place_step = 0,
                                                  .ends = {memory.ends},
                                                  .y = {memory.middle},
                                                  .y_row = pitch_});
}

template <class T>
void Filter<T>::weigh_columns(const Tile& tile, const Rows& x,
                              const Memory& memory) const noexcept {
  const WeighPlane<T> plane{.x = x.at,
                            .x_row = x.step,
                            .y = memory.middle,
                            .y_row = pitch_,
                            .rows = tile.height,
                            .n = columns(tile),
                            .weights = weights_.data(),
                            .height = p_.column.size,
                            .width = 1,
                            .step = 0};
  if constexpr (!std::is_floating_point_v<T>) {
    const WrapKernels<T>& wrapping = filters_;
    wrapping.weigh_plane(plane);
  } else {
    const WeighRows<T> sums{.x = x.at,
                            .x_row = x.step,
                            .y = memory.middle,
                            .y_row = pitch_,
                            .rows = tile.height,
                            .n = columns(tile),
                            .weights = column_.weights.data(),
                            .first = column_.first.data(),
                            .second = column_.second.data(),
                            .terms = column_.size()};
    if (p_.exactly && sizeof(T) == 8)
      return kernels().weigh_exactly[static_cast<int>(column_.places)](sums);
    kernels().weigh_plane(plane);
    if constexpr (sizeof(T) == 4)
      if (p_.exactly) make_sure(sums, column_, p_.column.weights);
  }
}

// Sums in float become those that are cut as SciPy's in double are.
template <class T>
void Filter<T>::make_sure(const WeighRows<T>& sums, const Terms<T>& terms,
                          const std::vector<double>& weights) const noexcept {
  if constexpr (std::is_same_v<T, float>)
    filters_.make_sure({.sums = sums,
                        .weights = terms.exact.data(),
                        .places = terms.places,
                        .error = static_cast<float>(float_error(weights)),
                        .positive = std::ranges::all_of(weights, [](double w) { return w >= 0; })});
}

// What SciPy does between two axes, whose results it keeps in the dtype of the output: totals are
// divided, and what becomes an integer is cut. Other totals are divided once, at the end.
template <class T>
void Filter<T>::settle_middle([[maybe_unused]] const Tile& tile,
                              [[maybe_unused]] const Memory& memory) const noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    if (!is_integer(p_.to)) return;
    const index_t n = columns(tile);
    const int to = static_cast<int>(p_.to);
    for (index_t i = 0; i < tile.height; ++i) {
      T* row = memory.middle + i * pitch_;
      if (p_.column.kind == Kind::total)
        exec_.kernels<T>().pool.divide(row, n, static_cast<T>(p_.column.size), nullptr);
      kernels().settle[to](row, n, column_bias_);
    }
  }
}

// A constant beyond the ends of rows stands there for results of the columns, and not for elements
// of the image.
template <class T>
void Filter<T>::fill_ends(const Tile& tile, T* middle) const noexcept {
  if (p_.row.size == 1 || border_source(p_.row.border, -1, p_.width) >= 0) return;
  const bool undivided = p_.column.kind == Kind::total && !is_integer(p_.to);
  const auto constant = static_cast<T>(p_.constant * double(undivided ? p_.column.size : 1));
  const index_t n = tile.width + p_.row.size - 1, first = tile.w - p_.row.before;
  const index_t begin = std::clamp<index_t>(-first, 0, n) * p_.depth;
  const index_t end = std::clamp<index_t>(p_.width - first, 0, n) * p_.depth;
  for (index_t i = 0; i < tile.height; ++i) {
    T* row = middle + i * pitch_;
    std::fill(row, row + begin, constant);
    std::fill(row + end, row + n * p_.depth, constant);
  }
}

template <class T>
void Filter<T>::store(const Tile& tile, index_t row, const T* values) const noexcept {
  const index_t n = tile.width * p_.depth;
  const index_t at = ((tile.h + row) * p_.width + tile.w) * p_.depth * size_of(p_.to);
  if constexpr (std::is_floating_point_v<T>)
    kernels().narrow[static_cast<int>(p_.to)](values, n, row_bias_, tile.results + at);
  else
    std::copy_n(values, n, reinterpret_cast<T*>(tile.results + at));
}

// `rows` rows of weighted sums along the rows, or of two axes.
template <class T>
void Filter<T>::weigh_rows(const Rows& x, const Destination& y, index_t rows,
                           index_t n) const noexcept {
  const bool one_axis = p_.plane.empty();
  WeighPlane<T> plane{.x = x.at,
                      .x_row = x.step,
                      .y = y.at,
                      .y_row = y.step,
                      .rows = rows,
                      .n = n,
                      .weights = weights_.data(),
                      .height = one_axis ? 1 : p_.column.size,
                      .width = p_.row.size,
                      .step = p_.depth};
  if constexpr (!std::is_floating_point_v<T>) {
    if (one_axis) plane.weights = row_weights_.data();
    const WrapKernels<T>& wrapping = filters_;
    wrapping.weigh_plane(plane);
  } else {
    const auto sums_of = [&](const Terms<T>& terms) {
      return WeighRows<T>{.x = x.at,
                          .x_row = x.step,
                          .y = y.at,
                          .y_row = y.step,
                          .rows = rows,
                          .n = n,
                          .weights = terms.weights.data(),
                          .first = terms.first.data(),
                          .second = terms.second.data(),
                          .terms = terms.size()};
    };
    if (p_.exactly && sizeof(T) == 8)
      return kernels().weigh_exactly[static_cast<int>(row_.places)](sums_of(row_));
    if (plain_)
      kernels().weigh_plane(plane);
    else
      kernels().weigh(sums_of(plain_row_));
    if constexpr (sizeof(T) == 4)
      if (p_.exactly) make_sure(sums_of(row_), row_, one_axis ? p_.row.weights : p_.plane);
  }
}

// Calls compute(x, to, rows) for all rows of a tile: where results are of type T for the place
// where they belong, else for a few rows at a time, which are stored then.
template <class T>
template <class F>
void Filter<T>::each_rows(const Tile& tile, const Rows& x, const Memory& memory,
                          const F& compute) const noexcept {
  const index_t row = p_.width * p_.depth;
  const bool floats = std::is_floating_point_v<T> && !is_integer(p_.to);
  if ((floats || !std::is_floating_point_v<T>) && size_of(p_.to) == index_t{sizeof(T)}) {
    T* y = reinterpret_cast<T*>(tile.results) + tile.h * row + tile.w * p_.depth;
    return compute(x, Destination{y, row}, tile.height);
  }
  // Four rows, for the kernels' sake. The frame is read no more where `middle` is.
  T* const lines = x.at == memory.middle ? memory.frame : memory.middle;
  for (index_t i = 0; i < tile.height; i += 4) {
    const index_t rows = std::min<index_t>(4, tile.height - i);
    compute(Rows{x.at + i * x.step, x.step}, Destination{lines, pitch_}, rows);
    for (index_t k = 0; k < rows; ++k) store(tile, i + k, lines + k * pitch_);
  }
}

template <class T>
void Filter<T>::along_rows(const Tile& tile, const Rows& x, const Memory& memory) const noexcept {
  const index_t n = tile.width * p_.depth;
  if (joins_short_row(p_.row)) {
    const JoinKernels<T>& joins = filters_;
    const auto join = joins.rows[p_.row.kind == Kind::larger ? 0 : 1];
    return each_rows(tile, x, memory, [&](const Rows& from, const Destination& to, index_t rows) {
      join({.x = from.at,
            .x_row = from.step,
            .y = to.at,
            .y_row = to.step,
            .rows = rows,
            .n = n,
            .width = p_.row.size,
            .step = p_.depth});
    });
  }
  if (p_.plane.empty() && p_.row.kind != Kind::weigh) return slide_rows(tile, x, memory);
  each_rows(tile, x, memory, [&](const Rows& from, const Destination& to, index_t rows) {
    weigh_rows(from, to, rows, n);
  });
}

template <class T>
void Filter<T>::slide_rows(const Tile& tile, const Rows& x, const Memory& memory) const noexcept {
  const Kind kind = p_.row.kind;
  // The divisor of totals that have not been divided yet.
  index_t divisor = kind == Kind::total ? p_.row.size : 1;
  if (p_.column.kind == Kind::total && !is_integer(p_.to)) divisor *= p_.column.size;
  const index_t joined = joined_of<T>(p_.row.size, p_.depth);
  for (index_t i = 0; i < tile.height; ++i) {
    T* y = const_cast<T*>(x.at) + i * x.step;  // of the frame, or of the middle
    if (kind != Kind::none) {
      slides<T>(exec_).line[join_of(kind)]({.x = {y},
                                            .n = tile.width * p_.depth,
                                            .kernel = p_.row.size,
                                            .step = p_.depth,
                                            .joined = joined,
                                            .rest = memory.rest,
                                            .ends = {memory.ends},
                                            .y = {memory.line}});
      y = memory.line;
    }
    if constexpr (std::is_floating_point_v<T>)
      if (divisor > 1)
        exec_.kernels<T>().pool.divide(y, tile.width * p_.depth, static_cast<T>(divisor), nullptr);
    store(tile, i, y);
  }
}

}  // namespace fastconv::filter
