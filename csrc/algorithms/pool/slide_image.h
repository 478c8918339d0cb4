// SPDX-License-Identifier: MIT
// One unit of sliding.h at work: a plane, or an image in pixels. (Templates of sliding.cpp, which
// alone includes them.)
#pragma once

#include "algorithms/pool/slide_call.h"
#include "core/exec.h"

namespace fastconv::pool {

template <class T, class K>
struct SlideImage {
  const SlideCall<T, K>& call;
  const Arrays<T>& arrays;
  const Exec& exec;
  const SlideDivisors<T>& divisors;
  index_t unit;
  SlideImageMemory<K> image;

  // Pools row r along the width.
  void pool_row(index_t r, const SlideThreadMemory<K>& memory) const;
  // Pools columns c0..c1 along the height, and brings the results to where they belong.
  void pool_columns(index_t c0, index_t c1, const SlideThreadMemory<K>& memory) const;

 private:
  const T* from() const;
  Cells<K> to() const;  // the results, or where they are staged
  void read_line(index_t r, const Cells<K>& line) const;
  void pool_line(index_t r, const SlideThreadMemory<K>& memory) const;
  void pool_pixels(index_t r, const SlideThreadMemory<K>& memory) const;
  Cells<K> row_of_results(index_t r) const;
  void finish(index_t c0, index_t c1) const;
  void finish_places(index_t c0, index_t c1) const;
};

template <class T, class K, class Kernel>
void slide_series(const SlideAxis& series, const Kernel& slide, const SlideRows<K>& all) {
  for (index_t i = 0; i < series.count(); ++i) {
    const SlideSeries f = series[i];
    SlideRows<K> rows = all;
    rows.x.values += f.element * all.x_row;
    rows.x_row *= f.element_step;
    rows.rows = f.elements;
    rows.windows = f.outputs;
    rows.kernel = f.kernel;
    rows.stride = f.stride;
    rows.start = f.start;
    rows.first_place = f.element;
    rows.place_step = f.element_step;
    rows.y.values += f.output * all.y_row;
    if (rows.y.places) rows.y.places += f.output * all.y_row;
    rows.y_row *= f.output_step;
    if (f.kernel > 0)
      slide(rows);
    else
      for (index_t o = 0; o < f.outputs; ++o)
        std::fill_n(rows.y.values + o * rows.y_row, rows.columns, rows.none);
  }
}

// Calls visit(kernels of one kind, which of them): those of values, or those of places.
template <class T, class K, class Visit>
void with_kernels(const SlideCall<T, K>& call, const Exec& exec, const Visit& visit) {
  const auto join = static_cast<int>(join_of(call.problem.pooling.op));
  if (call.places()) {
    if constexpr (std::is_floating_point_v<T>)
      visit(exec.kernels<T>().pool.slide_places, join);
    else if constexpr (kFindsPlaces<K>)
      visit(exec.table->integers.places, join);
  } else if constexpr (std::is_floating_point_v<T>) {
    visit(exec.kernels<T>().pool.slide, join);
  } else if constexpr (std::is_same_v<T, K>) {
    visit(exec.integers<T>().slide, join);
  }
}

template <class T, class K>
const T* SlideImage<T, K>::from() const {
  const index_t n = call.h.in() * call.width_in();
  if (call.pixels()) return arrays.from + unit * n;
  return arrays.from + plane_at(call.problem.d, unit, n, arrays.from_image);
}

template <class T, class K>
Cells<K> SlideImage<T, K>::to() const {
  if (call.stages()) return image.results;
  const index_t n = call.h.out() * call.width_out();
  if constexpr (std::is_same_v<T, K>)
    return {arrays.to +
            (call.pixels() ? unit * n : plane_at(call.problem.d, unit, n, arrays.to_image))};
  else
    return {};
}

template <class T, class K>
Cells<K> SlideImage<T, K>::row_of_results(index_t r) const {
  if (call.flat()) return to();
  return {image.rows.values + r * call.pitch,
          image.rows.places ? image.rows.places + r * call.pitch : nullptr};
}

// The line with `none` wherever it is padded or has gaps.
template <class T, class K>
void SlideImage<T, K>::read_line(index_t r, const Cells<K>& line) const {
  const SlideLineWindows& l = call.line;
  const index_t size = l.size() + kSlideSlack + l.step;
  const index_t begin = ceil_div(std::max<index_t>(0, l.first), l.spread);
  const index_t end = std::max(begin, ceil_div(std::min(l.in, l.first + l.size()), l.spread));
  const T* x = from() + r * call.w.in();
  K* to_values = line.values + begin * l.spread - l.first;
  if (l.spread == 1) {
    std::fill(line.values, to_values, call.none);
    std::fill(to_values + (end - begin), line.values + size, call.none);
  } else {
    std::fill_n(line.values, size, call.none);
  }
  if constexpr (kFindsPlaces<K>)
    for (index_t i = 0; line.places != nullptr && i < size; ++i) {
      // What lies before the line stands for the first element of its windows.
      const index_t place = l.first + i;
      line.places[i] = to_place<K>(place < 0 ? (place % l.step + l.step) % l.step : place);
    }
  if constexpr (std::is_floating_point_v<T>) {
    const auto& kernels = exec.kernels<T>().pool;
    const bool divides = call.gradient() && call.divides();
    if (l.spread == 1) {
      const Pooling& pooling = call.problem.pooling;
      kernels.take(call.gradient() ? PoolOp::sum : pooling.op, pooling.power, x + begin,
                   end - begin, to_values);
      if (divides)
        kernels.divide(to_values, end - begin, divisors.rows[r], divisors.columns + begin);
    } else {
      for (index_t e = begin; e < end; ++e)
        to_values[(e - begin) * l.spread] =
            divides ? x[e] / (divisors.rows[r] * divisors.columns[e]) : x[e];
    }
  } else {
    for (index_t e = begin; e < end; ++e) to_values[e - begin] = key_of<K>(x[e]);
  }
}

template <class T, class K>
void SlideImage<T, K>::pool_line(index_t r, const SlideThreadMemory<K>& memory) const {
  const SlideLineWindows& l = call.line;
  const Cells<K> results = row_of_results(r);
  std::fill_n(results.values, call.w.out(), call.none);
  if (l.n <= 0) return;
  read_line(r, memory.line);
  with_kernels(call, exec, [&](const auto& kernels, int join) {
    kernels.line[join]({.x = memory.line,
                        .n = l.n,
                        .kernel = l.kernel,
                        .step = l.step,
                        .joined = joined_of<K>(l),
                        .rest = memory.rest,
                        .ends = memory.ends,
                        .y = memory.windows});
  });
  l.for_runs([&](index_t o, index_t n, index_t position, index_t apart) {
    const auto gather = [&](const K* x, K* y) {
      if (apart == 1)
        std::copy_n(x + position, n, y + o);
      else if (apart == 2)  // a constant, of which the compiler makes vectors
        for (index_t i = 0; i < n; ++i) y[o + i] = x[position + 2 * i];
      else
        for (index_t i = 0; i < n; ++i) y[o + i] = x[position + i * apart];
    };
    gather(memory.windows.values, results.values);
    if (results.places) gather(memory.windows.places, results.places);
  });
}

template <class T, class K>
void SlideImage<T, K>::pool_pixels(index_t r, const SlideThreadMemory<K>& memory) const {
  const index_t n = call.width_in(), depth = call.depth;
  const T* x = from() + r * n;
  Cells<K> row = {memory.line.values};
  if constexpr (std::is_same_v<T, K>) {
    const Pooling& pooling = call.problem.pooling;
    const bool divides = call.gradient() && call.divides();
    const bool as_is = !divides && (pooling.op == PoolOp::max || pooling.op == PoolOp::min ||
                                    pooling.op == PoolOp::sum || call.gradient());
    if (as_is) row.values = const_cast<K*>(x);
    if constexpr (std::is_floating_point_v<T>) {
      const auto& kernels = exec.kernels<T>().pool;
      if (!as_is)
        kernels.take(call.gradient() ? PoolOp::sum : pooling.op, pooling.power, x, n, row.values);
      for (index_t e = 0; divides && e < call.w.in(); ++e)
        kernels.divide(row.values + e * depth, depth, divisors.rows[r] * divisors.columns[e],
                       nullptr);
    }
  }
  if (std::is_integral_v<T> && (!std::is_same_v<T, K> || call.places())) {
    row.values = memory.line.values;
    for (index_t i = 0; i < n; ++i) row.values[i] = key_of<K>(x[i]);
  }
  with_kernels(call, exec, [&](const auto& kernels, int join) {
    slide_series<T, K>(call.w_series, kernels.rows[join],
                       {.x = row,
                        .x_row = depth,
                        .columns = depth,
                        .none = call.none,
                        .ends = memory.ends,
                        .y = row_of_results(r),
                        .y_row = depth});
  });
}

template <class T, class K>
void SlideImage<T, K>::pool_row(index_t r, const SlideThreadMemory<K>& memory) const {
  if (call.pixels())
    pool_pixels(r, memory);
  else
    pool_line(r, memory);
}

template <class T, class K>
void SlideImage<T, K>::pool_columns(index_t c0, index_t c1,
                                    const SlideThreadMemory<K>& memory) const {
  if (!call.flat()) {
    Cells<K> y = to();
    y.values += c0;
    if (y.places) y.places += c0;
    with_kernels(call, exec, [&](const auto& kernels, int join) {
      slide_series<T, K>(call.h_series, kernels.rows[join],
                         {.x = {image.rows.values + c0},
                          .x_row = call.pitch,
                          .columns = c1 - c0,
                          .none = call.none,
                          .ends = memory.ends,
                          .y = y,
                          .y_row = call.width_out()});
    });
  }
  if (call.places())
    finish_places(c0, c1);
  else
    finish(c0, c1);
}

}  // namespace fastconv::pool
