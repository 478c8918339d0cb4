// SPDX-License-Identifier: MIT
// The weight gradient of many tiny images as a sum of outer products whose terms are images. A
// block of images is transposed, so that an element of all of them is a row; for each output the
// rows that its taps read meet the output's gradients. No image costs a call, and taps that would
// read padding are left out.
#include <algorithm>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/image_parts.h"
#include "algorithms/weight_grad/cost.h"
#include "algorithms/weight_grad/sums.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {
namespace {

// The most images of a block. Its rows of inputs are as long as a tile's loop, and a tile begins
// and ends its sums once for each block.
constexpr index_t kMostImages = 256;

// A task computes a chunk of the input channels of one group by all of its output channels. It goes
// through all images in order, whatever the number of threads.
struct Cut {
  index_t nv, unit, units;   // vectors and lanes of a unit of output channels; units of a group
  index_t images, blocks;    // of a block, at most; of all
  index_t most_blocks;       // that are added in T before a sum goes on in double
  index_t channels, chunks;  // input channels of a chunk; chunks of a group
};

// A block's inputs, its gradients and the sums of a chunk take about a quarter of L2 each.
template <class T>
Cut cut_for(const Correlation& r, const Exec& exec) {
  const index_t item = sizeof(T), lanes = exec.kernels<T>().conv.gemm.lanes;
  const index_t quarter = cache_sizes().l2 / 4 / item;
  Cut cut{};
  cut.nv = std::min<index_t>(kChannelLanesNv, ceil_div(r.m, lanes));
  cut.unit = cut.nv * lanes, cut.units = ceil_div(r.m, cut.unit);
  const index_t fits = quarter / std::max(r.out_plane() * cut.unit, r.in_plane());
  const index_t most = std::min({kMostImages, fits, std::max<index_t>(r.batch, 1)});
  cut.blocks = ceil_div(r.batch, std::max(most, index_t{1}));
  cut.images = ceil_div(r.batch, cut.blocks);
  const index_t each = std::max(r.in_plane() * cut.images, r.taps() * cut.units * cut.unit);
  // The gradients are transposed again for each chunk, so that there are few.
  cut.chunks = ceil_div(r.c, std::clamp(quarter / each, index_t{1}, r.c));
  cut.channels = ceil_div(r.c, cut.chunks), cut.chunks = ceil_div(r.c, cut.channels);
  // A sum of 2,048 terms in float errs by 1e-6 of its norm or less.
  constexpr index_t kMostTerms = 2048;
  cut.most_blocks = std::max(kMostTerms / (cut.images * r.out_plane()), index_t{1});
  if (sizeof(T) == sizeof(double)) cut.most_blocks = cut.blocks;
  return cut;
}

// The scratch memory of one thread, in bytes: a block's inputs and gradients, and the sums in T and
// in double.
struct Sizes {
  index_t strip, gradients, sums, totals;
  index_t each() const { return strip + gradients + sums + totals; }
};

template <class T>
Sizes sizes_for(const Correlation& r, const Cut& cut) {
  const index_t item = sizeof(T), sums = cut.channels * r.taps() * cut.units * cut.unit;
  return {cache_lines(cut.channels * r.in_plane() * cut.images * item),
          cache_lines(r.out_plane() * cut.images * cut.unit * item), cache_lines(sums * item),
          cache_lines(cut.blocks > cut.most_blocks ? sums * index_t{sizeof(double)} : 0)};
}

// Of each part: where the rows of a chunk lie in the strip, from that of the first tap on, and
// where their sums lie in a unit.
struct Rows {
  std::vector<index_t> in, out;
};

std::vector<Rows> rows_of(const Correlation& r, const std::vector<ImagePart>& parts,
                          const Cut& cut) {
  const auto index_of = [](const TapAxis& axis, const Tap& tap) {
    return std::ranges::find(axis.taps, tap.kernel, &Tap::kernel) - axis.taps.begin();
  };
  std::vector<Rows> all;
  for (const ImagePart& part : parts) {
    std::vector<index_t> slots;
    for (const Tap& h : part.r.h.taps)
      for (const Tap& w : part.r.w.taps)
        slots.push_back(index_of(r.h, h) * r.w.n_taps() + index_of(r.w, w));
    Rows rows;
    for (index_t c = 0; c < cut.channels; ++c)
      for (std::size_t tap = 0; tap < slots.size(); ++tap) {
        rows.in.push_back((c * r.in_plane() + part.shifts[tap]) * cut.images);
        rows.out.push_back((c * r.taps() + slots[tap]) * cut.unit);
      }
    all.push_back(std::move(rows));
  }
  return all;
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Exec& exec, const Cut& cut, const std::vector<ImagePart>& parts,
       const std::vector<Rows>& rows, std::byte* memory, index_t index) noexcept
      : job_(job),
        r_(job.r),
        exec_(exec),
        cut_(cut),
        parts_(parts),
        rows_(rows),
        g_(index / cut.chunks),
        c0_(index % cut.chunks * cut.channels),
        channels_(std::min(cut.channels, r_.c - c0_)) {
    const Sizes sizes = sizes_for<T>(r_, cut);
    strip_ = reinterpret_cast<T*>(memory);
    gradients_ = reinterpret_cast<T*>(memory + sizes.strip);
    sums_ = reinterpret_cast<T*>(memory + sizes.strip + sizes.gradients);
    totals_ = reinterpret_cast<double*>(memory + sizes.strip + sizes.gradients + sizes.sums);
    // Lanes beyond the last output channel are computed, too, so that they need some values.
    if (r_.m % cut.unit != 0) std::fill_n(memory, sizes.strip + sizes.gradients, std::byte{0});
  }

