// SPDX-License-Identifier: MIT
// The only place where NumPy's memory is judged. An Operand is an input as kernels read it:
// contiguous, aligned, native, channels first; what is not is copied once, here. A Result is a
// new array or the caller's `out`, with a place to compute into. No dtype is ever cast.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bindings/arguments.h"
#include "core/memory.h"
#include "core/types.h"

namespace fastconv {

namespace py = pybind11;

enum class DType : int { f32, f64, i8, i16, i32, i64, u8, u16, u32, u64 };
const char* name_of(DType dtype);
py::dtype numpy_dtype(DType dtype);
enum class Accept {
  floats,   // float32 and float64
  samples,  // these, and the integers of images and sound: uint8, int16 and uint16
  numbers   // the floats and all integers
};

// The dtype of an array if it is accepted, else a TypeError.
DType dtype_of(const py::array& array, const char* name, Accept accept);

struct Dims {  // the lengths of up to four axes
  static constexpr int kMost = 4;
  int rank = 0;
  index_t at[kMost] = {};

  Dims() = default;
  Dims(std::initializer_list<index_t> lengths) {
    for (const index_t length : lengths) at[rank++] = length;
  }
  index_t operator[](int axis) const { return at[axis]; }
  index_t size() const {
    index_t n = 1;
    for (int i = 0; i < rank; ++i) n *= at[i];
    return n;
  }
  bool operator==(const Dims& other) const;
  std::string text() const;  // as Python shows a tuple
};

// An array's elements in the order of axes that kernels use, wherever they lie.
struct View {
  Dims dims;
  index_t strides[Dims::kMost] = {};  // bytes
};

// The gaps that an array may have where kernels read or write it as it lies. A slice of channels of
// a larger array has gaps between its images if channels come first, and between its pixels if they
// come last. With `anywhere`, channels come last, and images, rows and pixels lie at any distance.
enum class Gaps { none, images, pixels, anywhere };

struct Operand {
  // What keeps `data` alive: the caller's array, or the copy.
  py::object owner;
  Scratch copied;
  const void* data = nullptr;  // contiguous in the order of `dims`
  DType dtype = DType::f32;
  Dims dims;
  index_t image_step = 0;  // elements from an image to the next if there are gaps between them
  index_t row_step = 0, pixel_step = 0;  // of pixels that may lie anywhere (Gaps::anywhere)
  // Where the caller's own memory begins and ends.
  const std::byte* first = nullptr;
  const std::byte* last = nullptr;

  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
};

// Fills in `first` and `last`.
void set_bounds(Operand& operand, const py::array& array);

using Shape = std::vector<py::ssize_t>;
using ShapeView = std::span<const py::ssize_t>;
std::string text_of(ShapeView shape);  // as Python shows a tuple

// np.asarray(value), also of an object that has nothing but __dlpack__; or TypeError for None,
// masked arrays and memory of a GPU.
py::array as_array(py::handle value, const char* name);
// The caller's `out`, checked: it must have this dtype and shape, and be writable and
// native-endian. Of an object with __dlpack__ it is a view.
py::array checked_out(py::handle out, DType dtype, ShapeView shape);

// np.asarray(value), which may have up to four axes, in its own order of axes.
Operand to_operand(py::handle value, const char* name, Accept accept = Accept::floats);

// An image or signal of `spatial` axes: dims become (N, C, H, W) whatever the layout, with H = 1 in
// one dimension and N = 1 where there is no batch axis.
struct Image : Operand {
  bool batched = true;
  bool pixels = false;  // whether data is (N, H, W, C), although dims are (N, C, H, W)
  index_t n() const { return dims[0]; }
  index_t c() const { return dims[1]; }
  index_t h() const { return dims[2]; }
  index_t w() const { return dims[3]; }
};
Image to_image(py::handle value, const char* name, int spatial, const Options& options,
               Accept accept = Accept::floats, Gaps gaps = Gaps::none);
// The same for functions that can read both planes and pixels: a dense image with channels last
// stays as it is, with `pixels` set, until make_planes copies it. Planes may have gaps between
// images, unless `gaps` says that there are none.
Image to_pixels(py::handle value, const char* name, int spatial, const Options& options,
                Accept accept = Accept::floats, Gaps gaps = Gaps::images);
void make_planes(Image& image, int threads);

// Whether an image of these dims, (N, C, H, W), may be pixels: with one channel, or with one pixel,
// it lies as planes do.
inline bool may_be_pixels(const Dims& nchw) { return nchw[1] > 1 && nchw[2] * nchw[3] > 1; }
// The same for convolutions, which read pixels (Gaps::anywhere) and planes (Gaps::images): an image
// stays as it lies, whatever the order of its axes. One that must be copied becomes what
// data_format says. `pixels` leaves no choice: then an image is copied if it lies otherwise.
Image to_conv_image(py::handle value, const char* name, int spatial, const Options& options,
                    std::optional<bool> pixels = {});
// Whether a convolution writes the result of this shape as pixels: `out`, if there is one, as it
// lies, and a new array as data_format says.
bool result_is_pixels(const Dims& nchw, int spatial, bool batched, const Options& options,
                      py::handle out);

// (N, C, H, W) as the caller sees it: without N if the image is not batched, without H in one
// dimension, with channels last if the caller has asked for them. to_image_size goes the other way,
// from a shape that is an argument (`input_size`).
Dims caller_dims(const Dims& nchw, int spatial, bool batched, bool channels_last);
struct ImageSize {
  Dims nchw;
  bool batched;
};
ImageSize to_image_size(py::handle value, const char* name, int spatial, bool channels_last);
py::tuple as_tuple(const Dims& dims);
// A shape, which must be a sequence of `rank` ints, or of up to four if `rank` is 0. A message
// shows `example` if it is given.
Dims to_dims(py::handle value, const char* name, int rank, const char* example = nullptr);

// Throws a TypeError unless b has a's dtype.
// Makes float32 of an image of uint8, int16 or uint16, by a copy.
void make_floats(Image& image, int threads);

void expect_same_dtype(const Operand& a, const char* a_name, const Operand& b, const char* b_name);
// Throws a ValueError unless the array's dims are `wanted`.
void expect_dims(const Operand& array, const char* name, const Dims& wanted);
// The same for an image. The message shows shapes in the caller's own layout.
void expect_image(const Image& image, const char* name, const Dims& nchw, int spatial, bool batched,
                  bool channels_last);

// A new array or the caller's `out`, which finish() returns, with the memory that kernels write.
class Result {
 public:
  // An array of dims in its own order; `out` may be None. If an input overlaps `out`, kernels write
  // to a temporary. Null inputs do not count.
  Result(const Dims& dims, DType dtype, py::handle out,
         std::initializer_list<const Operand*> inputs = {});
  // An image of (N, C, H, W) in the caller's layout. Kernels write planes, whose images may lie
  // apart, or, with Gaps::pixels or Gaps::anywhere, pixels (N, H, W, C), which may. `in_place` may
  // be exactly `out`: its elements are read before they are written.
  Result(const Dims& nchw, int spatial, bool batched, const Options& options, DType dtype,
         py::handle out, std::initializer_list<const Operand*> inputs,
         const Operand* in_place = nullptr, Gaps gaps = Gaps::none);

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  // Elements from an image, and from a pixel, to the next in the memory that kernels write, if
  // there are gaps between them, else 0.
  index_t image_step() const { return image_step_; }
  index_t row_step() const { return row_step_; }  // with Gaps::anywhere all three are there
  index_t pixel_step() const { return pixel_step_; }
  void zero() const;          // fills the memory that kernels write, without gaps, with zeros
  py::object finish() const;  // copies a temporary to the result, and returns what the caller gets

