// SPDX-License-Identifier: MIT
// The engine for maxima: channels are the lanes, and each window is joined by itself.
#include <limits>

#include "algorithms/stream/direct.h"

namespace fastconv::stream {
namespace {

template <class T>
class Maxima final : public RingEngine<T> {
 public:
  Maxima(const Desc& desc, const Exec& exec) : RingEngine<T>(desc, {}, exec) {
    this->lay_out(false, 0);
  }

  const char* name() const override { return "maxima"; }
  T nothing() const override { return -std::numeric_limits<T>::infinity(); }
  index_t parts() const noexcept override { return 1; }

  void compute(index_t, const Outputs<T>& o) const noexcept override {
    alignas(64) std::byte ends[kSlideStrip];  // of one window
    const index_t sample = this->ring_.sample;
    SlideRows<T> window{.x = {const_cast<T*>(o.x) - (this->desc_.reach() - 1) * sample},
                        .x_row = this->desc_.dilation * sample,
                        .rows = this->desc_.kernel,
                        .columns = this->desc_.c_in,
                        .windows = 1,
                        .kernel = this->desc_.kernel,
                        .none = nothing(),
                        .ends = {reinterpret_cast<T*>(ends)},
                        .y = {o.y},
                        .y_row = o.y_step};
    for (index_t i = 0; i < o.n; ++i, window.x.values += o.x_step, window.y.values += o.y_step)
      this->kernels().pool.slide.rows[static_cast<int>(Join::larger)](window);
  }
};

}  // namespace

template <class T>
std::shared_ptr<const Engine<T>> make_maxima(const Desc& desc, const Exec& exec) {
  return std::make_shared<const Maxima<T>>(desc, exec);
}
template std::shared_ptr<const Engine<float>> make_maxima(const Desc&, const Exec&);
template std::shared_ptr<const Engine<double>> make_maxima(const Desc&, const Exec&);

}  // namespace fastconv::stream
