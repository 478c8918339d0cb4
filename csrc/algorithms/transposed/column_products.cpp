// SPDX-License-Identifier: MIT
// Few output channels from many input channels. For each row of the kernel, all its weights are
// first multiplied by each pixel, which is a matrix product on the planes as they lie. Then these
// products are added to the outputs, each row of the product shifted by the offset of its tap. A
// pixel is loaded once for all taps of a row; if each output were summed alone, it would be loaded
// for each of its few FMAs (1@16000 -> 512 k10 s5, input gradient, two threads: 814 -> 349 us).
#include <algorithm>
#include <cmath>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/cost.h"
#include "algorithms/correlation/fill.h"
#include "algorithms/correlation/pack_weights.h"
#include "algorithms/transposed/column_layout.h"
#include "algorithms/transposed/phase_block.h"
#include "algorithms/transposed/transposed.h"
#include "core/cache.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::transposed {
namespace {

struct Span {
  index_t begin, end;
};

// Which of n outputs, the first of which has the number `start`, read an element of an axis with
// `size` elements through a tap of this offset. The result counts from `start`.
Span reached(index_t start, index_t n, index_t offset, index_t size) {
  const index_t begin = std::clamp(-(start + offset), index_t{0}, n);
  return {begin, std::clamp(size - start - offset, begin, n)};
}

// Adds the products of a block, one row of the kernel after another, to the outputs in a buffer.
template <class T>
class Sums {
 public:
  Sums(const Job<T>& job, const ColumnLayout& layout, const Exec& exec, index_t n, index_t g,
       const PixelBlock& block, T* products) noexcept
      : r_(job.r),
        l_(layout),
        gemm_(exec.kernels<T>().conv.gemm),
        block_(block),
        products_(products) {
    image_ = job.image(n, g);
    weights_ = job.packed + g * layout.packed(r_.c);
    // The columns of the image whose products the block needs are neighbours.
    first_ = std::clamp(block.column + layout.first, index_t{0}, r_.w.in);
    width_ = std::clamp(block.column + block.columns + layout.last, first_, r_.w.in) - first_;
    std::fill_n(ones_, kMostTaps, T{1});
  }

  // Adds one row of the kernel to the outputs c, whose channels lie ld and whose rows `pitch`
  // apart.
  void add(std::size_t kernel_row, T* c, index_t ld, index_t pitch) noexcept {
    const auto& row = l_.kernel_rows[kernel_row];
    const auto [top, end] = reached(block_.row, block_.rows, row.offset, r_.h.in);
    if (top >= end || width_ == 0) return;
    multiply(static_cast<index_t>(kernel_row), block_.row + top + row.offset, end - top);
    for (const auto& taps : row.taps)
      for (index_t m = 0; m < r_.m; ++m) {
        T* y = c + (static_cast<index_t>(taps.phase) * r_.m + m) * ld + top * pitch;
        for (index_t i = 0; i < end - top; ++i, y += pitch) shift(taps, m, i, y);
      }
  }

 private:
  // Computes the products of `lines` rows of the image, from `row` on.
  void multiply(index_t kernel_row, index_t row, index_t lines) noexcept {
    const bool whole = width_ == r_.w.in;  // then the pixels of all rows are neighbours
    const index_t runs = whole ? 1 : lines, n = whole ? lines * width_ : width_;
    const T* panel = weights_ + kernel_row * l_.rows * r_.c;
    for (index_t run = 0; run < runs; ++run) {
      const T* x = image_ + (row + run) * r_.w.in + first_;
      T* to = products_ + run * width_;
      for (index_t k = 0; k < r_.c; k += l_.kc)
        for (index_t i = 0; i < l_.rows; i += l_.tile.mr) multiply_panel(panel, x, to, k, i, n);
    }
  }

  // Adds a slice, from input channel k on, to the products of n pixels at x with one panel of the
  // weights, from row i of the matrix on.
  void multiply_panel(const T* panel, const T* x, T* to, index_t k, index_t i, index_t n) noexcept {
    const index_t mr = std::min(l_.tile.mr, l_.rows - i), kc = std::min(l_.kc, r_.c - k);
    const T* a = panel + i * r_.c + k * mr;
    for (index_t j = 0; j < n; j += l_.tile.nr) {
      const index_t pixels = std::min(l_.tile.nr, n - j), nv = ceil_div(pixels, gemm_.lanes);
      T* c = to + i * l_.pixels + j;
      gemm_.run_gemm[mr - 1][nv - 1](
          {.k = kc,
           .a = a,
           .b = x + k * r_.in_plane() + j,
           .ldb = r_.in_plane(),
           .offsets = nullptr,
           .c = c,
           .ldc = l_.pixels,
           .init = k == 0 ? nullptr : c,
           .bias = nullptr,
           .tail = static_cast<int>(pixels - (nv - 1) * gemm_.lanes),
           .b_next = x + k * r_.in_plane() + (j + pixels < n ? j + pixels : 0)});
    }
  }

