// SPDX-License-Identifier: MIT
// The weight gradient of many tiny images as dot products along the images, for few output
// channels: a block of images and of its gradients is transposed, so that an element of all of them
// is a row, and each output's rows are multiplied by those that its taps read.
#include <algorithm>
#include <cmath>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/image_parts.h"
#include "algorithms/weight_grad/algorithm.h"
#include "algorithms/weight_grad/cost.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {
namespace {

// The most images of a block, as long as rows are then.
constexpr index_t kMostImages = 256;

// A task computes a chunk of the input channels of one group. It goes through all images in order,
// whatever the number of threads.
struct Cut {
  index_t images, blocks;    // of a block, at most; of all
  index_t most_blocks;       // whose terms are added in T before a sum goes on in double
  index_t channels, chunks;  // input channels of a chunk; chunks of a group
  index_t lanes;
};

// The inputs and gradients of a block take half of L2 together.
template <class T>
index_t images_for(const Correlation& r) {
  const index_t fits = cache_sizes().l2 / 2 / index_t{sizeof(T)};
  return std::min(kMostImages, fits / (r.c * r.in_plane() + r.m * r.out_plane()));
}

template <class T>
Cut cut_for(const Correlation& r, const Exec& exec) {
  Cut cut{};
  cut.lanes = exec.kernels<T>().conv.gemm.lanes;
  cut.blocks = ceil_div(r.batch, std::max(images_for<T>(r), index_t{1}));
  cut.images = ceil_div(r.batch, cut.blocks);
  // If each lane of a sum adds 1,024 terms in float, the sum errs by less than 1e-6 of its norm.
  constexpr index_t kMostTerms = 1024;
  cut.most_blocks =
      std::max(kMostTerms / (ceil_div(cut.images, cut.lanes) * r.out_plane()), index_t{1});
  const index_t threads = useful_threads(exec.threads, r.fmas(), exec.threads).threads;
  cut.chunks = threads > 1 ? std::min(r.c, ceil_div(2 * threads, r.groups)) : 1;
  cut.channels = ceil_div(r.c, cut.chunks), cut.chunks = ceil_div(r.c, cut.channels);
  return cut;
}

// A part, where its terms lie in the strip, and to which weights of an output channel they belong.
struct Terms {
  ImagePart part;
  std::vector<index_t> offsets, weights;
  index_t at;  // of its sums among those of all parts, for each output channel
  index_t size() const { return static_cast<index_t>(offsets.size()); }
};

std::vector<Terms> terms_of(const Correlation& r, const Cut& cut) {
  const auto index_of = [](const TapAxis& axis, const Tap& tap) {
    return std::ranges::find(axis.taps, tap.kernel, &Tap::kernel) - axis.taps.begin();
  };
  std::vector<Terms> all;
  index_t at = 0;
  for (ImagePart& part : image_parts({r})) {
    Terms terms{std::move(part), {}, {}, at};
    for (index_t c = 0; c < cut.channels; ++c) {
      std::size_t tap = 0;
      for (const Tap& h : terms.part.r.h.taps)
        for (const Tap& w : terms.part.r.w.taps) {
          terms.offsets.push_back((c * r.in_plane() + terms.part.shifts[tap++]) * cut.images);
          terms.weights.push_back(c * r.taps() + index_of(r.h, h) * r.w.n_taps() +
                                  index_of(r.w, w));
        }
    }
    at += terms.size();
    all.push_back(std::move(terms));
  }
  return all;
}

// The scratch memory of one thread, in bytes: a block's inputs and gradients, the sums of all parts
// in vectors of T, and those of the weights in double.
struct Sizes {
  index_t strip, gradients, sums, totals;
  index_t each() const { return strip + gradients + sums + totals; }
};

template <class T>
Sizes sizes_for(const Correlation& r, const Cut& cut, const std::vector<Terms>& parts) {
  const index_t item = sizeof(T), sums = parts.back().at + parts.back().size();
  return {cache_lines(cut.channels * r.in_plane() * cut.images * item),
          cache_lines(r.m * r.out_plane() * cut.images * item),
          cache_lines(r.m * sums * cut.lanes * item),
          cache_lines(r.m * cut.channels * r.taps() * index_t{sizeof(double)})};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Exec& exec, const Cut& cut, const std::vector<Terms>& parts,
       std::byte* memory, index_t index) noexcept
      : job_(job),
        r_(job.r),
        exec_(exec),
        kernels_(exec.kernels<T>().conv),
        cut_(cut),
        parts_(parts),
        g_(index / cut.chunks),
        c0_(index % cut.chunks * cut.channels),
        channels_(std::min(cut.channels, r_.c - c0_)) {
    const Sizes sizes = sizes_for<T>(r_, cut, parts);
    strip_ = reinterpret_cast<T*>(memory);
    gradients_ = reinterpret_cast<T*>(memory + sizes.strip);
    sums_ = reinterpret_cast<T*>(memory + sizes.strip + sizes.gradients);
    totals_ = reinterpret_cast<double*>(memory + sizes.strip + sizes.gradients + sizes.sums);
  }

  void run() noexcept {
    const index_t weights = channels_ * r_.taps();
    std::fill_n(totals_, r_.m * weights, 0.0);
    for (index_t block = 0; block < cut_.blocks; ++block) {
      n_ = block * cut_.images, images_ = std::min(cut_.images, r_.batch - n_);
      transpose(job_.x + ((n_ * r_.groups + g_) * r_.c + c0_) * r_.in_plane(),
                r_.groups * r_.c * r_.in_plane(), channels_ * r_.in_plane(), strip_);
      transpose(job_.dy + (n_ * r_.groups + g_) * r_.m * r_.out_plane(),
                r_.groups * r_.m * r_.out_plane(), r_.m * r_.out_plane(), gradients_);
      for (const Terms& part : parts_) add(part, block % cut_.most_blocks == 0);
      if (block + 1 == cut_.blocks || (block + 1) % cut_.most_blocks == 0)
        for (const Terms& part : parts_) add_to_totals(part);
    }
    for (index_t m = 0; m < r_.m; ++m)
      std::transform(totals_ + m * weights, totals_ + (m + 1) * weights,
                     job_.dw + (g_ * r_.m + m) * r_.k() + c0_ * r_.taps(),
                     [](double sum) { return static_cast<T>(sum); });
  }

