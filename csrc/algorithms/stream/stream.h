// SPDX-License-Identifier: MIT
// A stream: an engine, which it may share with its copies, and what it remembers of its signal.
#pragma once

#include "algorithms/stream/engine.h"
#include "core/memory.h"

namespace fastconv::stream {

template <class T>
class Stream {
 public:
  Stream(const Desc& desc, std::shared_ptr<const Engine<T>> engine);
  Stream(const Stream& other);
  Stream& operator=(const Stream&) = delete;

  const Desc& desc() const { return desc_; }
  const Engine<T>& engine() const { return *engine_; }
  bool begun() const { return begun_; }  // whether a sample has come since it began
  // How many samples come out if n go in now, and how many finish() gives now.
  index_t outputs(index_t n) const { return desc_.outputs(phase_, n); }
  index_t owed() const { return begun_ ? desc_.owed(phase_) : 0; }

  index_t operations() const { return engine_->operations(memory_.bytes()); }
  // Takes n samples and writes outputs(n), which lie apart from them.
  void run(index_t n, const Block<const T>& x, const Block<T>& y) noexcept;
  // Writes what is owed, and begins anew. Takes memory where a transposed convolution owes less
  // than whole strides.
  void finish(const Block<T>& y);
  // Lets all items begin anew, or those of a mask. These wait for the next stride like all others,
  // as if zeros had come since the last one.
  void reset(const bool* mask) noexcept;

  // The last samples, as many as `kept` tells: what outputs depend on, and those of a stride that
  // has begun.
  index_t kept() const { return desc_.kept(phase_); }
  void read_state(const Block<T>& to) const noexcept;
  // Takes n of them, from which the phase follows: n - desc().past(), from 0 up to the stride.
  void write_state(index_t n, const Block<const T>& from) noexcept;

 private:
  const Desc desc_;
  const std::shared_ptr<const Engine<T>> engine_;
  Scratch memory_;
  index_t phase_ = 0;
  bool begun_ = false;
};

}  // namespace fastconv::stream
