// SPDX-License-Identifier: MIT
// The engine for layers of many output channels: they are the lanes, so that one sample at a time
// fills the registers, too. Tiles read samples where they lie in the ring, whatever the stride and
// the dilation.
#include <limits>

#include "algorithms/common/blocking.h"
#include "algorithms/stream/direct.h"
#include "algorithms/stream/taps.h"
#include "core/memory.h"

namespace fastconv::stream {
namespace {

template <class T>
class Tiles final : public RingEngine<T> {
 public:
  Tiles(const Desc& desc, const Parameters<T>& parameters, const Exec& exec)
      : RingEngine<T>(desc, parameters, exec),
        residues_(residues_of(desc)),
        lanes_(exec.kernels<T>().conv.gemm.lanes),
        in_(desc.c_in / desc.groups),
        out_(desc.c_out / desc.groups),
        vectors_(ceil_div(out_, lanes_)),
        blocks_(ceil_div(vectors_, index_t{kPixelTileNv})),
        lowest_(this->clamped() ? T{0} : -std::numeric_limits<T>::infinity()),
        highest_(parameters.activation == Activation::relu6 ? T{6}
                                                            : std::numeric_limits<T>::infinity()) {
    index_t taps = 0;
    for (const Residue& residue : residues_) first_tap_.push_back(taps), taps += residue.taps;
    group_ = (taps * in_ + 1) * vectors_ * lanes_;
    memory_ = Scratch(desc.groups * group_ * index_t{sizeof(T)});
    this->lay_out(false, desc.groups * group_ * index_t{sizeof(T)});
    for (index_t g = 0; g < desc.groups; ++g)
      for (index_t b = 0; b < blocks_; ++b) pack(parameters, g, b, taps);
  }

  const char* name() const override { return "tiles"; }
  index_t parts() const noexcept override { return this->desc_.groups * blocks_; }

  void compute(index_t index, const Outputs<T>& o) const noexcept override {
    const index_t g = index / blocks_, b = index % blocks_;
    const Range vectors = part(vectors_, blocks_, b);
    const index_t nv = vectors.size(), row = nv * lanes_;
    const index_t channels = std::min(row, out_ - vectors.begin * lanes_);
    const auto& kernels = this->kernels().conv.pixel_tile;
    const index_t tiles = ceil_div(o.n, index_t{kernels.max_pixels[nv - 1]});
    const T* const bias = block(g, b);
    const index_t sample = this->ring_.sample;
    for (index_t i = 0; i < tiles; ++i) {
      const Range some = part(o.n, tiles, i);
      for (std::size_t r = 0; r < residues_.size(); ++r) {
        const Residue& residue = residues_[r];
        // Taps whose channels follow on each other are one line of terms.
        const bool joined = residue.apart * sample == in_;
        const T* const w = bias + row + first_tap_[r] * in_ * row;
        kernels.run[some.size() - 1][nv - 1](
            {.k = joined ? residue.taps * in_ : in_,
             .lines = joined ? 1 : residue.taps,
             .rows = 1,
             .x = o.x + some.begin * o.x_step + residue.at * sample + g * in_,
             .x_step = o.x_step,
             .x_line = residue.apart * sample,
             .x_row = 0,
             .w = w,
             .w_line = in_ * row,
             .w_row = 0,
             .y = o.y + some.begin * o.y_step + static_cast<index_t>(r) * o.y_sample + g * out_ +
                  vectors.begin * lanes_,
             .y_step = o.y_step,
             .init = nullptr,
             .init_step = 0,
             .bias = bias,
             .tail = static_cast<int>(channels - (nv - 1) * lanes_),
             .lowest = lowest_,
             .highest = highest_,
             .ahead = w,
             .ahead_step = 0});
      }
    }
  }

 private:
  // A block of output channels: its bias, and then a row of weights for each term.
  T* block(index_t g, index_t b) const noexcept {
    const index_t before = part(vectors_, blocks_, b).begin;
    return memory_.as<T>() + g * group_ + before * (group_ / vectors_);
  }

  void pack(const Parameters<T>& from, index_t g, index_t b, index_t taps) noexcept {
    const Range vectors = part(vectors_, blocks_, b);
    const index_t row = vectors.size() * lanes_, first = vectors.begin * lanes_;
    const index_t channels = std::min(row, out_ - first);
    T* to = block(g, b);
    std::fill_n(to, (taps * in_ + 1) * row, T{0});
    if (from.bias) std::copy_n(from.bias + g * out_ + first, channels, to);
    to += row;
    for (const Residue& residue : residues_)
      for (index_t i = 0; i < residue.taps; ++i)
        for (index_t c = 0; c < in_; ++c, to += row)
          for (index_t m = 0; m < channels; ++m)
            to[m] = weight_of(this->desc_, from.weights, g, c, first + m,
                              residue.first + i * residue.step);
  }

  const std::vector<Residue> residues_;
  std::vector<index_t> first_tap_;  // of each residue, in a block
  const index_t lanes_, in_, out_;  // in_ and out_: channels of a group
  const index_t vectors_, blocks_;  // that the output channels of a group fill
  index_t group_ = 0;               // elements of a group's blocks
  Scratch memory_;
  const T lowest_, highest_;
};

}  // namespace

template <class T>
std::shared_ptr<const Engine<T>> make_tiles(const Desc& desc, const Parameters<T>& parameters,
                                            const Exec& exec) {
  return std::make_shared<const Tiles<T>>(desc, parameters, exec);
}
template std::shared_ptr<const Engine<float>> make_tiles(const Desc&, const Parameters<float>&,
                                                         const Exec&);
template std::shared_ptr<const Engine<double>> make_tiles(const Desc&, const Parameters<double>&,
                                                          const Exec&);

}  // namespace fastconv::stream
