// SPDX-License-Identifier: MIT
#include "algorithms/stream/stream.h"

#include <cstring>

#include "algorithms/stream/past.h"

namespace fastconv::stream {

template <class T>
Stream<T>::Stream(const Desc& desc, std::shared_ptr<const Engine<T>> engine)
    : desc_(desc), engine_(std::move(engine)), memory_(engine_->memory_bytes()) {
  reset(nullptr);
}

template <class T>
Stream<T>::Stream(const Stream& other)
    : desc_(other.desc_),
      engine_(other.engine_),
      memory_(engine_->memory_bytes()),
      phase_(other.phase_),
      begun_(other.begun_) {
  std::memcpy(memory_.bytes(), other.memory_.bytes(),
              static_cast<std::size_t>(engine_->memory_bytes()));
}

template <class T>
void Stream<T>::run(index_t n, const Block<const T>& x, const Block<T>& y) noexcept {
  engine_->run(memory_.bytes(), phase_, n, x, y);
  phase_ = desc_.after(phase_, n), begun_ = begun_ || n > 0;
}

template <class T>
void Stream<T>::finish(const Block<T>& y) {
  const index_t owed = this->owed(), missing = desc_.missing(phase_), all = outputs(missing);
  const T nothing = engine_->nothing();
  const Block<const T> silence{&nothing, 0, 0, 0};
  if (owed > 0 && owed == all) {
    run(missing, silence, y);
  } else if (owed > 0) {
    const Scratch scratch(desc_.batch * all * desc_.c_out * index_t{sizeof(T)});
    const Block<T> whole{scratch.as<T>(), all * desc_.c_out, 1, desc_.c_out};
    run(missing, silence, whole);
    for (index_t n = 0; n < desc_.batch; ++n)
      for (index_t t = 0; t < owed; ++t)
        for (index_t c = 0; c < desc_.c_out; ++c) y.at(n, t)[c * y.channel] = whole.at(n, t)[c];
  }
  reset(nullptr);
}

template <class T>
void Stream<T>::reset(const bool* mask) noexcept {
  engine_->reset(memory_.bytes(), mask);
  if (mask == nullptr) phase_ = 0, begun_ = false;
}

template <class T>
void Stream<T>::read_state(const Block<T>& to) const noexcept {
  engine_->read_past(memory_.bytes(), kept(), to);
}

template <class T>
void Stream<T>::write_state(index_t n, const Block<const T>& from) noexcept {
  engine_->write_past(memory_.bytes(), n, from);
  phase_ = n - desc_.past(), begun_ = true;
}

template class Stream<float>;
template class Stream<double>;

}  // namespace fastconv::stream
