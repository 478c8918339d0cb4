// SPDX-License-Identifier: MIT
// The past of a stream: a ring that holds the last samples of each item twice, so that any run of
// them is one piece of memory and no call ever has to move them.
//
//     places    0 .. size                size .. 2 * size
//               [ samples 8 9 10 3 4 5 6 7 | samples 8 9 10 3 4 5 6 7 ]      next: place 3
//                                        '--- 5 6 7 8 9 10 ---'
//
// A place holds a pixel, the channels of a sample as neighbours, or one element of each row, where
// every channel has a row of 2 * size elements.
#pragma once

#include <algorithm>
#include <cstddef>

#include "algorithms/stream/engine.h"

namespace fastconv::stream {

// The shape of such a ring, whose elements are those of one item.
struct Ring {
  index_t size = 0;  // places
  index_t channels = 0;
  index_t channel = 0;   // elements from a channel to the next
  index_t sample = 0;    // elements from a sample to the next
  index_t elements = 0;  // of an item, both copies

  static Ring of_pixels(index_t size, index_t channels) {
    return {size, channels, 1, channels, 2 * size * channels};
  }
  // `more` elements can be read behind each row.
  static Ring of_rows(index_t size, index_t channels, index_t more) {
    const index_t row = 2 * size + more;
    return {size, channels, row, 1, row * channels};
  }
  // The place before which the n samples that end before place `next` can all be read, n <= size.
  index_t behind(index_t next, index_t n) const { return next >= n ? next : next + size; }
  index_t after(index_t next, index_t n) const {
    return next + n < size ? next + n : next + n - size;
  }
};

// Copies n <= size samples of one item into its ring, from place `next` on.
template <class T>
void append(const Ring& ring, T* elements, index_t next, index_t n, const T* x,
            const Block<const T>& block, const Kernels<T>& kernels) noexcept;

// Copies n samples of `channels` channels between memory of any two layouts. Channels or samples
// are neighbours in at least one of them.
template <class T>
void copy_samples(index_t channels, index_t n, const T* from, index_t from_channel,
                  index_t from_sample, T* to, index_t to_channel, index_t to_sample,
                  const Kernels<T>& kernels) noexcept;

}  // namespace fastconv::stream
