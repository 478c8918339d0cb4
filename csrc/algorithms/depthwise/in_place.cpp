// SPDX-License-Identifier: MIT
// Depthwise layers on pixels as they lie where channels are neighbours: lanes are channels. Outputs
// that read the image through the same taps are computed together, so that the padding costs
// nothing. Where the padding is no zeros, or where a channel has several outputs, some rows are
// copied first, with their padding and each channel as often as it has outputs. Groups of as many
// outputs as channels, a part of a vector, go the same way: lanes of each vector of pixels are
// chosen for each channel of a group.
#include <cstring>

#include "algorithms/depthwise/depthwise.h"
#include "algorithms/depthwise/in_place_task.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::depthwise {
namespace {

template <class T>
class PreparedInPlace final : public PreparedPhase<T> {
 public:
  PreparedInPlace(const Correlation& phase, const char* family, const Exec& exec)
      : PreparedPhase<T>(phase, family), layout_(in_place_layout<T>(this->r_, exec)) {
    this->packed_elements_ = layout_.packed(this->r_);
    frame_bytes_ = layout_.framed ? cache_lines(layout_.frame.size() * index_t{sizeof(T)}) : 0;
    bias_bytes_ = cache_lines(layout_.period * index_t{sizeof(T)});
    this->scratch_bytes_ = bias_bytes_ + exec.threads * frame_bytes_;
  }

  void pack(const T* weights, T* packed, const Exec&) const noexcept override {
    const Correlation& r = this->r_;
    for (const Tap& h : r.h.taps)
      for (const Tap& w : r.w.taps) {
        const T* from = weights + h.kernel * r.w_row + w.kernel;
        for (index_t term = 0; term < r.c; ++term, packed += layout_.period) {
          for (index_t i = 0; i < layout_.period; ++i) packed[i] = T{0};
          for (index_t o = 0; o < layout_.channels; ++o)
            packed[o] = from[o / r.m * r.w_group + o % r.m * r.w_m + term * r.w_c];
          repeat(packed);
        }
      }
  }
  PackingKey packing() const override {
    PackingKey key = start_of_key(Packing::pixels, this->r_);
    key.push_back(layout_.period);
    key.push_back(layout_.repeats);
    const std::vector<index_t> slots = weight_slots(this->r_);
    key.insert(key.end(), slots.begin(), slots.end());
    return key;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Correlation& r = this->r_;
    const Job<T> job = this->job(args);
    T* bias = reinterpret_cast<T*>(scratch);
    std::fill_n(bias, layout_.period, T{0});
    if (job.bias) std::copy_n(job.bias, layout_.channels, bias);
    repeat(bias);
    const index_t tasks = layout_.tasks(r);
    // A term of a vector takes two or three times what it takes where the sums are long.
    const double work = 2.5 * r.fmas() + 8 * double(r.batch * r.groups) * double(r.in_plane());
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int thread) {
      T* frame = reinterpret_cast<T*>(scratch + bias_bytes_ + thread * frame_bytes_);
      InPlaceTask<T>(job, layout_, exec, bias, frame, task).run();
    });
  }

 private:
  // Fills the period with what its first `channels` elements are, if it repeats them.
  void repeat(T* vector) const noexcept {
    const index_t n = layout_.channels;
    if (!layout_.repeats) return;
    for (index_t i = n; i < layout_.period; ++i) vector[i] = vector[i - n];
  }

  InPlaceLayout layout_;
  index_t frame_bytes_ = 0, bias_bytes_ = 0;
};

template <class T>
class InPlace : public PhaseAlgorithm<T> {
 public:
  InPlace() : PhaseAlgorithm<T>("depthwise_in_place", kFamily) {}
  explicit InPlace(const char* name) : PhaseAlgorithm<T>(name, name) {}

  Layouts layouts(const Layouts&) const override { return {true, true}; }
  const Correlation& phase(const Problem& problem, std::size_t i) const override {
    return problem.phases[i];
  }

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    const bool named = this->asked_by(request) && std::strcmp(request.algorithm, kFamily) != 0;
    const bool pixels = request.layouts.x_pixels || request.layouts.y_pixels;
    if (!pixels && !named) return refusal("neither the input nor the result lies as pixels");
    const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
    if (const char* reason = refused(r, lanes)) return refusal(reason);
    if (r.h.even_step() == 0 || r.w.even_step() == 0)
      return refusal("its taps do not lie at an even distance");
    const bool framed = (r.c == 1 && r.m > 1) || r.mode != PadMode::zeros;
    if (framed && !frame_fits(r)) return refusal("a row of its frame does not fit half of L2");
    constexpr index_t kMostTaps = 64;
    if (!framed && std::max(r.h.n_taps(), r.w.n_taps()) > kMostTaps)
      return refusal("it takes up to 64 taps along an axis");
    const double weights = double(r.groups * r.m) * double(r.k());
    return offered(cycles(r, lanes, framed), weights, weights * double(sizeof(T)), request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r, const Request&,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedInPlace<T>>(r, this->family(), exec);
  }

 private:
  // Why it does not take r's groups, or null.
  virtual const char* refused(const Correlation& r, index_t) const {
    return is_depthwise(r) ? nullptr : "it takes one input channel per group";
  }

  static bool frame_fits(const Correlation& r) {
    const auto reach = [](const TapAxis& axis) {
      return std::abs(double(axis.taps.back().offset) - double(axis.taps.front().offset)) + 1;
    };
    const double columns = double(r.w.count) * double(r.w.in_step) + reach(r.w);
    return reach(r.h) * columns * double(r.groups * r.m) * double(sizeof(T)) <=
           double(cache_sizes().l2) / 2;
  }

  static double cycles(const Correlation& r, index_t lanes, bool framed) {
    constexpr double kTap = 1.3, kStored = 4, kSpan = 40, kElement = 0.3;
    const index_t channels = r.groups * r.m, whole = ceil_div(channels, lanes) * lanes;
    const bool runs = rows_are_runs(r, channels, lanes);
    const double vectors = double(r.h.count) * (runs ? double(ceil_div(r.w.count * channels, lanes))
                                                     : double(whole / lanes) * double(r.w.count));
    const double rows = double(r.h.count) * 3 * kSpan;
    const double copied = framed ? double(r.groups * r.m) * double(r.in_plane()) * kElement : 0;
    return double(r.batch) * (vectors * (double(r.k()) * kTap + kStored) + rows + copied);
  }
};

template <class T>
class GroupsInPlace final : public InPlace<T> {
 public:
  GroupsInPlace() : InPlace<T>("groups_in_place") {}

 private:
  const char* refused(const Correlation& r, index_t lanes) const override {
    if (r.c == 1 || r.c != r.m) return "it takes groups of as many outputs as channels, not of one";
    if (r.c >= lanes || lanes % r.c != 0) return "a vector does not hold several whole groups";
    if (r.groups * r.c % lanes != 0) return "the channels do not fill whole vectors";
    return r.mode == PadMode::zeros ? nullptr : "the padding is no zeros";
  }
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& groups_in_place() {
  static const GroupsInPlace<T> entry;
  return entry;
}
template const PhaseAlgorithm<float>& groups_in_place();
template const PhaseAlgorithm<double>& groups_in_place();

template <class T>
const PhaseAlgorithm<T>& in_place() {
  static const InPlace<T> entry;
  return entry;
}
template const PhaseAlgorithm<float>& in_place();
template const PhaseAlgorithm<double>& in_place();

}  // namespace fastconv::depthwise