  void run() noexcept {
    const index_t size = channels_ * r_.taps() * cut_.unit;  // of a unit's sums
    const bool in_double = cut_.blocks > cut_.most_blocks;
    for (index_t block = 0; block < cut_.blocks; ++block) {
      const bool last = block + 1 == cut_.blocks;
      n_ = block * cut_.images, images_ = std::min(cut_.images, r_.batch - n_);
      exec_.kernels<T>().elementwise.transpose(
          {.x = job_.x + ((n_ * r_.groups + g_) * r_.c + c0_) * r_.in_plane(),
           .ldx = r_.groups * r_.c * r_.in_plane(),
           .y = strip_,
           .ldy = cut_.images,
           .rows = images_,
           .columns = channels_ * r_.in_plane()});
      for (index_t u = 0; u < cut_.units; ++u) {
        T* sums = sums_ + u * size;
        if (block % cut_.most_blocks == 0) std::fill_n(sums, size, T{0});
        take_gradients(u);
        for (std::size_t i = 0; i < parts_.size(); ++i) add(i, sums);
        if (in_double && (last || (block + 1) % cut_.most_blocks == 0))
          exec_.kernels<T>().conv.add_to_totals(sums, totals_ + u * size, size,
                                                block < cut_.most_blocks, last);
        if (last)
          store_sums(job_, exec_, sums, cut_.unit, g_,
                     {u * cut_.unit, std::min(r_.m, (u + 1) * cut_.unit)}, {c0_, c0_ + channels_});
      }
    }
  }

 private:
  // Transposes the gradients of unit u: for each output a row of a unit for each image.
  void take_gradients(index_t u) noexcept {
    const index_t outputs = std::min(cut_.unit, r_.m - u * cut_.unit), plane = r_.out_plane();
    for (index_t i = 0; i < images_; ++i) {
      const T* dy = job_.dy + (((n_ + i) * r_.groups + g_) * r_.m + u * cut_.unit) * plane;
      T* to = gradients_ + i * cut_.unit;
      if (plane == 1)
        std::copy_n(dy, outputs, to);
      else
        exec_.kernels<T>().elementwise.transpose({.x = dy,
                                                  .ldx = plane,
                                                  .y = to,
                                                  .ldy = cut_.images * cut_.unit,
                                                  .rows = outputs,
                                                  .columns = plane});
    }
  }

