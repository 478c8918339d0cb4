// SPDX-License-Identifier: MIT
// The choice between copying by SIMD and copying by NumPy.
#include "bindings/views.h"
#include "bindings/unlocked.h"

#include <cstdlib>
#include <vector>

#include "algorithms/elementwise/transpose.h"
#include "core/dispatch.h"

namespace fastconv {
namespace {

using py::detail::npy_api;

// Below this many bytes a copy is over before another Python thread could have used the time.
constexpr index_t kWorthUnlocking = 256 << 10;

std::optional<ChannelsLast> channels_last(const View& view, const py::array& array) {
  const index_t item = array.itemsize();
  const Dims& d = view.dims;
  if (d.rank != 4 || view.strides[1] != item) return {};
  if (!aligned(array.data(), item) || !is_native(array)) return {};
  index_t steps[4];
  for (int i = 0; i < 4; ++i) {
    if (d[i] > 1 && view.strides[i] % item != 0) return {};
    steps[i] = d[i] > 1 ? view.strides[i] / item : 0;
  }
  // If the width is 1, the height takes its place.
  if (d[3] == 1) steps[3] = steps[2];
  return ChannelsLast{.n = d[0],
                      .c = d[1],
                      .h = d[3] == 1 ? 1 : d[2],
                      .w = d[3] == 1 ? d[2] : d[3],
                      .n_step = steps[0],
                      .h_step = steps[2],
                      .w_step = steps[3]};
}

py::array in_numpy(const View& view, const py::array& array) {
  const std::vector<py::ssize_t> shape(view.dims.at, view.dims.at + view.dims.rank);
  const std::vector<py::ssize_t> strides(view.strides, view.strides + view.dims.rank);
  return py::array(array.dtype(), shape, strides, array.data(), array);
}

py::array in_numpy(const Dims& dims, DType dtype, void* data) {
  const std::vector<py::ssize_t> shape(dims.at, dims.at + dims.rank);
  return py::array(numpy_dtype(dtype), shape, data, py::none());
}

void numpy_copy(const py::array& to, const py::array& from) {
  if (npy_api::get().PyArray_CopyInto_(to.ptr(), from.ptr()) < 0) throw py::error_already_set();
}

template <class F>
void run(index_t bytes, const F& f) {
  if (bytes < kWorthUnlocking) return f();
  const Unlocked unlocked;
  f();
}

}  // namespace

bool contiguous(const View& view, index_t item) {
  if (view.dims.size() == 0) return true;
  index_t expected = item;
  for (int i = view.dims.rank - 1; i >= 0; --i) {
    if (view.dims[i] != 1 && view.strides[i] != expected) return false;
    expected *= view.dims[i];
  }
  return true;
}

bool aligned(const void* data, index_t item) {
  return reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(item) == 0;
}

bool is_native(const py::array& array) {
  const char order = array.dtype().byteorder();
  return order == '=' || order == '|' ||
         order == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>');
}

Steps dense_steps(const Dims& d) { return {d[1] * d[2] * d[3], d[2] * d[3], d[3]}; }

namespace {

// Steps of pixels that lie anywhere.
std::optional<Steps> any_steps(const View& view, index_t item) {
  if (view.dims[3] > 1 && view.strides[3] != item) return {};
  const Steps dense = dense_steps(view.dims);
  const index_t whole[] = {dense.image, dense.row, dense.pixel};
  index_t steps[3];
  for (int i = 0; i < 3; ++i) {
    if (view.dims[i] > 1 && (view.strides[i] == 0 || view.strides[i] % item != 0)) return {};
    steps[i] = view.dims[i] > 1 ? view.strides[i] / item : whole[i];
  }
  return Steps{steps[0], steps[1], steps[2]};
}

}  // namespace

std::optional<Steps> steps_of(const View& view, const py::array& array, Gaps gaps) {
  const index_t item = array.itemsize();
  if (!aligned(array.data(), item) || !is_native(array)) return {};
  if (gaps == Gaps::anywhere)
    return view.dims.size() == 0 ? dense_steps(view.dims) : any_steps(view, item);
  if (contiguous(view, item)) return Steps{};
  if (gaps == Gaps::none) return {};
  // An image without gaps, or one whose pixels are `pixel` elements apart.
  View image = view;
  image.dims.at[0] = 1;
  Steps steps;
  if (gaps == Gaps::pixels) {
    const index_t channels = image.dims[3];
    // The pixels are those of a row, or of a column if the width is 1.
    const int along = image.dims[2] > 1 ? 2 : 1;
    steps.pixel = image.dims[along] > 1 ? image.strides[along] / item : channels;
    if (steps.pixel < channels) return {};
    if (channels > 1 && image.strides[3] != item) return {};
    image.dims.at[3] = 1;
    image.strides[3] = steps.pixel * item;
    if (!contiguous(image, steps.pixel * item)) return {};
    steps.image = image.dims[1] * image.dims[2] * steps.pixel;
  } else if (!contiguous(image, item)) {
    return {};
  }
  if (view.dims[0] > 1) {
    if (view.strides[0] % item != 0 || view.strides[0] == 0) return {};
    steps.image = view.strides[0] / item;
  }
  return steps;
}

bool writable_apart(const View& view, const Steps& steps, Gaps gaps) {
  if (gaps == Gaps::anywhere) {
    const index_t pixel = view.dims[3];
    const index_t row = (view.dims[2] - 1) * std::abs(steps.pixel) + pixel;
    const index_t image = (view.dims[1] - 1) * std::abs(steps.row) + row;
    return std::abs(steps.pixel) >= pixel && std::abs(steps.row) >= row &&
           (view.dims[0] == 1 || std::abs(steps.image) >= image);
  }
  if (steps.image == 0 || view.dims[0] == 1) return true;
  const index_t one = view.dims.size() / view.dims[0];
  const index_t channels = view.dims[3];
  const index_t reach = steps.pixel == 0 ? one : (one / channels - 1) * steps.pixel + channels;
  return std::abs(steps.image) >= reach;
}

bool share_memory(const py::array& a, const py::array& b) {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> storage;
  const py::object& may_share =
      storage
          .call_once_and_store_result([] {
            return py::module_::import("numpy").attr("may_share_memory").cast<py::object>();
          })
          .get_stored();
  // Slices of channels take one or two candidates; to look at a thousand takes some 10 us.
  constexpr int kMostCandidates = 1000;
  return may_share(a, b, kMostCandidates).cast<bool>();
}

void copy_in(const View& view, const py::array& array, DType dtype, void* to, int threads) {
  const auto image = channels_last(view, array);
  if (!image) return numpy_copy(in_numpy(view.dims, dtype, to), in_numpy(view, array));
  const void* data = array.data();
  const index_t item = array.itemsize();
  const Exec exec = make_exec(threads);
  run(view.dims.size() * item, [&] { to_planes(*image, item, data, to, exec); });
}

void copy_to_pixels(const View& view, const py::array& array, index_t image, void* to,
                    int threads) {
  const index_t item = array.itemsize();
  const Dims& d = view.dims;
  const index_t pixels = d[2] * d[3], size = d[1] * pixels;
  const Exec exec = make_exec(threads);
  run(d.size() * item, [&] {
    for (index_t n = 0; n < d[0]; ++n)
      from_planes(
          {.n = 1, .c = d[1], .h = 1, .w = pixels, .n_step = 0, .h_step = 0, .w_step = d[1]}, item,
          static_cast<const std::byte*>(array.data()) + n * image * item,
          static_cast<std::byte*>(to) + n * size * item, exec);
  });
}

void copy_out(const View& view, const py::array& array, DType dtype, void* from, int threads) {
  const auto image = channels_last(view, array);
  if (!image) return numpy_copy(in_numpy(view, array), in_numpy(view.dims, dtype, from));
  auto* data = const_cast<void*>(array.data());
  const index_t item = array.itemsize();
  const Exec exec = make_exec(threads);
  run(view.dims.size() * item, [&] { from_planes(*image, item, from, data, exec); });
}

}  // namespace fastconv
