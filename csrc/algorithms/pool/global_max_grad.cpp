// SPDX-License-Identifier: MIT
#include "algorithms/pool/global_max_grad.h"

#include "algorithms/pool/scatter.h"
#include "core/memory.h"

namespace fastconv::pool {

template <class T>
index_t GlobalMaxGrad<T>::found_bytes() const {
  constexpr auto kPair = static_cast<index_t>(sizeof(std::int64_t) + sizeof(T));
  return cache_lines(d_.planes() * kPair);
}

template <class T>
void GlobalMaxGrad<T>::run(const T* x, const T* dy, T* dx, const Exec& exec,
                           std::byte* scratch) const noexcept {
  auto* places = reinterpret_cast<std::int64_t*>(scratch);
  auto* values = reinterpret_cast<T*>(places + d_.planes());
  maxima_.run({.from = x, .to = values, .indices = places}, exec, scratch + found_bytes());
  scatter_add<T>({d_.planes(), 1, d_.in_plane()}, dy, places, dx, exec.threads);
}

template class GlobalMaxGrad<float>;
template class GlobalMaxGrad<double>;

}  // namespace fastconv::pool