  // Adds the products of line i with output channel m to a row of outputs, y. Where all taps read
  // the image, a tile adds all of them together.
  void shift(const ColumnLayout::Taps& taps, index_t m, index_t i, T* y) noexcept {
    const auto n = static_cast<index_t>(taps.offset.size());
    const index_t columns = std::min(block_.columns, taps.count - block_.column);
    const T* line = products_ + (taps.row + m * n) * l_.pixels + i * width_ - first_;
    Span inner{0, std::max(columns, index_t{0})};
    index_t offsets[kMostTaps + kAhead];
    for (index_t t = 0; t < n; ++t) {
      const index_t offset = taps.offset[static_cast<std::size_t>(t)];
      const auto [begin, end] = reached(block_.column, inner.end, offset, r_.w.in);
      inner = {std::max(inner.begin, begin), std::max(std::min(inner.end, end), inner.begin)};
      offsets[t] = t * l_.pixels + block_.column + offset;
    }
    for (index_t t = 0; t < n; ++t) {  // the outputs for which only some taps read the image
      const auto [begin, end] =
          reached(block_.column, columns, taps.offset[static_cast<std::size_t>(t)], r_.w.in);
      for (index_t j = begin; j < std::min(end, inner.begin); ++j) y[j] += line[offsets[t] + j];
      for (index_t j = std::max(begin, inner.end); j < end; ++j) y[j] += line[offsets[t] + j];
    }
    for (index_t t = 0; t < kAhead; ++t) offsets[n + t] = offsets[0];
    const index_t most = gemm_.max_nv[1] * gemm_.lanes;
    for (index_t j = inner.begin; j < inner.end; j += most) {
      const index_t some = std::min(most, inner.end - j), nv = ceil_div(some, gemm_.lanes);
      gemm_.run_indirect[0][nv - 1]({.k = n,
                                     .a = ones_,
                                     .b = line + j,
                                     .ldb = 0,
                                     .offsets = offsets,
                                     .c = y + j,
                                     .ldc = 0,
                                     .init = y + j,
                                     .bias = nullptr,
                                     .tail = static_cast<int>(some - (nv - 1) * gemm_.lanes)});
    }
  }

  const Correlation& r_;
  const ColumnLayout& l_;
  const GemmKernels<T>& gemm_;
  const PixelBlock& block_;
  T* products_;                // rows of the matrix, l_.pixels apart
  const T *image_, *weights_;  // of the image and group at hand
  index_t first_, width_;      // the columns of the image: the first, and how many there are
  T ones_[kMostTaps];          // the weights of tiles that only add
};

template <class T>
class PreparedColumns final : public Prepared<T> {
 public:
  PreparedColumns(const Problem& problem, const Exec& exec)
      : outputs_(problem),
        complete_(problem.complete),
        phases_(problem.phases),
        layout_(column_layout<T>(phases_, exec)) {
    for (const Correlation& r : phases_) {
      height_ = std::max(height_, r.h.count), width_ = std::max(width_, r.w.count);
      fmas_ += r.fmas();
    }
    const Correlation& r = phases_.front();
    const index_t item = sizeof(T);
    // A tile reads whole vectors, beyond the end of the products.
    const index_t slack = kMaxNv * exec.kernels<T>().conv.gemm.lanes + 1;
    this->packed_elements_ = r.groups * layout_.packed(r.c);
    product_bytes_ = cache_lines((layout_.rows * layout_.pixels + slack) * item);
    buffer_bytes_ = cache_lines(layout_.block.elements(phases_) * item);
    this->scratch_bytes_ = exec.threads * (product_bytes_ + buffer_bytes_);
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    pack_columns(phases_.front(), layout_, weights, packed, exec);
  }
  PackingKey packing() const override {
    PackingKey key = start_of_key(Packing::columns, phases_.front());
    key.insert(key.end(), {layout_.tile.mr, layout_.rows});
    for (const auto& row : layout_.kernel_rows)
      key.insert(key.end(), row.weights.begin(), row.weights.end());
    return key;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    if (!complete_) fill_with_bias(outputs_, args, exec);
    const Job<T> job{args, phases_.front()};
    const PixelBlocks blocks(height_, width_, layout_.block.rows, layout_.block.columns);
    const index_t tasks = job.r.batch * job.r.groups * blocks.count();
    parallel_for(tasks, useful_threads(tasks, fmas_, exec.threads), [&](index_t task, int thread) {
      std::byte* memory = scratch + thread * (product_bytes_ + buffer_bytes_);
      T* buffer = reinterpret_cast<T*>(memory + product_bytes_);
      const index_t n = task / blocks.count() / job.r.groups;
      const index_t g = task / blocks.count() % job.r.groups;
      const PixelBlock at = blocks.at(task % blocks.count());
      start(job, g, at, buffer);
      Sums<T> sums(job, layout_, exec, n, g, at, reinterpret_cast<T*>(memory));
      for (std::size_t i = 0; i < layout_.kernel_rows.size(); ++i)
        sums.add(i, buffer, layout_.block.plane(), layout_.block.columns);
      PhaseBlock<T>(args, phases_, layout_.block, exec, buffer, n, g, at).store();
    });
  }