 private:
  void prepare(const Dims& caller, const Dims& order, const int* axis_of, Gaps gaps, py::handle out,
               std::initializer_list<const Operand*> inputs, const Operand* in_place);
  bool apart_from(const Operand& input, bool may_be_out) const;
  DType dtype_;
  int threads_ = 1;
  py::object result_;  // the array for the caller; py::array's default constructor would make one
  View view_;          // its elements in the order of `data_`
  Scratch work_;       // the temporary, if there is one
  void* data_ = nullptr;  // where kernels write
  index_t image_step_ = 0, row_step_ = 0, pixel_step_ = 0;
  index_t bytes_ = 0;
};

// Calls f.operator()<T>() with the type behind a dtype.
template <class F>
auto with_float(DType dtype, F&& f) {
  return dtype == DType::f32 ? f.template operator()<float>() : f.template operator()<double>();
}
template <class F>
auto with_number(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f.template operator()<float>();
    case DType::f64:
      return f.template operator()<double>();
    case DType::i8:
      return f.template operator()<std::int8_t>();
    case DType::i16:
      return f.template operator()<std::int16_t>();
    case DType::i32:
      return f.template operator()<std::int32_t>();
    case DType::i64:
      return f.template operator()<std::int64_t>();
    case DType::u8:
      return f.template operator()<std::uint8_t>();
    case DType::u16:
      return f.template operator()<std::uint16_t>();
    case DType::u32:
      return f.template operator()<std::uint32_t>();
    default:
      return f.template operator()<std::uint64_t>();
  }
}

}  // namespace fastconv
