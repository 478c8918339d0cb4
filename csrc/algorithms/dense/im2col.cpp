// SPDX-License-Identifier: MIT
// Convolution as a matrix product, C(m x pixels) = W(m x k) * im2col(k x pixels). Of the im2col
// matrix only a block of pixels by a slice of terms exists at any time, so that the workspace does
// not grow with the image.
#include "algorithms/common/blocking.h"
#include "algorithms/common/share_out.h"
#include "algorithms/dense/dense.h"
#include "algorithms/dense/im2col_cost.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::dense {
namespace {

// Where tiles read pixels.
struct PixelForm {
  // Whether panels of pixels are packed from the image. If not, which only pointwise problems
  // allow, tiles read the planes of the image as they lie.
  bool packs;
  // Whether a panel may hold pixels of several images. Then it is always packed.
  bool merged;
};

// How a correlation is cut. A task computes a chunk of the output channels for a block of pixels of
// one image and group, or of all images of a group if these are merged. More threads may get
// smaller tasks: that changes no sum.
struct Cut {
  Tile tile;
  index_t images;       // pairs of image and group; the groups alone if images are merged
  index_t pixels;       // of each of these
  index_t kc;           // terms of a slice
  index_t panels;       // of nr pixels, into which the pixels are cut
  index_t blocks;       // into which the panels are cut
  index_t chunks;       // into which the output channels are cut
  index_t most_panels;  // of one block
  bool scatter;  // whether the outputs of a block wait in a buffer to be copied to their places
  index_t tasks() const { return images * blocks * chunks; }
};

// The cycles that the busiest thread spends on each term if the pixels are cut into `blocks` and
// the output channels into `chunks`: two FMAs of vectors take a cycle, and packing a vector
// takes 3.
double busiest(const Cut& cut, index_t m, bool packs, index_t blocks, index_t chunks,
               index_t threads) {
  const Tile& tile = cut.tile;
  const index_t lanes = tile.nr / tile.nv, most = ceil_div(cut.pixels, lanes);
  const index_t vectors = std::min(ceil_div(cut.panels, blocks) * tile.nv, most);
  const index_t rows = std::min(ceil_div(ceil_div(m, tile.mr), chunks) * tile.mr, m);
  const index_t rounds = ceil_div(cut.images * blocks * chunks, threads);
  return double(rounds) * double(vectors) * (double(rows) / 2 + (packs ? 3 : 0));
}

template <class T>
Cut cut_for(const Correlation& r, const PixelForm& form, const Exec& exec) {
  Cut cut{};
  cut.images = form.merged ? r.groups : r.batch * r.groups;
  cut.pixels = form.merged ? r.batch * r.pixels() : r.pixels();
  cut.tile = choose_tile(exec.kernels<T>().conv.gemm, r.m);
  cut.kc = choose_kc<T>(r.k());
  cut.panels = ceil_div(cut.pixels, cut.tile.nr);
  cut.scatter = form.merged || !r.plain_output();
  const index_t threads = useful_threads(exec.threads, r.fmas(), exec.threads).threads;
  index_t columns = choose_nc<T>(cut.kc, cut.tile.nr);
  // The buffer in which the outputs of merged images wait takes at most half of L2.
  if (form.merged) columns = std::min(columns, cache_sizes().l2 / 2 / (r.m * index_t{sizeof(T)}));
  const Cuts cuts =
      share_out(ceil_div(cut.panels, std::max(columns / cut.tile.nr, index_t{1})), cut.panels,
                ceil_div(r.m, cut.tile.mr), cut.images, threads, [&](const Cuts& one) {
                  return busiest(cut, r.m, form.packs, one.blocks, one.chunks, threads);
                });
  cut.blocks = cuts.blocks, cut.chunks = cuts.chunks;
  cut.most_panels = ceil_div(cut.panels, cut.blocks);
  return cut;
}

// The scratch memory of one thread, in bytes: the segments of a panel of pixels, the packed panels
// of a block, and the outputs of a block that wait to be copied.
struct Sizes {
  index_t segments, b, c;
  index_t all() const { return segments + b + c; }
};

template <class T>
Sizes sizes_for(const Correlation& r, const Cut& cut, bool packs) {
  constexpr index_t item = sizeof(T);
  const index_t columns = cut.most_panels * cut.tile.nr;
  return {cache_lines(packs ? cut.tile.nr * index_t{sizeof(RowSegment)} : 0),
          cache_lines(packs ? columns * cut.kc * item : 0),
          cache_lines(cut.scatter ? columns * r.m * item : 0)};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const PixelForm& form, const Exec& exec, const Cut& cut,
       std::byte* memory, index_t index) noexcept
      : job_(job), r_(job.r), exec_(exec), cut_(cut), packs_(form.packs), merged_(form.merged) {
    const Sizes sizes = sizes_for<T>(r_, cut, packs_);
    segments_ = reinterpret_cast<RowSegment*>(memory);
    b_ = reinterpret_cast<T*>(memory + sizes.segments);
    c_ = reinterpret_cast<T*>(memory + sizes.segments + sizes.b);
    const index_t chunk = index % cut.chunks, block = index / cut.chunks % cut.blocks;
    const index_t image = index / cut.chunks / cut.blocks;  // the group, if images are merged
    n_ = image / r_.groups, g_ = image % r_.groups;
    panels_ = part(cut.panels, cut.blocks, block);
    const Range rows = part(ceil_div(r_.m, cut.tile.mr), cut.chunks, chunk);
    rows_ = {rows.begin * cut.tile.mr, std::min(r_.m, rows.end * cut.tile.mr)};
    // The task that this thread will take next if the others keep pace.
    const index_t later = index + exec.threads, block_later = later / cut.chunks % cut.blocks;
    const index_t image_later = later / cut.chunks / cut.blocks;
    if (image_later < cut.images) {
      const Range p = part(cut.panels, cut.blocks, block_later);
      next_x_ = job.image(image_later / r_.groups, image_later % r_.groups) + first_pixel(p.begin);
      next_panels_ = p.size();
    }
  }

