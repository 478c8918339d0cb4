// SPDX-License-Identifier: MIT
// Many tiny images: lanes are images. A block of images is transposed, so that each element of an
// image is a row of as many images as the lanes of a tile hold, and every output is a product of
// weights with such rows. No lane is lost at the end of a row of pixels, no image costs a call, and
// taps that would read padding are left out, whatever stride and dilation.
#include <algorithm>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/cost.h"
#include "algorithms/correlation/image_parts.h"
#include "algorithms/correlation/pack_weights.h"
#include "algorithms/dense/dense.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::dense {
namespace {

struct Layout {
  std::vector<ImagePart> parts;
  std::vector<Correlation> phases;  // those of the parts, to which the panels refer
  std::vector<Panels> panels;
  std::vector<std::vector<index_t>> offsets;  // of each part: TileArgs::offsets
  std::vector<index_t> rest;                  // places of outputs that no tap reaches
  Tile tile;
};

// The elements of a group that a block has for each of its images.
index_t inputs_of(const Correlation& r) { return r.c * r.in_plane(); }
index_t outputs_of(const Correlation& r) { return r.m * r.out_plane(); }

template <class T>
Layout layout_for(const Problem& problem, const Exec& exec) {
  Layout l{};
  l.parts = image_parts(problem.phases);
  l.tile = choose_tile(exec.kernels<T>().conv.gemm, problem.phases.front().m);
  std::vector<bool> written(static_cast<std::size_t>(problem.plane));
  for (const ImagePart& part : l.parts) {
    l.phases.push_back(part.r);
    std::vector<index_t> offsets;
    for (index_t c = 0; c < part.r.c; ++c)
      for (const index_t shift : part.shifts)
        offsets.push_back((c * part.r.in_plane() + shift) * l.tile.nr);
    offsets.resize(offsets.size() + kAhead, 0);
    l.offsets.push_back(std::move(offsets));
    for (const PartOutput& output : part.outputs)
      written[static_cast<std::size_t>(output.out)] = true;
  }
  for (index_t i = 0; i < problem.plane; ++i)
    if (!written[static_cast<std::size_t>(i)]) l.rest.push_back(i);
  return l;
}

// Computes the images of a block for one group. `strip` has a row of nr images for each element of
// an image, `outputs` one for each element of a result.
template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Layout& layout, const Exec& exec, T* strip, T* outputs,
       index_t block, index_t g) noexcept
      : job_(job),
        r_(job.r),
        l_(layout),
        exec_(exec),
        strip_(strip),
        outputs_(outputs),
        g_(g),
        first_(block * layout.tile.nr),
        images_(std::min(layout.tile.nr, r_.batch - first_)) {}

  void run() noexcept {
    const index_t nr = l_.tile.nr;
    // Whole vectors are read, also where there are no more images.
    if (images_ < nr) std::fill_n(strip_, inputs_of(r_) * nr, T{0});
    transpose(job_.image(first_, g_), job_.x_image, strip_, nr, images_, inputs_of(r_));
    if (job_.residual)
      transpose(job_.residual_of(first_, g_, 0), job_.residual_image, outputs_, nr, images_,
                outputs_of(r_));
    for (index_t m = 0; m < r_.m; ++m)
      for (const index_t at : l_.rest) add_bias(m, outputs_ + (m * r_.out_plane() + at) * nr);
    for (std::size_t i = 0; i < l_.parts.size(); ++i) multiply(i);
    for (index_t m = 0; m < r_.m; ++m)
      activate_rows(job_, exec_, job_.channel(g_, m), outputs_ + m * r_.out_plane() * nr, nr,
                    r_.out_plane(), images_, 0);
    transpose(outputs_, nr, job_.y + job_.plane(first_, g_, 0), job_.y_image, outputs_of(r_),
              images_);
  }

 private:
  void transpose(const T* from, index_t ld_from, T* to, index_t ld_to, index_t rows,
                 index_t columns) noexcept {
    exec_.kernels<T>().elementwise.transpose(
        {.x = from, .ldx = ld_from, .y = to, .ldy = ld_to, .rows = rows, .columns = columns});
  }

  void add_bias(index_t m, T* row) const noexcept {
    const T bias = job_.bias ? *job_.bias_of(g_, m) : T{0};
    for (index_t i = 0; i < images_; ++i) row[i] = job_.residual ? row[i] + bias : bias;
  }

  void multiply(std::size_t i) noexcept {
    const ImagePart& part = l_.parts[i];
    const auto& gemm = exec_.kernels<T>().conv.gemm;
    const index_t nr = l_.tile.nr, lanes = gemm.lanes, nv = ceil_div(images_, lanes);
    const index_t k = part.r.k(), ldc = r_.out_plane() * nr;
    for (index_t m = 0; m < r_.m; m += l_.tile.mr) {
      const index_t rows = std::min(l_.tile.mr, r_.m - m);
      const T* panel = job_.packed + l_.panels[i].at + (g_ * r_.m + m) * k;
      for (const PartOutput& output : part.outputs) {
        T* c = outputs_ + (m * r_.out_plane() + output.out) * nr;
        gemm.run_indirect[rows - 1][nv - 1]({.k = k,
                                             .a = panel,
                                             .b = strip_ + output.in * nr,
                                             .ldb = 0,
                                             .offsets = l_.offsets[i].data(),
                                             .c = c,
                                             .ldc = ldc,
                                             .init = job_.residual ? c : nullptr,
                                             .bias = job_.bias_of(g_, m),
                                             .tail = static_cast<int>(images_ - (nv - 1) * lanes),
                                             .next = panel + k * rows});
      }
    }
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Layout& l_;
  const Exec& exec_;
  T *strip_, *outputs_;
  index_t g_, first_, images_;
};

