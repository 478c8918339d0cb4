// SPDX-License-Identifier: MIT
#include "algorithms/stream/past.h"

#include <cstring>

namespace fastconv::stream {

template <class T>
void copy_samples(index_t channels, index_t n, const T* from, index_t from_channel,
                  index_t from_sample, T* to, index_t to_channel, index_t to_sample,
                  const Kernels<T>& kernels) noexcept {
  constexpr index_t kFew = 4;  // shorter rows are copied before a transpose has begun
  if (from_channel == 1 && to_channel == 1) {
    if (from_sample == channels && to_sample == channels) {
      std::copy_n(from, n * channels, to);
    } else {
      for (index_t t = 0; t < n; ++t)
        std::copy_n(from + t * from_sample, channels, to + t * to_sample);
    }
  } else if (from_sample == 1 && to_sample == 1) {
    for (index_t c = 0; c < channels; ++c)
      std::copy_n(from + c * from_channel, n, to + c * to_channel);
  } else if (from_sample == 1 && to_channel == 1 && n >= kFew) {
    kernels.elementwise.transpose({from, from_channel, to, to_sample, channels, n});
  } else if (from_channel == 1 && to_sample == 1 && n >= kFew) {
    kernels.elementwise.transpose({from, from_sample, to, to_channel, n, channels});
  } else {
    for (index_t t = 0; t < n; ++t)
      for (index_t c = 0; c < channels; ++c)
        to[c * to_channel + t * to_sample] = from[c * from_channel + t * from_sample];
  }
}

template <class T>
void append(const Ring& ring, T* elements, index_t next, index_t n, const T* x,
            const Block<const T>& block, const Kernels<T>& kernels) noexcept {
  const index_t second = ring.size * ring.sample;  // from the first copy to the second
  while (n > 0) {
    const index_t some = std::min(n, ring.size - next);
    T* to = elements + next * ring.sample;
    copy_samples(ring.channels, some, x, block.channel, block.sample, to, ring.channel, ring.sample,
                 kernels);
    copy_samples(ring.channels, some, static_cast<const T*>(to), ring.channel, ring.sample,
                 to + second, ring.channel, ring.sample, kernels);
    x += some * block.sample, n -= some, next = 0;
  }
}

template void append(const Ring&, float*, index_t, index_t, const float*, const Block<const float>&,
                     const Kernels<float>&) noexcept;
template void append(const Ring&, double*, index_t, index_t, const double*,
                     const Block<const double>&, const Kernels<double>&) noexcept;
template void copy_samples(index_t, index_t, const float*, index_t, index_t, float*, index_t,
                           index_t, const Kernels<float>&) noexcept;
template void copy_samples(index_t, index_t, const double*, index_t, index_t, double*, index_t,
                           index_t, const Kernels<double>&) noexcept;

}  // namespace fastconv::stream