  void run() noexcept {
    if (merged_ && job_.residual)
      each_run([&](T* c, index_t image, index_t row, index_t at, index_t n) {
        std::copy_n(job_.residual_of(image, g_, row) + at, n, c);
      });
    for (index_t k0 = 0; k0 < r_.k(); k0 += cut_.kc) {
      const index_t k1 = std::min(r_.k(), k0 + cut_.kc);
      if (packs_) pack(k0, k1);
      for (index_t row = rows_.begin; row < rows_.end; row += cut_.tile.mr)
        for (index_t p = panels_.begin; p < panels_.end; ++p) multiply(row, p, k0, k1);
    }
    if (cut_.scatter) scatter();
  }

 private:
  index_t first_pixel(index_t panel) const { return panel * cut_.tile.nr; }
  index_t pixels(index_t panel) const {
    return std::min(cut_.tile.nr, cut_.pixels - first_pixel(panel));
  }
  index_t lanes() const { return exec_.kernels<T>().conv.gemm.lanes; }
  // n pixels as whole vectors.
  index_t padded(index_t n) const { return ceil_div(n, lanes()) * lanes(); }
  T* packed(index_t panel) const { return b_ + (panel - panels_.begin) * cut_.tile.nr * cut_.kc; }

  // Packs terms k0..k1 of all panels of pixels.
  void pack(index_t k0, index_t k1) noexcept {
    for (index_t p = panels_.begin; p < panels_.end; ++p) {
      const index_t n = pixels(p);
      exec_.kernels<T>().conv.pack_panel(
          {.image = job_.image(n_, g_),
           .image_step = job_.x_image,
           .h = r_.h.reads(),
           .w = r_.w.reads(),
           .mode = r_.mode,
           .k0 = k0,
           .k1 = k1,
           .segments = segments_,
           .n_segments = split_rows(r_, first_pixel(p), n, segments_),
           .width = padded(n),
           .ld = padded(n),
           .dst = packed(p)});
    }
  }