 private:
  void transpose(const T* from, index_t image, index_t elements, T* to) noexcept {
    exec_.kernels<T>().elementwise.transpose({.x = from,
                                              .ldx = image,
                                              .y = to,
                                              .ldy = cut_.images,
                                              .rows = images_,
                                              .columns = elements});
  }

  // How many terms of a part the channels of this task have.
  index_t terms(const Terms& part) const { return channels_ * part.part.r.taps(); }
  T* sums(const Terms& part, index_t m, index_t term) const {
    return sums_ + (r_.m * part.at + m * part.size() + term) * cut_.lanes;
  }

  void add(const Terms& part, bool overwrite) noexcept {
    const auto& dot = kernels_.dot;
    for (index_t m = 0; m < r_.m; m += dot.max_mr)
      for (index_t j = 0; j < terms(part); j += dot.max_nr) {
        const index_t mr = std::min<index_t>(dot.max_mr, r_.m - m);
        const index_t nr = std::min<index_t>(dot.max_nr, terms(part) - j);
        bool first = overwrite;
        for (const PartOutput& output : part.part.outputs) {
          dot.run[mr - 1][nr - 1](
              {.n = images_,
               .lines = 1,
               .a = gradients_ + (m * r_.out_plane() + output.out) * cut_.images,
               .lda = r_.out_plane() * cut_.images,
               .b = strip_ + output.in * cut_.images,
               .b_line = 0,
               .offsets = part.offsets.data() + j,
               .sums = sums(part, m, j),
               .ld = part.size(),
               .overwrite = first});
          first = false;
        }
      }
  }

  void add_to_totals(const Terms& part) noexcept {
    for (index_t m = 0; m < r_.m; ++m)
      for (index_t j = 0; j < terms(part); ++j)
        totals_[m * channels_ * r_.taps() + part.weights[static_cast<std::size_t>(j)]] +=
            kernels_.sum(sums(part, m, j), cut_.lanes, 1, 0);
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Exec& exec_;
  const ConvKernels<T>& kernels_;
  const Cut& cut_;
  const std::vector<Terms>& parts_;
  T *strip_, *gradients_, *sums_;
  double* totals_;
  index_t g_, c0_, channels_;   // the group, its first input channel, and how many these are
  index_t n_ = 0, images_ = 0;  // of the block at hand: its first image, and how many it has
};

template <class T>
class PreparedDotsImages final : public Prepared<T> {
 public:
  PreparedDotsImages(const Correlation& r, const Exec& exec)
      : Prepared<T>(r), cut_(cut_for<T>(r, exec)), parts_(terms_of(r, cut_)) {
    this->scratch_bytes_ = exec.threads * sizes_for<T>(r, cut_, parts_).each();
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, this->r_};
    const index_t tasks = job.r.groups * cut_.chunks;
    const index_t each = sizes_for<T>(job.r, cut_, parts_).each();
    const double elements = double(job.r.c * job.r.in_plane() + job.r.m * job.r.out_plane());
    const double work = job.r.fmas() + 8 * double(job.r.batch * job.r.groups) * elements;
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int thread) {
      Task<T>(job, exec, cut_, parts_, scratch + thread * each, task).run();
    });
  }

 private:
  Cut cut_;
  std::vector<Terms> parts_;
};

template <class T>
class DotsImages final : public Algorithm<T> {
 public:
  DotsImages() : Algorithm<T>("dots_images") {}

  Offer offer(const Correlation& r, const Request&, const Exec& exec) const override {
    constexpr index_t kFewImages = 16;
    if (r.mode != PadMode::zeros) return refusal("it takes zero padding only");
    const VectorCost<T> vector(exec);
    if (images_for<T>(r) < kFewImages) return refusal("blocks of images do not fit L2");
    const PartSizes sizes = part_sizes(r);
    const double m = double(r.m), k = double(r.c);
    const double sums = m * k * sizes.taps * double(vector.lanes * index_t{sizeof(T)});
    if (sums > double(cache_sizes().l2) / 4) return refusal("the sums of its parts do not fit L2");
    // An element that is transposed; an FMA, of which a tile of one row has one for each load; the
    // sums of a tile, which each output of a block loads and stores; and horizontal sums.
    constexpr double kElement = 0.6, kOneRow = 1.2, kTouched = 4, kSum = 14;
    const Cut cut = cut_for<T>(r, exec);
    const double moved = k * double(r.in_plane()) + m * double(r.out_plane());
    const double vectors = double(cut.blocks) * double(ceil_div(cut.images, vector.lanes));
    const double each = m * k * sizes.reads;
    const double flushes = std::ceil(double(cut.blocks) / double(cut.most_blocks));
    return {.cycles = double(r.groups) *
                      (double(r.batch) * moved * kElement +
                       each * (vectors * vector.fma * kOneRow + double(cut.blocks) * kTouched) +
                       flushes * m * k * sizes.taps * kSum)};
  }

  std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedDotsImages<T>>(r, exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& dots_images() {
  static const DotsImages<T> entry;
  return entry;
}
template const Algorithm<float>& dots_images();
template const Algorithm<double>& dots_images();

}  // namespace fastconv::weight_grad
