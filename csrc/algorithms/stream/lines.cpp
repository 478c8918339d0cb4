// SPDX-License-Identifier: MIT
// The engine for depthwise layers of several channels, and for averages, whose weights are all 1:
// channels are the lanes.
#include <limits>

#include "algorithms/common/blocking.h"
#include "algorithms/stream/direct.h"
#include "algorithms/stream/taps.h"
#include "core/memory.h"

namespace fastconv::stream {
namespace {

constexpr index_t kVectors = 16;  // of a part, whose samples then are a KiB at most

template <class T>
class Lines final : public RingEngine<T> {
 public:
  Lines(const Desc& desc, const Parameters<T>& parameters, const Exec& exec)
      : RingEngine<T>(desc, parameters, exec),
        residues_(residues_of(desc)),
        lanes_(exec.kernels<T>().conv.gemm.lanes),
        vectors_(ceil_div(desc.c_in, lanes_)),
        lowest_(this->clamped() ? T{0} : -std::numeric_limits<T>::infinity()),
        highest_(parameters.activation == Activation::relu6 ? T{6}
                                                            : std::numeric_limits<T>::infinity()) {
    const index_t row = vectors_ * lanes_, elements = (desc.kernel + 1) * row;
    memory_ = Scratch(elements * index_t{sizeof(T)});
    this->lay_out(false, elements * index_t{sizeof(T)});
    T* to = memory_.as<T>();
    std::fill_n(to, elements, T{0});
    if (parameters.bias) std::copy_n(parameters.bias, desc.c_in, to);
    for (index_t tap = 0; tap < desc.kernel; ++tap)
      for (index_t c = 0; c < desc.c_in; ++c)
        to[(tap + 1) * row + c] =
            desc.op == Op::average ? T{1} : parameters.weights[c * desc.kernel + tap];
  }

  const char* name() const override { return "lines"; }
  index_t parts() const noexcept override { return ceil_div(vectors_, kVectors); }

  void compute(index_t index, const Outputs<T>& o) const noexcept override {
    const Range some = part(vectors_, parts(), index);
    const index_t first = some.begin * lanes_, row = vectors_ * lanes_;
    const index_t channels = std::min(some.size() * lanes_, this->desc_.c_in - first);
    const T* const bias = memory_.as<T>() + first;
    const index_t sample = this->ring_.sample;
    for (std::size_t r = 0; r < residues_.size(); ++r) {
      const Residue& residue = residues_[r];
      this->kernels().conv.depthwise.run_line(
          {.n = o.n,
           .blocks = some.size(),
           .tail = static_cast<int>(channels - (some.size() - 1) * lanes_),
           .rows = 1,
           .lines = residue.taps,
           .x = o.x + residue.at * sample + first,
           .x_step = o.x_step,
           .x_line = residue.apart * sample,
           .x_row = 0,
           .w = bias + (residue.first + 1) * row,
           .w_line = residue.step * row,
           .w_row = 0,
           .y = o.y + static_cast<index_t>(r) * o.y_sample + first,
           .y_step = o.y_step,
           .init = nullptr,
           .init_step = 0,
           .bias = bias,
           .lowest = lowest_,
           .highest = highest_});
    }
  }

 private:
  const std::vector<Residue> residues_;
  const index_t lanes_, vectors_;
  Scratch memory_;  // the bias of each channel, then a row of weights for each tap
  const T lowest_, highest_;
};

}  // namespace

template <class T>
std::shared_ptr<const Engine<T>> make_lines(const Desc& desc, const Parameters<T>& parameters,
                                            const Exec& exec) {
  return std::make_shared<const Lines<T>>(desc, parameters, exec);
}
template std::shared_ptr<const Engine<float>> make_lines(const Desc&, const Parameters<float>&,
                                                         const Exec&);
template std::shared_ptr<const Engine<double>> make_lines(const Desc&, const Parameters<double>&,
                                                          const Exec&);

}  // namespace fastconv::stream
