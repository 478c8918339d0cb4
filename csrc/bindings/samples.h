// SPDX-License-Identifier: MIT
// Blocks of samples at the boundary: (N, C, W) or (N, W, C) arrays, without N where there is one
// item, as streams read and write them.
#pragma once

#include <memory>

#include "algorithms/stream/engine.h"
#include "bindings/arrays.h"

namespace fastconv {

// What a block has to be like. `n` is the number of its samples, or -1 for any.
struct SamplesLike {
  DType dtype;
  index_t batch, channels, n;
  bool channels_last;
};
// The shape of such a block; where it is not batched, without N.
Dims samples_dims(const SamplesLike& like, bool batched);

// A block as it lies: it is copied only if its elements are not aligned, or not native.
struct Samples : Operand {
  index_t n = 0;
  bool batched = true;
  index_t item = 0, channel = 0, sample = 0;  // distances, in elements

  template <class T>
  stream::Block<const T> as_block() const {
    return {as<T>(), item, channel, sample};
  }
};
// A single item may come without N, if `unbatched`.
Samples to_samples(py::handle value, const char* name, const SamplesLike& like, bool unbatched);

// Contiguous memory of the shape of samples_dims.
template <class T>
stream::Block<T> dense_block(T* data, const SamplesLike& like) {
  const index_t item = like.channels * like.n;
  if (like.channels_last) return {data, item, 1, like.channels};
  return {data, item, like.n, 1};
}

// A flag for each item, from an array of bools.
std::unique_ptr<bool[]> to_mask(py::handle value, const char* name, index_t items);

}  // namespace fastconv
