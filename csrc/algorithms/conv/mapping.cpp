// SPDX-License-Identifier: MIT
// How a descriptor becomes a problem, and how its solution runs, in a frame if it needs one.
#include "algorithms/conv/mapping.h"

#include <algorithm>

#include "algorithms/conv/frame.h"
#include "algorithms/conv/shapes.h"
#include "core/memory.h"

namespace fastconv {

Problem problem_of(const ConvDesc& d, Pass pass, const Request& request) {
  const bool forward = pass == Pass::forward;
  Problem problem{.phases = {},
                  .batch = d.batch,
                  .channels = forward ? d.c_out : d.c_in,
                  .plane = forward ? d.out_plane() : d.in_plane(),
                  .request = request};
  if (forward)
    problem.phases.push_back(forward_of(d));
  else
    problem.phases = adjoint_of(d, &problem.complete);
  if (problem.phases.size() == 1 && is_pointwise(problem.phases[0]))
    problem.flat = flattened(problem.phases[0]);
  return problem;
}

template <class T>
Mapping<T>::Mapping(const ConvDesc& d, Pass pass, const Request& request, const Exec& exec)
    : d_(d), exec_(exec), framed_(pass == Pass::adjoint && d.mode != PadMode::zeros) {
  if (!framed_) {
    solution_ = solution_of<T>(d, pass, request, exec);
    return;
  }
  const ConvDesc frame = frame_of(d);
  frame_bytes_ = cache_lines(frame.batch * frame.c_in * frame.in_plane() * index_t{sizeof(T)});
  solution_ = solution_of<T>(frame, pass, request, exec);
}

template <class T>
index_t Mapping<T>::packed_bytes() const {
  return cache_lines(prepared().packed_elements() * index_t{sizeof(T)});
}

template <class T>
index_t Mapping<T>::workspace_bytes() const {
  return frame_bytes_ + prepared().scratch_bytes();
}

// Numbers are packed in place of weights, and so tell which weight went where. A number has two
// digits, because a float holds no integers beyond 2^24. Elements that pack() leaves out stay 0.
template <class T>
void Mapping<T>::unpack(const T* packed, T* weights) const {
  constexpr index_t kDigit = 1 << 12;
  const index_t n = d_.c_out * d_.depth(), elements = prepared().packed_elements();
  const Scratch numbers(n * index_t{sizeof(T)}), low(packed_bytes()), high(packed_bytes());
  std::fill_n(low.as<T>(), elements, T{0});
  for (index_t i = 0; i < n; ++i) numbers.as<T>()[i] = static_cast<T>(i % kDigit + 1);
  pack(numbers.as<T>(), low.as<T>());
  for (index_t i = 0; i < n; ++i) numbers.as<T>()[i] = static_cast<T>(i / kDigit);
  pack(numbers.as<T>(), high.as<T>());
  for (index_t i = 0; i < elements; ++i) {
    const auto digit = static_cast<index_t>(low.as<T>()[i]);
    if (digit != 0) weights[static_cast<index_t>(high.as<T>()[i]) * kDigit + digit - 1] = packed[i];
  }
}

template <class T>
void Mapping<T>::run(const ConvArgs<T>& args, std::byte* workspace) const noexcept {
  if (!framed_) return prepared().run(args, exec_, workspace);
  ConvArgs<T> framed = args;
  framed.y = reinterpret_cast<T*>(workspace);
  framed.y_image = 0;
  prepared().run(framed, exec_, workspace + frame_bytes_);
  fold_padding(d_, framed.y, args.y, args.y_image, exec_);
}

template class Mapping<float>;
template class Mapping<double>;

}  // namespace fastconv