  // Adds the outputs of part i to the sums of a unit.
  void add(std::size_t i, T* sums) noexcept {
    const auto& tile_of = exec_.kernels<T>().conv.channel_lanes;
    const index_t n = channels_ * parts_[i].r.taps();
    const index_t tiles = ceil_div(n, index_t{tile_of.max_pixels});
    for (index_t tile = 0; tile < tiles; ++tile) {
      const Range k = part(n, tiles, tile);
      for (const PartOutput& output : parts_[i].outputs) {
        const T* dy = gradients_ + output.out * cut_.images * cut_.unit;
        tile_of.run[k.size() - 1][cut_.nv - 1]({.k = images_,
                                                .x = strip_ + output.in * cut_.images,
                                                .x_step = 1,
                                                .in = rows_[i].in.data() + k.begin,
                                                .w = dy,
                                                .c = sums,
                                                .out = rows_[i].out.data() + k.begin,
                                                .ahead = dy});
      }
    }
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Exec& exec_;
  const Cut& cut_;
  const std::vector<ImagePart>& parts_;
  const std::vector<Rows>& rows_;
  T *strip_, *gradients_, *sums_;
  double* totals_;
  index_t g_, c0_, channels_;   // the group, its first input channel, and how many these are
  index_t n_ = 0, images_ = 0;  // of the block at hand: its first image, and how many it has
};

template <class T>
class PreparedOuterImages final : public Prepared<T> {
 public:
  PreparedOuterImages(const Correlation& r, const Exec& exec)
      : Prepared<T>(r),
        cut_(cut_for<T>(r, exec)),
        parts_(image_parts({r})),
        rows_(rows_of(r, parts_, cut_)) {
    this->scratch_bytes_ = exec.threads * sizes_for<T>(r, cut_).each();
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, this->r_};
    const index_t tasks = job.r.groups * cut_.chunks;
    const index_t each = sizes_for<T>(job.r, cut_).each();
    const double elements = double(job.r.c * job.r.in_plane() + job.r.m * job.r.out_plane());
    const double work = job.r.fmas() + 8 * double(job.r.batch * job.r.groups) * elements;
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int thread) {
      Task<T>(job, exec, cut_, parts_, rows_, scratch + thread * each, task).run();
    });
  }

 private:
  Cut cut_;
  std::vector<ImagePart> parts_;
  std::vector<Rows> rows_;
};

template <class T>
class OuterImages final : public Algorithm<T> {
 public:
  OuterImages() : Algorithm<T>("outer_images") {}

  Offer offer(const Correlation& r, const Request&, const Exec& exec) const override {
    constexpr double kMostTerms = 1 << 16;  // in the lists of rows
    if (r.mode != PadMode::zeros) return refusal("it takes zero padding only");
    const VectorCost<T> vector(exec);
    const index_t item = sizeof(T), nv = std::min<index_t>(2, ceil_div(r.m, vector.lanes));
    const index_t padded = ceil_div(r.m, nv * vector.lanes) * nv * vector.lanes;
    constexpr index_t kFewImages = 16;
    const index_t quarter = cache_sizes().l2 / 4 / item;
    if (kFewImages * std::max(r.out_plane() * nv * vector.lanes, r.in_plane()) > quarter ||
        r.taps() * padded > 2 * quarter)
      return refusal("blocks of images do not fit L2");
    const PartSizes sizes = part_sizes(r);
    if (double(r.c) * sizes.taps > kMostTerms) return refusal("its lists of rows would be long");
    // An element that is transposed; the gradients are so image by image, kImage cycles for each
    // unit, and once for each chunk of channels. A tile begins and ends its sums for each block.
    constexpr double kElement = 0.6, kImage = 60, kTile = 90;
    const Cut cut = cut_for<T>(r, exec);
    const double images = double(r.batch), units = double(cut.units), chunks = double(cut.chunks);
    const double inputs = double(r.c) * double(r.in_plane()) * kElement;
    const double gradients = double(padded) * double(r.out_plane()) * kElement;
    const double moved = inputs + chunks * (gradients + units * kImage);
    const double fmas = double(r.c) * sizes.reads * units * double(cut.nv) * vector.fma;
    const double rows = double(exec.kernels<T>().conv.channel_lanes.max_pixels);
    const double tiles = double(cut.blocks) * units * sizes.outputs *
                         (chunks + double(r.c) * sizes.reads / sizes.outputs / rows);
    return {.cycles = double(r.groups) * (images * (moved + fmas) + tiles * kTile)};
  }

  std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedOuterImages<T>>(r, exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& outer_images() {
  static const OuterImages<T> entry;
  return entry;
}
template const Algorithm<float>& outer_images();
template const Algorithm<double>& outer_images();

}  // namespace fastconv::weight_grad