template <class T>
class PreparedImageLanes final : public Prepared<T> {
 public:
  PreparedImageLanes(const Problem& problem, const Exec& exec)
      : r_(problem.phases.front()), layout_(layout_for<T>(problem, exec)) {
    layout_.panels = panels_of(layout_.phases, layout_.tile.mr);
    this->packed_elements_ = packed_size(layout_.panels);
    const index_t row = layout_.tile.nr * index_t{sizeof(T)};
    strip_bytes_ = cache_lines(inputs_of(r_) * row);
    this->scratch_bytes_ = exec.threads * each(row);
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    pack_panels<T>(layout_.panels, weights, packed, exec);
  }
  PackingKey packing() const override { return key_of(layout_.panels); }
  std::string family() const override { return "direct"; }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, r_};
    const index_t nr = layout_.tile.nr, blocks = ceil_div(r_.batch, nr), tasks = blocks * r_.groups;
    const index_t bytes = each(nr * index_t{sizeof(T)});
    // An element costs about as much as two vectors of FMAs.
    double work = 8 * double(r_.batch * r_.groups) * double(inputs_of(r_) + outputs_of(r_));
    for (const Correlation& part : layout_.phases) work += part.fmas();
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int thread) {
      std::byte* memory = scratch + thread * bytes;
      Task<T>(job, layout_, exec, reinterpret_cast<T*>(memory),
              reinterpret_cast<T*>(memory + strip_bytes_), task / r_.groups, task % r_.groups)
          .run();
    });
  }

 private:
  index_t each(index_t row) const { return strip_bytes_ + cache_lines(outputs_of(r_) * row); }

  const Correlation r_;
  Layout layout_;
  index_t strip_bytes_ = 0;
};

template <class T>
class ImageLanes final : public Algorithm<T> {
 public:
  ImageLanes() : Algorithm<T>("image_lanes", "direct") {}

  Offer offer(const Problem& problem, const Exec& exec) const override {
    constexpr index_t kMostElements = 4096;  // of an image or a result of one group
    constexpr double kMostTerms = 1 << 16;   // in the lists of offsets
    if (problem.phases.empty()) return refusal("no tap reaches any output");
    const Correlation& r = problem.phases.front();
    if (r.mode != PadMode::zeros) return refusal("it takes zero padding only");
    const PhaseCost phase = PhaseCost::of<T>(r, exec);
    const index_t row = phase.tile().nr * phase.item();
    if (inputs_of(r) > kMostElements || outputs_of(r) > kMostElements ||
        (inputs_of(r) + outputs_of(r)) * row > cache_sizes().l2)
      return refusal("a block of images and their results does not fit L2");
    double cycles = moved(phase), weights = 0, terms = 0, passed = 0;
    const double kernels = double(r.groups) * double(r.m) * double(r.c);
    const double panels = r.m <= kFewRows ? 0 : double(ceil_div(r.m, phase.tile().mr));
    const double passes = double(r.groups) * double(r.c) * double(std::min(r.w_m, r.w_c)) * panels;
    for (const Correlation& one : problem.phases) {
      const PartSizes sizes = part_sizes(one);
      cycles += sums(phase, sizes);
      weights += kernels * sizes.taps, passed += passes * sizes.parts;
      terms += double(r.c) * sizes.taps;
    }
    if (terms > kMostTerms) return refusal("its lists of terms would be long");
    // Cycles to pack a weight, and to pass over a tap of a panel's rows, unless these are few: a
    // kernel of 31x31 on 3x7 pixels has 21 parts, for each of which all taps are looked through.
    constexpr double kGathered = 1.5, kOneByOne = 6, kPassed = 1.2;
    const double gathered = (r.m <= kFewRows ? kOneByOne : kGathered) * weights;
    return offered(cycles, gathered + kPassed * passed, weights * double(phase.item()),
                   problem.request);
  }

  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedImageLanes<T>>(problem, exec);
  }

 private:
  // The blocks of all groups.
  static double blocks(const PhaseCost& phase) {
    return double(phase.r().groups) * double(ceil_div(phase.r().batch, phase.tile().nr));
  }
  // Transposing images and results: of small planes that lie side by side in an image an element
  // takes a cycle or less, of larger ones beyond L2 more, since so many images are so many streams.
  static double moved(const PhaseCost& phase) {
    constexpr double kElement = 0.6, kFarElement = 1.6;
    constexpr index_t kSmall = 4096;  // bytes of an image
    const Correlation& r = phase.r();
    const index_t image = r.groups * (inputs_of(r) + outputs_of(r)) * phase.item();
    const bool near = image <= kSmall || image * r.batch <= cache_sizes().l2 / 2;
    const double images =
        double(r.groups) * double(ceil_div(r.batch, phase.lanes())) * double(phase.lanes());
    return images * double(inputs_of(r) + outputs_of(r)) * (near ? kElement : kFarElement);
  }
  // The products of one phase: each output is a tile of its own.
  static double sums(const PhaseCost& phase, const PartSizes& sizes) {
    const Correlation& r = phase.r();
    const double vectors = double(r.groups) * double(ceil_div(r.batch, phase.lanes()));
    const double each = gemm_cycles(r.c, r.m, phase.tile().mr, vectors, 0, phase.rate());
    const double tiles = double(ceil_div(r.m, phase.tile().mr)) * blocks(phase) * sizes.outputs;
    return sizes.reads * each + gemm_cycles(0, 1, phase.tile().mr, 0, tiles, phase.rate());
  }
};

}  // namespace

template <class T>
const Algorithm<T>& image_lanes() {
  static const ImageLanes<T> entry;
  return entry;
}
template const Algorithm<float>& image_lanes();
template const Algorithm<double>& image_lanes();

}  // namespace fastconv::dense
