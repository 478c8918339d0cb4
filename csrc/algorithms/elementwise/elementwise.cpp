// SPDX-License-Identifier: MIT
#include "algorithms/elementwise/elementwise.h"

#include <algorithm>

#include "core/parallel.h"

namespace fastconv {
namespace {

constexpr index_t kBlock = 16384;  // elements of one task: some microseconds, and well inside L2

// What one element costs, in elements moved; from the timings of the kernels.
double cost(Activation kind) noexcept {
  const bool plain = kind <= Activation::leaky_relu || kind == Activation::hardswish ||
                     kind == Activation::hardsigmoid;
  return plain ? 1 : 6;
}
constexpr double kSoftmaxCost = 8;

template <class Body>
void for_blocks(const Exec& exec, index_t n, double cost_of_one, const Body& body) noexcept {
  const index_t blocks = (n + kBlock - 1) / kBlock;
  const Team team = useful_threads(blocks, double(n) * cost_of_one, exec.threads);
  parallel_for(blocks, team, [&](index_t block, int) {
    const index_t start = block * kBlock;
    body(start, std::min(kBlock, n - start));
  });
}

// Calls rows(first, count) for groups of rows where the axis is the last one, else columns(offset,
// width) for neighbouring columns; offsets in elements.
template <class Rows, class Columns>
void for_lines(const Exec& exec, const SoftmaxShape& s, const Rows& rows,
               const Columns& columns) noexcept {
  if (s.outer == 0 || s.n == 0 || s.inner == 0) return;
  const double work = kSoftmaxCost * double(s.outer) * double(s.n) * double(s.inner);
  const index_t lines = std::max<index_t>(1, kBlock / s.n);
  if (s.inner == 1) {
    const index_t tasks = (s.outer + lines - 1) / lines;
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
      rows(task * lines, std::min(lines, s.outer - task * lines));
    });
    return;
  }
  const index_t width = std::max<index_t>(64, lines / 64 * 64);  // whole cache lines
  const index_t across = (s.inner + width - 1) / width, tasks = s.outer * across;
  parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
    const index_t start = task % across * width;
    columns(task / across * s.n * s.inner + start, std::min(width, s.inner - start));
  });
}

}  // namespace

template <class T>
void activate(const Exec& exec, Activation kind, T slope, const T* x, T* y,
              const RowPairs& pairs) noexcept {
  const auto run = exec.kernels<T>().elementwise.activate;
  const index_t length = std::max<index_t>(pairs.n, 1);
  for_blocks(exec, pairs.rows * pairs.n, cost(kind), [&](index_t start, index_t count) {
    for (index_t n = 0; count > 0; start += n, count -= n) {
      const index_t row = start / length, at = start % length;
      n = std::min(count, length - at);
      run(kind, x + row * pairs.x_step + at, y + row * pairs.y_step + at, n, slope);
    }
  });
}

template <class T>
void activate_grad(const Exec& exec, Activation kind, T slope, const T* x, const T* dy, T* dx,
                   index_t n) noexcept {
  const auto run = exec.kernels<T>().elementwise.activate_grad;
  for_blocks(exec, n, cost(kind), [&](index_t start, index_t count) {
    run(kind, x + start, dy + start, dx + start, count, slope);
  });
}

template <class T>
void activate_grad_from_output(const Exec& exec, Activation kind, T slope, const T* y, const T* dy,
                               T* dx, index_t n) noexcept {
  const auto run = exec.kernels<T>().elementwise.activate_grad_from_output;
  for_blocks(exec, n, 1, [&](index_t start, index_t count) {
    run(kind, y + start, dy + start, dx + start, count, slope);
  });
}

template <class T>
void softmax(const Exec& exec, const SoftmaxShape& shape, const T* x, T* y) noexcept {
  const auto& kernels = exec.kernels<T>().elementwise;
  for_lines(
      exec, shape,
      [&](index_t first, index_t count) {
        for (index_t row = first; row < first + count; ++row)
          kernels.softmax_row(x + row * shape.n, y + row * shape.n, shape.n);
      },
      [&](index_t at, index_t width) {
        kernels.softmax_columns(x + at, y + at, shape.n, shape.inner, width);
      });
}

template <class T>
void softmax_grad(const Exec& exec, const SoftmaxShape& shape, const T* x, const T* dy,
                  T* dx) noexcept {
  const auto& kernels = exec.kernels<T>().elementwise;
  for_lines(
      exec, shape,
      [&](index_t first, index_t count) {
        for (index_t at = first * shape.n; at < (first + count) * shape.n; at += shape.n) {
          kernels.softmax_row(x + at, dx + at, shape.n);
          kernels.softmax_row_grad(dx + at, dy + at, shape.n);
        }
      },
      [&](index_t at, index_t width) {
        kernels.softmax_columns(x + at, dx + at, shape.n, shape.inner, width);
        kernels.softmax_columns_grad(dx + at, dy + at, shape.n, shape.inner, width);
      });
}

template void activate<float>(const Exec&, Activation, float, const float*, float*,
                              const RowPairs&) noexcept;
template void activate<double>(const Exec&, Activation, double, const double*, double*,
                               const RowPairs&) noexcept;
template void activate_grad<float>(const Exec&, Activation, float, const float*, const float*,
                                   float*, index_t) noexcept;
template void activate_grad<double>(const Exec&, Activation, double, const double*, const double*,
                                    double*, index_t) noexcept;
template void activate_grad_from_output<float>(const Exec&, Activation, float, const float*,
                                               const float*, float*, index_t) noexcept;
template void activate_grad_from_output<double>(const Exec&, Activation, double, const double*,
                                                const double*, double*, index_t) noexcept;
template void softmax<float>(const Exec&, const SoftmaxShape&, const float*, float*) noexcept;
template void softmax<double>(const Exec&, const SoftmaxShape&, const double*, double*) noexcept;
template void softmax_grad<float>(const Exec&, const SoftmaxShape&, const float*, const float*,
                                  float*) noexcept;
template void softmax_grad<double>(const Exec&, const SoftmaxShape&, const double*, const double*,
                                   double*) noexcept;

}  // namespace fastconv
