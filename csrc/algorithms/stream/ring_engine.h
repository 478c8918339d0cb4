// SPDX-License-Identifier: MIT
// What all engines share that compute outputs out of a ring of samples (past.h): they take a signal
// in chunks, append each to the ring, and compute the outputs that come with it.
#pragma once

#include "algorithms/stream/engine.h"
#include "algorithms/stream/past.h"

namespace fastconv::stream {

// Neighbouring outputs of an item, or one output of each of several items. A transposed convolution
// has desc.out_step() samples for each of them, which lie y_sample apart. In rings of rows, results
// are rows of neighbouring elements, and y_sample is the distance of their channels.
template <class T>
struct Outputs {
  const T* x;      // the newest sample of the first one's window
  index_t x_step;  // from there to that of the next one
  T* y;
  index_t y_step, y_sample;
  index_t n;
};

template <class T>
class RingEngine : public Engine<T> {
 public:
  void reset(std::byte* memory, const bool* mask) const noexcept final;
  void run(std::byte* memory, index_t phase, index_t n, const Block<const T>& x,
           const Block<T>& y) const noexcept final;
  void read_past(const std::byte* memory, index_t n, const Block<T>& to) const noexcept final;
  void write_past(std::byte* memory, index_t n, const Block<const T>& from) const noexcept final;

 protected:
  RingEngine(const Desc& desc, const Parameters<T>& parameters, const Exec& exec);
  // Lays the memory out. `weight_bytes` is what each chunk of outputs reads beside its samples.
  void lay_out(bool rows, index_t weight_bytes);

  // Outputs are computed in independent parts, some of the channels each.
  virtual index_t parts() const noexcept = 0;
  // The sums and, where the activation is ReLU or ReLU6, the activation of one part.
  virtual void compute(index_t part, const Outputs<T>& outputs) const noexcept = 0;

  const Kernels<T>& kernels() const noexcept { return exec_.kernels<T>(); }
  bool clamped() const noexcept {
    return activation_ == Activation::relu || activation_ == Activation::relu6;
  }

  const Desc desc_;
  const Exec exec_;
  Ring ring_;

 private:
  struct Call;
  T* elements(std::byte* memory, index_t item) const noexcept;
  const T* elements(const std::byte* memory, index_t item) const noexcept;
  static index_t& next(std::byte* memory) noexcept { return *reinterpret_cast<index_t*>(memory); }
  void run_item(const Call& call, index_t item, int thread, int threads) const noexcept;
  void run_together(const Call& call) const noexcept;
  void compute_all(const Outputs<T>& outputs, int threads) const noexcept;
  void finish(const Outputs<T>& outputs) const noexcept;
  void finish_row(T* y, index_t n, T slope) const noexcept;

  const Activation activation_;
  const T slope_;
  std::unique_ptr<T[]> slopes_;  // of each output channel, or null
  bool rows_ = false;
  index_t chunk_ = 0;                            // the most inputs that are taken at a time
  index_t rings_bytes_ = 0, scratch_bytes_ = 0;  // of all items; of each thread
};

}  // namespace fastconv::stream
