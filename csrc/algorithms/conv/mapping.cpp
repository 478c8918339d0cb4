// SPDX-License-Identifier: MIT
// How a descriptor becomes a problem, and how its solution runs, in a frame if it needs one.
#include "algorithms/conv/mapping.h"

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
