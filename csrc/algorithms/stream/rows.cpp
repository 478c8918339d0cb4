// SPDX-License-Identifier: MIT
// The engine for layers of few output channels for each group, down to one filter over one channel,
// at stride 1: neighbouring outputs are the lanes. A block of one sample leaves most lanes empty,
// but so few channels are quick nevertheless.
#include <limits>

#include "algorithms/common/blocking.h"
#include "algorithms/stream/direct.h"
#include "algorithms/stream/taps.h"
#include "core/memory.h"

namespace fastconv::stream {
namespace {

template <class T>
const T* limits_of(Activation activation) noexcept {
  static constexpr T relu[] = {0, std::numeric_limits<T>::infinity()}, relu6[] = {0, 6};
  return activation == Activation::relu ? relu : activation == Activation::relu6 ? relu6 : nullptr;
}

template <class T>
class Rows final : public RingEngine<T> {
 public:
  Rows(const Desc& desc, const Parameters<T>& parameters, const Exec& exec)
      : RingEngine<T>(desc, parameters, exec),
        in_(desc.c_in / desc.groups),
        out_(desc.c_out / desc.groups),
        terms_(in_ * desc.kernel),
        panels_(ceil_div(out_, index_t{exec.kernels<T>().conv.gemm.max_mr})),
        limits_(limits_of<T>(parameters.activation)) {
    memory_ = Scratch(desc.c_out * (terms_ + 1) * index_t{sizeof(T)});
    this->lay_out(true, desc.c_out * terms_ * index_t{sizeof(T)});
    T* to = memory_.as<T>();
    for (index_t g = 0; g < desc.groups; ++g)
      for (index_t p = 0; p < panels_; ++p) to = pack(parameters, g, part(out_, panels_, p), to);
    // Of all taps the first channel, and so on: then neighbouring terms read neighbouring memory.
    const Residue taps = residues_of(desc).front();
    for (index_t c = 0; c < in_; ++c)
      for (index_t i = 0; i < desc.kernel; ++i)
        offsets_.push_back(c * this->ring_.channel + taps.at + i * taps.apart);
    offsets_.resize(offsets_.size() + kAhead, offsets_.back());
  }

  const char* name() const override { return "rows"; }
  index_t parts() const noexcept override { return this->desc_.groups * panels_; }

  void compute(index_t index, const Outputs<T>& o) const noexcept override {
    const index_t g = index / panels_;
    const Range rows = part(out_, panels_, index % panels_);
    const index_t mr = rows.size(), first = g * out_ + rows.begin;
    const auto& gemm = this->kernels().conv.gemm;
    const T* const panel = memory_.as<T>() + first * (terms_ + 1);
    TileArgs<T> tile{.k = terms_,
                     .a = panel + mr,
                     .b = o.x + g * in_ * this->ring_.channel,
                     .ldb = 0,
                     .offsets = offsets_.data(),
                     .c = o.y + first * o.y_sample,
                     .ldc = o.y_sample,
                     .init = nullptr,
                     .bias = panel,
                     .tail = gemm.lanes,
                     .limits = limits_};
    const index_t most = index_t{gemm.max_nv[mr]} * gemm.lanes;
    for (index_t left = o.n; left > 0; left -= most, tile.b += most, tile.c += most) {
      const index_t some = std::min(left, most), nv = ceil_div(some, index_t{gemm.lanes});
      tile.tail = static_cast<int>(some - (nv - 1) * gemm.lanes);
      gemm.run_indirect[mr - 1][nv - 1](tile);
    }
  }

 private:
  // A panel of output channels: their bias, and then a weight of each for every term.
  T* pack(const Parameters<T>& from, index_t g, Range rows, T* to) noexcept {
    for (index_t m = rows.begin; m < rows.end; ++m)
      *to++ = from.bias ? from.bias[g * out_ + m] : T{0};
    for (index_t c = 0; c < in_; ++c)
      for (index_t i = 0; i < this->desc_.kernel; ++i)
        for (index_t m = rows.begin; m < rows.end; ++m)
          *to++ = weight_of(this->desc_, from.weights, g, c, m, i);
    return to;
  }

  const index_t in_, out_, terms_;  // in_ and out_: channels of a group
  const index_t panels_;            // of a group
  const T* const limits_;
  Scratch memory_;
  std::vector<index_t> offsets_;  // of each term, from the newest sample of an output's window
};

}  // namespace

template <class T>
std::shared_ptr<const Engine<T>> make_rows(const Desc& desc, const Parameters<T>& parameters,
                                           const Exec& exec) {
  return std::make_shared<const Rows<T>>(desc, parameters, exec);
}
template std::shared_ptr<const Engine<float>> make_rows(const Desc&, const Parameters<float>&,
                                                        const Exec&);
template std::shared_ptr<const Engine<double>> make_rows(const Desc&, const Parameters<double>&,
                                                         const Exec&);

}  // namespace fastconv::stream
