// SPDX-License-Identifier: MIT
// How a descriptor becomes a problem, and how its solution runs, in a frame if it needs one.
#include "algorithms/conv/mapping.h"

#include <algorithm>
#include <utility>

#include "algorithms/conv/shapes.h"
#include "algorithms/conv/table.h"
#include "algorithms/conv/turn.h"
#include "algorithms/correlation/frame.h"
#include "core/memory.h"

namespace fastconv {

namespace {

Problem problem_with(const ConvDesc& d, Pass pass, const Request& request, Taps taps) {
  const bool forward = pass == Pass::forward;
  Problem problem{.phases = {},
                  .batch = d.batch,
                  .channels = forward ? d.c_out : d.c_in,
                  .plane = forward ? d.out_plane() : d.in_plane(),
                  .width = forward ? d.w.out : d.w.in,
                  .in_channels = forward ? d.c_in : d.c_out,
                  .in_plane = forward ? d.in_plane() : d.out_plane(),
                  .request = request};
  if (forward) {
    Correlation r = forward_of(d, taps);
    problem.complete = r.taps() > 0;
    if (problem.complete) problem.phases.push_back(std::move(r));
  } else {
    problem.phases = adjoint_of(d, &problem.complete, taps);
  }
  if (problem.phases.size() == 1 && is_pointwise(problem.phases[0]))
    problem.flat = flattened(problem.phases[0]);
  return problem;
}

// What the engine computes for d, and in which frame. A constant feeds no gradient, so that its
// adjoint is that of zeros.
ConvDesc without_constant(const ConvDesc& d, Pass pass) {
  if (d.mode != PadMode::constant) return d;
  if (pass == Pass::forward) return frame_of(d);
  ConvDesc zeros = d;
  zeros.mode = PadMode::zeros;
  zeros.pad_value = 0;
  return zeros;
}

}  // namespace

template <class T>
Problem problem_of(const ConvDesc& described, Pass pass, const Request& request, const Exec& exec) {
  const ConvDesc d = without_constant(described, pass);
  Problem problem = problem_with(d, pass, request, Taps::reaching);
  if (request.algorithm == nullptr || is_taken<T>(problem, exec)) return problem;
  return problem_with(d, pass, request, Taps::all);
}
template Problem problem_of<float>(const ConvDesc&, Pass, const Request&, const Exec&);
template Problem problem_of<double>(const ConvDesc&, Pass, const Request&, const Exec&);

template <class T>
Mapping<T>::Mapping(const ConvDesc& d, Pass pass, const Request& request, const Exec& exec)
    : d_(d),
      exec_(exec),
      framed_(pass == Pass::adjoint && d.mode != PadMode::zeros && d.mode != PadMode::constant),
      filled_(pass == Pass::forward && d.mode == PadMode::constant) {
  const ConvDesc own = framed_ ? frame_of(d) : without_constant(d, pass);
  solution_ = solution_of<T>(own, pass, request, exec);
  const ImageShape image{own.batch, own.c_in, own.h.in, own.w.in};
  const ImageShape other{own.batch, own.c_out, own.h.out, own.w.out};
  x_ = pass == Pass::forward ? image : other, y_ = pass == Pass::forward ? other : image;
  const Layouts wanted = algorithm().layouts(request.layouts);
  const auto bytes = [](const ImageShape& shape) {
    return cache_lines(shape.size() * index_t{sizeof(T)});
  };
  pixels_ = request.layouts.y_pixels;
  turns_x_ = request.layouts.x_pixels != wanted.x_pixels;
  turns_y_ = request.layouts.y_pixels != wanted.y_pixels;
  frame_bytes_ = framed_ ? bytes(y_) : filled_ ? bytes(x_) : 0;
  x_bytes_ = turns_x_ ? bytes(x_) : 0;
  y_bytes_ = turns_y_ ? bytes(y_) : 0;
}

template <class T>
index_t Mapping<T>::packed_bytes() const {
  return cache_lines(prepared().packed_elements() * index_t{sizeof(T)});
}

template <class T>
index_t Mapping<T>::workspace_bytes() const {
  return frame_bytes_ + x_bytes_ + y_bytes_ + prepared().scratch_bytes();
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
  ConvArgs<T> framed = args;
  if (filled_) fill_frames(d_, reinterpret_cast<T*>(workspace), framed, exec_);
  if (!framed_) return run_turned(framed, workspace + frame_bytes_);
  framed.y = reinterpret_cast<T*>(workspace);
  framed.y_image = framed.y_row = framed.y_pixel = 0;
  if (pixels_)
    framed.y_pixel = y_.c, framed.y_row = y_.w * y_.c, framed.y_image = y_.h * y_.w * y_.c;
  run_turned(framed, workspace + frame_bytes_);
  fold_padding<T>(d_, framed.y, args, exec_);
}

template <class T>
void Mapping<T>::run_turned(const ConvArgs<T>& args, std::byte* workspace) const noexcept {
  ConvArgs<T> own = args;
  T* const y = reinterpret_cast<T*>(workspace + x_bytes_);
  if (turns_x_) turn_x(x_, reinterpret_cast<T*>(workspace), own, exec_);
  if (turns_y_) expect_turned_y(y_, y, own, exec_);
  prepared().run(own, exec_, workspace + x_bytes_ + y_bytes_);
  if (turns_y_) turn_y<T>(y_, y, args, exec_);
}

template class Mapping<float>;
template class Mapping<double>;

}  // namespace fastconv
