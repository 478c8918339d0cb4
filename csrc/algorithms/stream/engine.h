// SPDX-License-Identifier: MIT
// The interface of whatever computes the outputs of a stream. An engine is made for one description
// and one set of weights, and never changes: all that a stream remembers lies in memory of a fixed
// size that belongs to the stream, and that may be copied byte by byte. So any number of streams
// can share an engine, each with its own memory.
#pragma once

#include <cstddef>
#include <memory>

#include "algorithms/stream/desc.h"
#include "core/exec.h"

namespace fastconv::stream {

// Samples as they lie: channel c of sample t of item n is data[n * item + c * channel + t *
// sample]. All distances may be of any sign, and 0 where one element stands for many.
template <class T>
struct Block {
  T* data;
  index_t item, channel, sample;
  T* at(index_t n, index_t t) const { return data + n * item + t * sample; }
};

// What an engine computes with, as the caller has it; the engine copies what it needs.
template <class T>
struct Parameters {
  const T* weights =
      nullptr;              // (c_out, c_in / groups, kernel), transposed (c_in, c_out / groups, ..)
  const T* bias = nullptr;  // (c_out,) or null
  Activation activation = Activation::none;
  T slope = T{0};
  const T* slopes = nullptr;  // (c_out,) of a leaky_relu whose slope differs by channel, or null
};

template <class T>
class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  virtual const char* name() const = 0;
  // What stands for the samples before the first one and behind the last.
  virtual T nothing() const { return T{0}; }
  // The size of a stream's memory, which is aligned to 64 bytes: the past, and what a run needs
  // beside it.
  index_t memory_bytes() const { return memory_bytes_; }
  // Lets all items begin anew, or those i for which mask[i] is true. Before its first use all of a
  // memory begins anew.
  virtual void reset(std::byte* memory, const bool* mask) const noexcept = 0;
  // Takes n samples of every item, the first of which has this phase, and writes every output that
  // comes with them, desc.outputs(phase, n) samples of c_out channels, which lie apart from x. This
  // allocates nothing, takes no lock and asks the system for nothing, if it runs on one thread.
  virtual void run(std::byte* memory, index_t phase, index_t n, const Block<const T>& x,
                   const Block<T>& y) const noexcept = 0;
  // The last n inputs of every item, n <= desc.past() + desc.stride - 1, out of the memory and back
  // into it. What was before them is forgotten.
  virtual void read_past(const std::byte* memory, index_t n, const Block<T>& to) const noexcept = 0;
  virtual void write_past(std::byte* memory, index_t n,
                          const Block<const T>& from) const noexcept = 0;
  // Additions and multiplications of the last run, where they differ from run to run; else 0.
  virtual index_t operations(const std::byte*) const noexcept { return 0; }

 protected:
  index_t memory_bytes_ = 0;
};

// The engine that adds the terms of each output one after another, in an order that follows from
// the description alone, so that no bit of an output depends on how the signal was cut.
template <class T>
std::shared_ptr<const Engine<T>> make_direct_engine(const Desc& desc,
                                                    const Parameters<T>& parameters,
                                                    const Exec& exec);

}  // namespace fastconv::stream
