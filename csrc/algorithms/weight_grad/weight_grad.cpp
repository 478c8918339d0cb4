// SPDX-License-Identifier: MIT
// The table of weight gradients and the choice from it.
#include "algorithms/weight_grad/weight_grad.h"

#include <algorithm>
#include <utility>

#include "algorithms/common/recent.h"
#include "algorithms/correlation/frame.h"
#include "algorithms/correlation/pack_weights.h"
#include "algorithms/weight_grad/turned.h"
#include "algorithms/winograd/grid.h"
#include "core/cache.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/require.h"

namespace fastconv::weight_grad {
namespace {

// What runs if there is no image, or no tap that reads one: every sum is empty.
template <class T>
class PreparedZeros final : public Prepared<T> {
 public:
  PreparedZeros(const Correlation& r, index_t weights) : Prepared<T>(r), weights_(weights) {}
  void run(const Args<T>& args, const Exec&, std::byte*) const noexcept override {
    std::fill_n(args.dw, weights_, T{0});
  }

 private:
  index_t weights_;
};

// The gradient of a kernel of which some taps only read padding. Those of the others are computed
// as if the kernel had no more taps, and then go to their places among zeros.
template <class T>
class PreparedAmongZeros final : public Prepared<T> {
 public:
  explicit PreparedAmongZeros(std::unique_ptr<const Prepared<T>> others)
      : Prepared<T>(others->correlation()),
        others_(std::move(others)),
        slots_(weight_slots(this->r_)),
        others_bytes_(cache_lines(packed_size(this->r_) * index_t{sizeof(T)})) {
    this->scratch_bytes_ = others_bytes_ + others_->scratch_bytes();
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const T* found = reinterpret_cast<T*>(scratch);
    Args<T> own = args;
    own.dw = reinterpret_cast<T*>(scratch);
    others_->run(own, exec, scratch + others_bytes_);
    const auto kernel = static_cast<index_t>(slots_.size()), taps = this->r_.taps();
    const index_t kernels = this->r_.groups * this->r_.m * this->r_.c;
    // A task writes about half of L1.
    const index_t each = std::max(cache_sizes().l1 / 2 / (kernel * index_t{sizeof(T)}), index_t{1});
    const index_t tasks = ceil_div(kernels, each);
    const double work = double(kernels) * double(kernel);
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
      // Zeros first, which are in L1 when the others come.
      const index_t begin = task * each, end = std::min(kernels, begin + each);
      std::fill_n(args.dw + begin * kernel, (end - begin) * kernel, T{0});
      for (index_t k = 0; k < kernel; ++k)
        if (const index_t slot = slots_[static_cast<std::size_t>(k)]; slot >= 0)
          for (index_t i = begin; i < end; ++i) args.dw[i * kernel + k] = found[i * taps + slot];
    });
  }

 private:
  std::unique_ptr<const Prepared<T>> others_;
  std::vector<index_t> slots_;
  index_t others_bytes_;
};

// The gradient where the padding is a constant: the image is copied into its frame first, and is
// an image without padding then.
template <class T>
class PreparedInFrame final : public Prepared<T> {
 public:
  PreparedInFrame(const ConvDesc& d, const ConvDesc& frame,
                  std::shared_ptr<const Prepared<T>> framed)
      : Prepared<T>(framed->correlation()),
        d_(d),
        framed_(std::move(framed)),
        frame_bytes_(
            cache_lines(frame.batch * frame.c_in * frame.in_plane() * index_t{sizeof(T)})) {
    this->scratch_bytes_ = frame_bytes_ + framed_->scratch_bytes();
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    ConvArgs<T> image{.x = args.x,
                      .packed = nullptr,
                      .weights = nullptr,
                      .bias = nullptr,
                      .residual = nullptr,
                      .y = nullptr};
    image.x_image = args.x_image, image.x_row = args.x_row, image.x_pixel = args.x_pixel;
    fill_frames(d_, reinterpret_cast<T*>(scratch), image, exec);
    Args<T> framed = args;
    framed.x = image.x;
    framed.x_image = image.x_image, framed.x_row = image.x_row, framed.x_pixel = image.x_pixel;
    framed_->run(framed, exec, scratch + frame_bytes_);
  }