  std::string family() const override { return kFamily; }

 private:
  // Starts the outputs of a block with the bias.
  void start(const Job<T>& job, index_t g, const PixelBlock& block, T* buffer) const noexcept {
    const index_t n = block.rows * layout_.block.columns;
    for (std::size_t i = 0; i < phases_.size(); ++i)
      for (index_t m = 0; m < job.r.m; ++m, buffer += layout_.block.plane())
        std::fill_n(buffer, n, job.bias ? *job.bias_of(g, m) : T{0});
  }

  Outputs outputs_;
  bool complete_;
  std::vector<Correlation> phases_;
  ColumnLayout layout_;
  index_t height_ = 1, width_ = 1;  // of the largest phase, in outputs
  double fmas_ = 0;
  index_t product_bytes_ = 0, buffer_bytes_ = 0;  // of each thread's products and outputs
};

// The sums of a row of outputs: those of `inner` outputs, whose taps all read the image, in
// vectors, the others `apart`, product by product.
struct RowSums {
  explicit RowSums(const TapAxis& axis) {
    index_t begin = 0, end = axis.count;
    for (const Tap& tap : axis.taps) {
      begin = std::max(begin, -tap.offset), end = std::min(end, axis.in - tap.offset);
      apart += double(outputs_within(axis, tap));
    }
    inner = std::max(end - begin, index_t{0});
    apart -= double(axis.n_taps()) * double(inner);
  }
  index_t inner = 0;
  double apart = 0;
};

template <class T>
class Columns final : public Algorithm<T> {
 public:
  Columns() : Algorithm<T>("column_products", kFamily) {}

  Offer offer(const Problem& problem, const Exec& exec) const override {
    if (const char* reason = why_no_columns(problem.phases)) return refusal(reason);
    // A vector of products, loaded and added to its outputs, which are loaded and stored for each
    // row of the kernel.
    // Where only some taps of a row read the image, a product is added to an output alone.
    constexpr double kAdded = 0.7, kOutput = 7, kRow = 25, kApart = 5;
    constexpr double kProduct = 5;  // a vector of products is written to L2
    const Correlation& r = problem.phases.front();
    const PhaseCost cost = PhaseCost::of<T>(r, exec);
    double image = 0, vectors = 0, tiles = 0, packing = 0, bytes = 0;
    index_t taps_of_row = 0;
    // Phases come row by row; all rows have the same phases.
    for (const Correlation& phase : problem.phases)
      if (phase.h.out_start == r.h.out_start) taps_of_row += phase.w.n_taps();
    const Tile tile = choose_tile(exec.kernels<T>().conv.gemm, taps_of_row * r.m);
    for (const Correlation& phase : problem.phases) {
      const PhaseCost one = PhaseCost::of<T>(phase, exec);
      const RowSums row(phase.w);
      const double columns = double(ceil_div(row.inner, cost.lanes())), apart = row.apart * kApart;
      for (const Tap& tap : phase.h.taps) {
        const index_t rows = outputs_within(phase.h, tap), pixels = rows * r.w.in;
        image += double(phase.m) * double(rows) *
                 (kRow + columns * (double(phase.w.n_taps()) * kAdded + kOutput) + apart);
        if (phase.w.out_start != r.w.out_start) continue;
        vectors += double(ceil_div(pixels, cost.lanes())),
            tiles += double(ceil_div(pixels, tile.nr));
      }
      image += store_cycles(phase, one.row_vectors(), one.lanes());
      packing += one.packed_panels(), bytes += one.weight_bytes();
    }
    image += gemm_cycles(r.c, taps_of_row * r.m, tile.mr, vectors, tiles, cost.rate()) +
             double(taps_of_row * r.m) * vectors * kProduct;
    return offered(cost.images() * image, packing, bytes, problem.request);
  }

  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedColumns<T>>(problem, exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& column_products() {
  static const Columns<T> entry;
  return entry;
}
template const Algorithm<float>& column_products();
template const Algorithm<double>& column_products();

}  // namespace fastconv::transposed