  // The weights that are needed after those of the panel at `row` and terms k0..k1, or null.
  const T* weights_after(index_t row, index_t k0, index_t k1) const {
    index_t next = row + cut_.tile.mr, k = k0;
    if (next >= rows_.end) next = rows_.begin, k = k1;
    if (k == r_.k()) return nullptr;
    return job_.packed + (g_ * r_.m + next) * r_.k() + k * std::min(cut_.tile.mr, r_.m - next);
  }

  // Where the image is read after this panel of pixels: at the next one, or the first one again.
  const T* rows_after(index_t panel, index_t k0) const {
    const index_t next = panel + 1 < panels_.end ? panel + 1 : panels_.begin;
    return job_.image(n_, g_) + k0 * r_.in_plane() + first_pixel(next);
  }

  struct Next {  // TileArgs::next and next_step
    const T* from;
    index_t step;
  };
  // What a tile fetches while it computes. With the first panel of pixels that is the next panel of
  // weights. With each of the last two panels of weights it is half of the pixels that are needed
  // next, of the next slice or of the next task, unless pixels are packed.
  Next fetched_beside(index_t row, index_t panel, index_t k0, index_t k1) const {
    if (panel == panels_.begin) return {weights_after(row, k0, k1), 0};
    const index_t left = ceil_div(rows_.end - row, cut_.tile.mr);
    if (packs_ || left > 2) return {nullptr, 0};
    const index_t second = left == 1 ? (k1 - k0) / 2 : 0;
    if (k1 < r_.k())
      return {job_.image(n_, g_) + (k1 + second) * r_.in_plane() + first_pixel(panel),
              r_.in_plane()};
    if (next_x_ == nullptr || panel - panels_.begin >= next_panels_) return {nullptr, 0};
    return {next_x_ + second * r_.in_plane() + first_pixel(panel - panels_.begin), r_.in_plane()};
  }

  // Adds terms k0..k1 to the outputs of one panel of weights by one panel of pixels.
  void multiply(index_t row, index_t panel, index_t k0, index_t k1) noexcept {
    const auto& gemm = exec_.kernels<T>().conv.gemm;
    const index_t rows = std::min(cut_.tile.mr, r_.m - row), n = pixels(panel);
    const index_t nv = ceil_div(n, lanes()), first = first_pixel(panel);
    const index_t ldc = cut_.scatter ? cut_.most_panels * cut_.tile.nr : r_.out_plane();
    T* c = cut_.scatter ? c_ + row * ldc + first - first_pixel(panels_.begin)
                        : job_.y + job_.plane(n_, g_, row) + first;
    const T* start = !job_.residual ? nullptr : merged_ ? c : job_.residual_of(n_, g_, row) + first;
    const Next next = fetched_beside(row, panel, k0, k1);
    gemm.run_gemm[rows - 1][nv - 1]({
        .k = k1 - k0,
        .a = job_.packed + (g_ * r_.m + row) * r_.k() + k0 * rows,
        .b = packs_ ? packed(panel) : job_.image(n_, g_) + k0 * r_.in_plane() + first,
        .ldb = packs_ ? padded(n) : r_.in_plane(),
        .offsets = nullptr,
        .c = c,
        .ldc = ldc,
        .init = k0 == 0 ? start : c,
        .bias = k0 == 0 ? job_.bias_of(g_, row) : nullptr,
        .tail = static_cast<int>(n - (nv - 1) * lanes()),
        .limits = k1 == r_.k() ? job_.limits : nullptr,
        .contended = exec_.threads > 1 && k0 == 0 && !cut_.scatter,
        .next = next.from,
        .next_step = next.step,
        .b_next = packs_ ? nullptr : rows_after(panel, k0),
    });
    if (k1 == r_.k()) activate_rest(job_, exec_, job_.channel(g_, row), c, ldc, rows, n);
  }

  // Calls f(c, image, row, at, n) for every run of n outputs that are neighbours both in the
  // buffer, at c, and in the plane of output channel `row`, at index `at`.
  template <class F>
  void each_run(const F& f) const noexcept {
    const index_t ldc = cut_.most_panels * cut_.tile.nr, plane = r_.pixels();
    const index_t first = first_pixel(panels_.begin);
    const index_t end = std::min(cut_.pixels, first_pixel(panels_.end));
    for (index_t row = rows_.begin; row < rows_.end; ++row)
      for (index_t q = first, n = 0; q < end; q += n) {
        n = std::min(end - q, plane - q % plane);
        f(c_ + row * ldc + q - first, n_ + q / plane, row, q % plane, n);
      }
  }

