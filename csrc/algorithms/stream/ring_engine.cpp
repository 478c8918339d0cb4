// SPDX-License-Identifier: MIT
#include "algorithms/stream/ring_engine.h"

#include "core/cache.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::stream {
namespace {

constexpr index_t kHeader = 64;  // the place of the next sample, on a cache line of its own

// How many inputs a chunk has. What it reads and writes takes half of L1, or, where there are more
// weights than that, about as much as they do, so that they are read once for many outputs.
template <class T>
index_t chunk_for(const Desc& desc, index_t weight_bytes) {
  constexpr index_t kLeast = 64, kMost = 1024;
  const CacheSizes& cache = cache_sizes();
  const index_t bytes = std::clamp(weight_bytes, cache.l1 / 2, cache.l2 / 4);
  const index_t sample = (desc.c_in + desc.c_out * desc.out_step()) * index_t{sizeof(T)};
  return std::clamp(bytes / sample, kLeast, kMost);
}

}  // namespace

// One run as all of its items see it.
template <class T>
struct RingEngine<T>::Call {
  std::byte* memory;
  index_t phase, n, next;
  Block<const T> x;
  Block<T> y;
};

template <class T>
RingEngine<T>::RingEngine(const Desc& desc, const Parameters<T>& parameters, const Exec& exec)
    : desc_(desc), exec_(exec), activation_(parameters.activation), slope_(parameters.slope) {
  if (parameters.slopes == nullptr) return;
  slopes_ = std::make_unique<T[]>(static_cast<std::size_t>(desc.c_out));
  std::copy_n(parameters.slopes, desc.c_out, slopes_.get());
}

template <class T>
void RingEngine<T>::lay_out(bool rows, index_t weight_bytes) {
  constexpr index_t item = sizeof(T);
  rows_ = rows;
  chunk_ = chunk_for<T>(desc_, weight_bytes);
  const index_t size = desc_.past() + std::max(chunk_, desc_.stride);
  ring_ = rows ? Ring::of_rows(size, desc_.c_in, kernels().conv.gemm.lanes * kMaxNv)
               : Ring::of_pixels(size, desc_.c_in);
  ring_.elements = cache_lines(ring_.elements * item) / item;
  rings_bytes_ = desc_.batch * ring_.elements * item;
  scratch_bytes_ = cache_lines(chunk_ * desc_.out_step() * desc_.c_out * item);
  this->memory_bytes_ = kHeader + rings_bytes_ + exec_.threads * scratch_bytes_;
}

template <class T>
T* RingEngine<T>::elements(std::byte* memory, index_t item) const noexcept {
  return reinterpret_cast<T*>(memory + kHeader) + item * ring_.elements;
}
template <class T>
const T* RingEngine<T>::elements(const std::byte* memory, index_t item) const noexcept {
  return reinterpret_cast<const T*>(memory + kHeader) + item * ring_.elements;
}

template <class T>
void RingEngine<T>::reset(std::byte* memory, const bool* mask) const noexcept {
  if (mask == nullptr) next(memory) = 0;
  for (index_t item = 0; item < desc_.batch; ++item)
    if (mask == nullptr || mask[item])
      std::fill_n(elements(memory, item), ring_.elements, this->nothing());
}

template <class T>
void RingEngine<T>::run(std::byte* memory, index_t phase, index_t n, const Block<const T>& x,
                        const Block<T>& y) const noexcept {
  if (n == 0 || desc_.batch == 0) return;
  const Call call{memory, phase, n, next(memory), x, y};
  const index_t m = desc_.outputs(phase, n) / desc_.out_step();
  const bool in_place = !rows_ && (y.channel == 1 || desc_.c_out == 1) && n <= chunk_;
  const double work = double(desc_.batch) * double(m) * double(desc_.kernel) *
                      double(desc_.c_in / desc_.groups) * double(desc_.c_out);
  const Team team = useful_threads(desc_.batch, work, exec_.threads);
  if (team.threads > 1)
    parallel_for(desc_.batch, team,
                 [&](index_t item, int thread) { run_item(call, item, thread, 1); });
  else if (in_place && 2 * m <= desc_.batch)
    run_together(call);
  else
    for (index_t item = 0; item < desc_.batch; ++item) run_item(call, item, 0, exec_.threads);
  next(memory) = (call.next + n) % ring_.size;
}

