// SPDX-License-Identifier: MIT
// Depthwise layers as networks have them, 3x3, 5x5 and 7x7 at stride 1, straight from the image:
// rows beyond its border are one row of zeros, columns beyond it are masked. A strip, which costs
// as much as these few FMAs, is what this saves (960@7: 138 -> 40 ns a channel).
#include "algorithms/blocking.h"
#include "algorithms/loops.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// Neighbouring taps are `step` apart in the image, none zero; or there is no such order.
index_t even_step(const TapAxis& axis) {
  if (axis.n_taps() == 1) return 1;
  const index_t step = axis.taps[1].offset - axis.taps[0].offset;
  for (std::size_t i = 1; i < axis.taps.size(); ++i)
    if (axis.taps[i].offset - axis.taps[i - 1].offset != step) return 0;
  return step;
}

// The taps of an axis from the start of the image on, in the order of the weights or against it.
struct Order {
  index_t offset, step, first, turn;  // of offsets; the first tap, and +1 or -1
  explicit Order(const TapAxis& axis) {
    const index_t signed_step = even_step(axis);
    turn = signed_step > 0 ? 1 : -1;
    step = signed_step * turn;
    first = turn > 0 ? 0 : axis.n_taps() - 1;
    offset = axis.taps[static_cast<std::size_t>(first)].offset;
  }
};

// Where a filter's weights lie: packed in the order of the taps, or raw.
template <class T>
struct Filter {
  const T* first;
  index_t row, column;

  Filter(const Job<T>& job, bool packed, const Order& h, const Order& w, index_t g, index_t m) {
    const Correlation& r = job.r;
    const auto place = [&](const TapAxis& axis, index_t tap) {
      return packed ? tap : axis.taps[static_cast<std::size_t>(tap)].kernel;
    };
    const auto turn = [&](const TapAxis& axis, const Order& order) {
      return axis.n_taps() == 1 ? 0
                                : place(axis, order.first + order.turn) - place(axis, order.first);
    };
    const index_t pitch = packed ? r.w.n_taps() : r.w_row;
    first =
        packed ? job.weights + (g * r.m + m) * r.k() : job.raw_weights + g * r.w_group + m * r.w_m;
    first += place(r.h, h.first) * pitch + place(r.w, w.first);
    row = turn(r.h, h) * pitch, column = turn(r.w, w);
  }
};

template <class T>
void run_plane(const Job<T>& job, bool packed, const Order& h, const Order& w, const Exec& exec,
               const T* zeros, index_t n, index_t g) noexcept {
  constexpr int kMostRows = 8 + 6;  // of the image, that a tile reads
  const Correlation& r = job.r;
  const auto& depthwise = exec.kernels<T>().conv.depthwise;
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes, height = r.h.n_taps();
  const index_t vectors = ceil_div(r.w.count, lanes);
  const index_t column_tiles = ceil_div(vectors, index_t{kDepthwiseNv});
  const index_t most = depthwise.rows[ceil_div(vectors, column_tiles) - 1];
  const index_t row_tiles = ceil_div(r.h.count, most);  // the widest tile has the fewest rows
  const T* image = job.image(n, g);
  for (index_t row_tile = 0; row_tile < row_tiles; ++row_tile) {
    const Range lines = part(r.h.count, row_tiles, row_tile);
    const T* rows[kMostRows];
    for (index_t i = 0; i < depthwise.rows[0] + height - 1; ++i) {
      const index_t at = lines.begin + i + h.offset;
      rows[i] = at >= 0 && at < r.h.in ? image + at * r.w.in : zeros;
    }
    for (index_t m = 0; m < r.m; ++m) {
      const Filter<T> filter(job, packed, h, w, g, m);
      const index_t plane = job.plane(n, g, m) + lines.begin * r.w.out;
      for (index_t tile = 0; tile < column_tiles; ++tile) {
        const Range range = part(vectors, column_tiles, tile);
        const index_t column = range.begin * lanes, left = r.w.count - column;
        const index_t columns = std::min(range.size() * lanes, left);
        const index_t shape = range.size() - 1, at = plane + column;
        depthwise.run_rows[(height - 3) / 2][shape](
            {.rows = rows,
             .width = r.w.in,
             .start = column + w.offset,
             .w_taps = r.w.n_taps(),
             .w_step = w.step,
             .a = filter.first,
             .a_row = filter.row,
             .a_column = filter.column,
             .c = job.y + at,
             .ldc = r.w.out,
             .init = job.residual ? job.residual + at : nullptr,
             .bias = job.bias ? job.bias[g * r.m + m] : T{0},
             .lines = static_cast<int>(lines.size()),
             .tail = static_cast<int>(columns - shape * lanes)});
      }
      activate_rows(job, exec, job.y + plane, r.w.out, lines.size(), r.w.count);
    }
  }
}

}  // namespace

bool takes_rows(const Correlation& r) {
  const index_t height = r.h.n_taps(), step = even_step(r.h);
  return is_depthwise(r) && r.mode == PadMode::zeros && r.plain_output() && r.h.in_step == 1 &&
         r.w.in_step == 1 && (height == 3 || height == 5 || height == 7) &&
         (step == 1 || step == -1) && even_step(r.w) != 0;
}

template <class T>
index_t depthwise_rows_scratch(const Correlation& r) {
  return r.w.in * index_t{sizeof(T)};
}

template <class T>
void depthwise_rows(const Job<T>& job, bool packed, const Exec& exec, std::byte* scratch) noexcept {
  const Correlation& r = job.r;
  T* zeros = reinterpret_cast<T*>(scratch);
  std::fill_n(zeros, r.w.in, T{0});
  const Order h(r.h), w(r.w);
  // Sharing out a task takes 50 ns, a small plane no more.
  const index_t planes = r.batch * r.groups;
  const index_t tasks = std::min<index_t>(planes, 16 * exec.threads);
  parallel_for(tasks, useful_threads(tasks, 4 * r.fmas(), exec.threads), [&](index_t task, int) {
    const Range some = part(planes, tasks, task);
    for (index_t i = some.begin; i < some.end; ++i)
      run_plane(job, packed, h, w, exec, zeros, i / r.groups, i % r.groups);
  });
}

template index_t depthwise_rows_scratch<float>(const Correlation&);
template index_t depthwise_rows_scratch<double>(const Correlation&);
template void depthwise_rows(const Job<float>&, bool, const Exec&, std::byte*) noexcept;
template void depthwise_rows(const Job<double>&, bool, const Exec&, std::byte*) noexcept;

}  // namespace fastconv