  // Copies finished outputs from the buffer to y.
  void scatter() noexcept {
    if (r_.plain_output())
      return each_run([&](const T* c, index_t image, index_t row, index_t at, index_t n) {
        std::copy_n(c, n, job_.y + job_.plane(image, g_, row) + at);
      });
    const index_t ldc = cut_.most_panels * cut_.tile.nr;
    for (index_t p = panels_.begin; p < panels_.end; ++p) {
      const index_t count = split_rows(r_, first_pixel(p), pixels(p), segments_);
      for (index_t row = rows_.begin; row < rows_.end; ++row) {
        const T* from = c_ + row * ldc + (p - panels_.begin) * cut_.tile.nr;
        for (index_t s = 0; s < count; ++s)
          scatter_row(r_, from + segments_[s].dst, segments_[s].n, segments_[s].oh, segments_[s].ow,
                      job_.y + job_.plane(n_ + segments_[s].image, g_, row));
      }
    }
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Exec& exec_;
  const Cut& cut_;
  const bool packs_, merged_;
  RowSegment* segments_;
  T* b_;                       // packed panels of pixels
  T* c_;                       // the buffer of outputs
  index_t n_, g_;              // image and group
  Range panels_, rows_;        // panels of pixels, and output channels
  const T* next_x_ = nullptr;  // the pixels of the next task, if they are read as they lie
  index_t next_panels_ = 0;    // and how many panels of them there are
};

template <class T>
class PreparedIm2col final : public PreparedPhase<T> {
 public:
  PreparedIm2col(const Correlation& r, const char* family, const PixelForm& form, const Exec& exec)
      : PreparedPhase<T>(r, family), form_(form), cut_(cut_for<T>(r, form, exec)) {
    this->use_panels(cut_.tile.mr);
    this->scratch_bytes_ = exec.threads * sizes_for<T>(r, cut_, form.packs).all();
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job = this->job(args);
    const Correlation& r = job.r;
    const index_t tasks = cut_.tasks(), each = sizes_for<T>(r, cut_, form_.packs).all();
    parallel_for(tasks, useful_threads(tasks, r.fmas(), exec.threads),
                 [&](index_t task, int thread) {
                   Task<T>(job, form_, exec, cut_, scratch + thread * each, task).run();
                 });
  }

 private:
  PixelForm form_;
  Cut cut_;
};

// The entries im2col and pointwise, which differ only in where tiles read pixels.
template <class T>
class Im2col final : public PhaseAlgorithm<T> {
 public:
  Im2col(const char* name, bool packs) : PhaseAlgorithm<T>(name, name), packs_(packs) {}

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    if (!packs_ && !is_pointwise(r))
      return refusal("it takes 1x1 kernels with stride 1 and no padding");
    const PhaseCost phase = PhaseCost::of<T>(r, exec);
    return offered(Im2colCost(phase, packs_).cycles(), phase.packed_panels(), phase.weight_bytes(),
                   request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r, const Request&,
                                                        const Exec& exec) const override {
    const bool merged = Im2colCost(PhaseCost::of<T>(r, exec), packs_).merges();
    const PixelForm form{.packs = packs_ || merged, .merged = merged};
    return std::make_unique<const PreparedIm2col<T>>(r, this->family(), form, exec);
  }

 private:
  bool packs_;
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& im2col() {
  static const Im2col<T> entry("im2col", true);
  return entry;
}
template const PhaseAlgorithm<float>& im2col();
template const PhaseAlgorithm<double>& im2col();

template <class T>
const PhaseAlgorithm<T>& pointwise() {
  static const Im2col<T> entry("pointwise", false);
  return entry;
}
template const PhaseAlgorithm<float>& pointwise();
template const PhaseAlgorithm<double>& pointwise();

}  // namespace fastconv::dense