// Chunk by chunk. A channel of results that do not lie as they are computed goes through scratch.
template <class T>
void RingEngine<T>::run_item(const Call& call, index_t item, int thread,
                             int threads) const noexcept {
  T* const ring = elements(call.memory, item);
  T* const scratch =
      reinterpret_cast<T*>(call.memory + kHeader + rings_bytes_ + thread * scratch_bytes_);
  index_t phase = call.phase, next = call.next, written = 0;
  for (index_t t = 0; t < call.n;) {
    const index_t some = std::min(chunk_, call.n - t);
    append(ring_, ring, next, some, call.x.at(item, t), call.x, kernels());
    const index_t m = desc_.outputs(phase, some);
    if (m > 0) {
      const Block<T>& y = call.y;
      const bool in_place = rows_ ? y.sample == 1 || m == 1 : y.channel == 1 || desc_.c_out == 1;
      T* const to = y.at(item, written);
      const index_t newest = ring_.behind(next, desc_.past()) + desc_.first(phase);
      const index_t channel = in_place ? y.channel : rows_ ? m : 1;
      const index_t sample = in_place ? y.sample : rows_ ? 1 : desc_.c_out;
      compute_all({.x = ring + newest * ring_.sample,
                   .x_step = desc_.in_step() * ring_.sample,
                   .y = in_place ? to : scratch,
                   .y_step = desc_.out_step() * sample,
                   .y_sample = rows_ ? channel : sample,
                   .n = m / desc_.out_step()},
                  threads);
      if (!in_place)
        copy_samples(desc_.c_out, m, static_cast<const T*>(scratch), channel, sample, to, y.channel,
                     y.sample, kernels());
    }
    written += m, t += some;
    phase = desc_.after(phase, some), next = ring_.after(next, some);
  }
}

// A short block of many items: the tiles of an output hold items, which share its weights.
template <class T>
void RingEngine<T>::run_together(const Call& call) const noexcept {
  for (index_t item = 0; item < desc_.batch; ++item)
    append(ring_, elements(call.memory, item), call.next, call.n, call.x.at(item, 0), call.x,
           kernels());
  const index_t newest = ring_.behind(call.next, desc_.past()) + desc_.first(call.phase);
  const index_t m = desc_.outputs(call.phase, call.n) / desc_.out_step();
  for (index_t j = 0; j < m; ++j)
    compute_all({.x = elements(call.memory, 0) + (newest + j * desc_.in_step()) * ring_.sample,
                 .x_step = ring_.elements,
                 .y = call.y.at(0, j * desc_.out_step()),
                 .y_step = call.y.item,
                 .y_sample = call.y.sample,
                 .n = desc_.batch},
                exec_.threads);
}

template <class T>
void RingEngine<T>::compute_all(const Outputs<T>& outputs, int threads) const noexcept {
  const double work = double(outputs.n) * double(desc_.kernel) * double(desc_.c_in / desc_.groups) *
                      double(desc_.c_out);
  parallel_for(parts(), useful_threads(parts(), work, threads),
               [&](index_t part, int) { compute(part, outputs); });
  if (desc_.op == Op::average || (activation_ != Activation::none && !clamped())) finish(outputs);
}

// What the kernels have not done: the quotient of averages, and activations that are no limits.
template <class T>
void RingEngine<T>::finish(const Outputs<T>& outputs) const noexcept {
  const index_t channels = desc_.c_out, samples = desc_.out_step();
  if (rows_) {
    for (index_t c = 0; c < channels; ++c)
      finish_row(outputs.y + c * outputs.y_sample, outputs.n, slopes_ ? slopes_[c] : slope_);
  } else if (slopes_) {
    for (index_t i = 0; i < outputs.n; ++i)
      for (index_t r = 0; r < samples; ++r) {
        T* y = outputs.y + i * outputs.y_step + r * outputs.y_sample;
        kernels().elementwise.prelu_row(y, slopes_.get(), y, channels);
      }
  } else if (outputs.y_step == samples * channels &&
             (samples == 1 || outputs.y_sample == channels)) {
    finish_row(outputs.y, outputs.n * samples * channels, slope_);
  } else {
    for (index_t i = 0; i < outputs.n; ++i)
      for (index_t r = 0; r < samples; ++r)
        finish_row(outputs.y + i * outputs.y_step + r * outputs.y_sample, channels, slope_);
  }
}

template <class T>
void RingEngine<T>::finish_row(T* y, index_t n, T slope) const noexcept {
  if (desc_.op == Op::average)
    kernels().pool.divide(y, n, static_cast<T>(desc_.divisor), nullptr);
  else
    kernels().elementwise.activate(activation_, y, y, n, slope);
}

template <class T>
void RingEngine<T>::read_past(const std::byte* memory, index_t n,
                              const Block<T>& to) const noexcept {
  const index_t next = *reinterpret_cast<const index_t*>(memory);
  for (index_t item = 0; item < desc_.batch; ++item)
    copy_samples(ring_.channels, n,
                 elements(memory, item) + (ring_.behind(next, n) - n) * ring_.sample, ring_.channel,
                 ring_.sample, to.at(item, 0), to.channel, to.sample, kernels());
}

template <class T>
void RingEngine<T>::write_past(std::byte* memory, index_t n,
                               const Block<const T>& from) const noexcept {
  reset(memory, nullptr);
  for (index_t item = 0; item < desc_.batch; ++item)
    append(ring_, elements(memory, item), 0, n, from.at(item, 0), from, kernels());
  next(memory) = n % ring_.size;
}

template class RingEngine<float>;
template class RingEngine<double>;

}  // namespace fastconv::stream
