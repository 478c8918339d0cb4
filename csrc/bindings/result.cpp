// SPDX-License-Identifier: MIT
// Where kernels write: a new array, the caller's `out`, or a temporary that is copied there.
#include <cstring>

#include "bindings/arrays.h"
#include "bindings/result_memory.h"
#include "bindings/views.h"
#include "core/require.h"

namespace fastconv {

Result::Result(const Dims& dims, DType dtype, py::handle out,
               std::initializer_list<const Operand*> inputs)
    : dtype_(dtype) {
  const int same[] = {0, 1, 2, 3};
  prepare(dims, dims, same, Gaps::none, out, inputs, nullptr);
}

Result::Result(const Dims& nchw, int spatial, bool batched, const Options& options, DType dtype,
               py::handle out, std::initializer_list<const Operand*> inputs,
               const Operand* in_place, Gaps gaps)
    : dtype_(dtype), threads_(options.threads) {
  const AxisMap map = axis_map(spatial, batched, options.channels_last);
  const Dims caller = caller_dims(nchw, spatial, batched, options.channels_last);
  const int pixels[] = {map.of[0], map.of[2], map.of[3], map.of[1]};
  if (gaps == Gaps::pixels || gaps == Gaps::anywhere)
    prepare(caller, {nchw[0], nchw[2], nchw[3], nchw[1]}, pixels, gaps, out, inputs, in_place);
  else
    prepare(caller, nchw, map.of, gaps, out, inputs, in_place);
}

// Whether kernels may write the result while they read the input: it is a copy, it lies elsewhere,
// or it is exactly the result and may be that.
bool Result::apart_from(const Operand& input, bool may_be_out) const {
  if (input.copied.bytes() != nullptr) return true;
  const auto array = py::reinterpret_borrow<py::array>(result_);
  if (may_be_out && input.data == array.data() && input.image_step == image_step_ &&
      input.row_step == row_step_ && input.pixel_step == pixel_step_)
    return true;
  Operand bounds;
  set_bounds(bounds, array);
  if (bounds.last <= input.first || input.last <= bounds.first) return true;
  // Slices of channels of one array lie between each other.
  return !share_memory(array, py::reinterpret_borrow<py::array>(input.owner));
}

void Result::prepare(const Dims& caller, const Dims& order, const int* axis_of, Gaps gaps,
                     py::handle out, std::initializer_list<const Operand*> inputs,
                     const Operand* in_place) {
  py::dtype wanted = numpy_dtype(dtype_);
  const index_t item = wanted.itemsize();
  bytes_ = product("the result", {order.size(), item});
  const py::array array = out.is_none()
                              ? fresh_array(std::move(wanted), caller.rank, caller.at)
                              : checked_out(out, dtype_, {caller.at, caller.at + caller.rank});
  result_ = array;
  view_.dims = order;
  for (int i = 0; i < order.rank; ++i)
    view_.strides[i] = axis_of[i] >= 0 ? array.strides(axis_of[i]) : 0;
  const auto steps = steps_of(view_, array, gaps);
  bool direct = steps && writable_apart(view_, *steps, gaps);
  if (direct) image_step_ = steps->image, row_step_ = steps->row, pixel_step_ = steps->pixel;
  if (!out.is_none())
    for (const Operand* input : inputs)
      direct = direct && (input == nullptr || apart_from(*input, input == in_place));
  if (!direct) {
    work_ = Scratch(bytes_);
    const Steps dense = gaps == Gaps::anywhere ? dense_steps(order) : Steps{};
    image_step_ = dense.image, row_step_ = dense.row, pixel_step_ = dense.pixel;
  }
  data_ = direct ? const_cast<void*>(array.data()) : work_.bytes();
}

void Result::zero() const { std::memset(data_, 0, static_cast<std::size_t>(bytes_)); }

py::object Result::finish() const {
  if (work_.bytes())
    copy_out(view_, py::reinterpret_borrow<py::array>(result_), dtype_, data_, threads_);
  return result_;
}

}  // namespace fastconv