 private:
  ConvDesc d_;
  std::shared_ptr<const Prepared<T>> framed_;
  index_t frame_bytes_;
};

}  // namespace

template <class T>
const std::vector<const Algorithm<T>*>& table() {
  static const std::vector<const Algorithm<T>*> all = [] {
    std::vector<const Algorithm<T>*> entries{
        &depthwise_pixels<T>(), &outer_images<T>(), &outer<T>(),
        &outer_pixels<T>(),     &dots_images<T>(),  &dots<T>()};
    for (int i = 0; i < winograd::kForms; ++i) entries.push_back(&winograd_form<T>(i));
    entries.push_back(&by_fft<T>());
    entries.push_back(&channels_by_fft<T>());
    entries.push_back(&planes_by_fft<T>());
    entries.push_back(&long_by_fft<T>());
    return entries;
  }();
  return all;
}

namespace {

// What a prepared algorithm follows from.
struct Key {
  ConvDesc d;
  Precision precision = Precision::high;
  Layouts layouts = {};
  const KernelTable* kernels = nullptr;
  int threads = 0;
  bool operator==(const Key&) const = default;
};

template <class T>
std::shared_ptr<const Prepared<T>> make_prepared(const ConvDesc& d, const Request& request,
                                                 const Exec& exec) {
  const Correlation r = forward_of(d);
  if (r.batch == 0 || r.taps() == 0)
    return std::make_shared<const PreparedZeros<T>>(r, d.c_out * d.depth());
  const Algorithm<T>* best = nullptr;
  double least = 0;
  for (const Algorithm<T>* algorithm : table<T>()) {
    if (request.algorithm != nullptr && !algorithm->asked_by(request)) continue;
    Offer offer = algorithm->offer(r, request, exec);
    offer.cycles += turns_cycles<T>(r, request.layouts, algorithm->layouts(request.layouts));
    if (offer.refused && request.algorithm != nullptr)
      refuse("algorithm '", algorithm->name(), "' cannot take this call: ", offer.refused);
    if (!offer.refused && (best == nullptr || offer.cycles <= least))
      best = algorithm, least = offer.cycles;
  }
  if (best == nullptr) refuse("there is no algorithm '", request.algorithm, "'");
  const Layouts given = request.layouts, wanted = best->layouts(given);
  auto prepared = best->prepare_for(r, wanted, exec);
  if (!(given == wanted))
    prepared = std::make_unique<const PreparedTurned<T>>(std::move(prepared), given, wanted);
  if (r.taps() == d.taps()) return prepared;
  return std::make_shared<const PreparedAmongZeros<T>>(std::move(prepared));
}

}  // namespace

template <class T>
std::shared_ptr<const Prepared<T>> prepare(const ConvDesc& d, const Request& request,
                                           const Exec& exec) {
  if (d.mode == PadMode::constant) {
    const ConvDesc frame = frame_of(d);
    return std::make_shared<const PreparedInFrame<T>>(d, frame, prepare<T>(frame, request, exec));
  }
  const auto make = [&] { return make_prepared<T>(d, request, exec); };
  // A name may be gone when the next one stands where it stood; only tests ask for one.
  if (request.algorithm != nullptr) return make();
  static thread_local Recent<Key, Prepared<T>> recent;
  constexpr index_t kMostTaps = 256;  // a layout lists them
  return recent.find_or_make({d, request.precision, request.layouts, exec.table, exec.threads},
                             make, [&](const Prepared<T>&) { return d.taps() <= kMostTaps; });
}

template const std::vector<const Algorithm<float>*>& table();
template const std::vector<const Algorithm<double>*>& table();
template std::shared_ptr<const Prepared<float>> prepare(const ConvDesc&, const Request&,
                                                        const Exec&);
template std::shared_ptr<const Prepared<double>> prepare(const ConvDesc&, const Request&,
                                                         const Exec&);

}  // namespace fastconv::weight_grad
