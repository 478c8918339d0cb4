// SPDX-License-Identifier: MIT
// How NumPy's arrays become operands, and how results become NumPy's arrays.
#include "bindings/arrays.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "bindings/dlpack.h"
#include "bindings/views.h"
#include "core/require.h"

namespace fastconv {
namespace {

using py::detail::npy_api;

struct DTypeName {
  const char* name;
  char kind;
  int size;
};
constexpr DTypeName kDTypes[] = {{"float32", 'f', 4}, {"float64", 'f', 8}, {"int8", 'i', 1},
                                 {"int16", 'i', 2},   {"int32", 'i', 4},   {"int64", 'i', 8},
                                 {"uint8", 'u', 1},   {"uint16", 'u', 2},  {"uint32", 'u', 4},
                                 {"uint64", 'u', 8}};

// Refuses masked arrays: they hide values, which their plain data would show.
void refuse_masked(py::handle value, const char* name) {
  if (Py_TYPE(value.ptr()) == npy_api::get().PyArray_Type_) return;
  const py::dict modules = py::module_::import("sys").attr("modules");
  if (!modules.contains("numpy.ma")) return;
  if (py::isinstance(value, modules["numpy.ma"].attr("MaskedArray")))
    throw py::type_error(
        sentence(name, " must be a plain array, got a masked array; fill its masked values first"));
}

// Points the operand at the view's elements, copied if kernels cannot read them where they are.
void settle(Operand& operand, const View& view, const py::array& array, Gaps gaps, int threads) {
  operand.dims = view.dims;
  const index_t item = array.itemsize();
  if (const auto steps = steps_of(view, array, gaps)) {
    operand.owner = array;
    operand.data = array.data();
    operand.image_step = steps->image;
    return;
  }
  operand.copied = Scratch(product("a copy of the array", {view.dims.size(), item}));
  operand.data = operand.copied.bytes();
  copy_in(view, array, operand.dtype, operand.copied.bytes(), threads);
}

const char* layout_text(int spatial, bool channels_last) {
  if (spatial == 1) return channels_last ? "(N, W, C) or (W, C)" : "(N, C, W) or (C, W)";
  return channels_last ? "(N, H, W, C) or (H, W, C)" : "(N, C, H, W) or (C, H, W)";
}

}  // namespace

namespace {

bool is_sample(DType dtype) {
  return dtype == DType::u8 || dtype == DType::i16 || dtype == DType::u16;
}

bool accepts(Accept accept, DType dtype) {
  const bool is_float = dtype == DType::f32 || dtype == DType::f64;
  return is_float || accept == Accept::numbers || (accept == Accept::samples && is_sample(dtype));
}

constexpr const char* text_of(Accept accept) {
  return accept == Accept::floats    ? "float32 or float64"
         : accept == Accept::samples ? "float32 or float64, or uint8, int16 or uint16"
                                     : "float32, float64 or an integer";
}

// What to do with an array of a dtype that is refused.
std::string remedy(char kind, std::optional<DType> dtype, const char* name) {
  if (kind == 'c')
    return sentence("; ", name,
                    ".view(np.float32), or np.float64, has the real and imaginary parts "
                    "of its samples side by side, as two channels that come last");
  if (kind != 'f' && kind != 'i' && kind != 'u' && kind != 'b') return {};
  const bool is_image = dtype && is_sample(*dtype) && std::string_view(name) == "input";
  return sentence("; np.float32(", name, ") converts it",
                  is_image ? ", and filters of fastconv.interfaces.scipy_ndimage take it" : "");
}

}  // namespace

DType dtype_of(const py::array& array, const char* name, Accept accept) {
  const py::dtype dtype = array.dtype();
  std::optional<DType> found;
  for (int i = 0; i < 10; ++i)
    if (dtype.kind() == kDTypes[i].kind && dtype.itemsize() == kDTypes[i].size)
      found = static_cast<DType>(i);
  if (found && accepts(accept, *found)) return *found;
  throw py::type_error(sentence(name, " must have dtype ", text_of(accept), ", got ",
                                py::str(dtype).cast<std::string>(),
                                remedy(dtype.kind(), found, name)));
}

void set_bounds(Operand& operand, const py::array& array) {
  const auto* data = static_cast<const std::byte*>(array.data());
  operand.first = data;
  operand.last = data + array.itemsize();
  for (py::ssize_t i = 0; i < array.ndim(); ++i) {
    const py::ssize_t reach = (array.shape(i) - 1) * array.strides(i);
    (reach < 0 ? operand.first : operand.last) += array.shape(i) > 0 ? reach : 0;
  }
}

py::dtype numpy_dtype(DType dtype) {
  return with_number(dtype, []<class T>() { return py::dtype::of<T>(); });
}

const char* name_of(DType dtype) { return kDTypes[static_cast<int>(dtype)].name; }

bool Dims::operator==(const Dims& other) const {
  return rank == other.rank && std::equal(at, at + rank, other.at);
}

std::string Dims::text() const { return text_of({at, at + rank}); }

std::string text_of(ShapeView shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

py::array as_array(py::handle value, const char* name) {
  const auto& api = npy_api::get();
  if (Py_TYPE(value.ptr()) == api.PyArray_Type_) return py::reinterpret_borrow<py::array>(value);
  if (PyObject_TypeCheck(value.ptr(), api.PyArray_Type_)) {
    refuse_masked(value, name);
    return py::reinterpret_borrow<py::array>(value);
  }
  if (value.is_none()) throw py::type_error(sentence(name, " must be an array, got None"));
  if (speaks_dlpack(value)) return from_dlpack(value, name);
  PyObject* array =
      api.PyArray_FromAny_(value.ptr(), nullptr, 0, 0, npy_api::NPY_ARRAY_ENSUREARRAY_, nullptr);
  if (array == nullptr) throw py::error_already_set();  // NumPy's own ValueError, of ragged lists
  return py::reinterpret_steal<py::array>(array);
}

py::array checked_out(py::handle out, DType dtype, ShapeView shape) {
  const bool is_array = PyObject_TypeCheck(out.ptr(), npy_api::get().PyArray_Type_) != 0;
  if (!is_array && !speaks_dlpack(out))
    throw py::type_error(sentence("out must be an array, got ", shown(out)));
  refuse_masked(out, "out");
  const auto array = is_array ? py::reinterpret_borrow<py::array>(out) : from_dlpack(out, "out");
  if (dtype_of(array, "out", Accept::numbers) != dtype)
    throw py::type_error(sentence("out must have dtype ", name_of(dtype), ", got ",
                                  py::str(array.dtype()).cast<std::string>()));
  const ShapeView got(array.shape(), static_cast<std::size_t>(array.ndim()));
  if (!std::ranges::equal(got, shape))
    refuse("out must have shape ", text_of(shape), ", got ", text_of(got));
  require(array.writeable(), "out must be writable, got a read-only array");
  if (!is_native(array))  // require() would always compute str(dtype), which takes microseconds
    refuse("out must be native-endian, got dtype ", py::str(array.dtype()).cast<std::string>());
  return array;
}

Operand to_operand(py::handle value, const char* name, Accept accept) {
  const py::array array = as_array(value, name);
  Operand operand;
  operand.dtype = dtype_of(array, name, accept);
  if (array.ndim() > Dims::kMost)
    refuse(name, " must have at most ", Dims::kMost, " dimensions, got ", array.ndim());
  View view;
  view.dims.rank = static_cast<int>(array.ndim());
  for (int i = 0; i < view.dims.rank; ++i) {
    view.dims.at[i] = array.shape(i);
    view.strides[i] = array.strides(i);
  }
  set_bounds(operand, array);
  settle(operand, view, array, Gaps::none, 1);
  return operand;
}

namespace {

View read_image(Image& image, const py::array& array, const char* name, int spatial,
                const Options& options, Accept accept) {
  image.dtype = dtype_of(array, name, accept);
  const auto rank = static_cast<int>(array.ndim());
  require(rank == spatial + 1 || rank == spatial + 2, name, " must have shape ",
          layout_text(spatial, options.channels_last), ", got ", rank, " dimension",
          rank == 1 ? "" : "s",
          rank == spatial ? sentence("; one channel of one sample is ", name, "[None]") : "");
  image.batched = rank == spatial + 2;
  const AxisMap map = axis_map(spatial, image.batched, options.channels_last);
  View view{.dims = {1, 1, 1, 1}};
  for (int i = 0; i < 4; ++i)
    if (map.of[i] >= 0) {
      view.dims.at[i] = array.shape(map.of[i]);
      view.strides[i] = array.strides(map.of[i]);
    }
  set_bounds(image, array);
  return view;
}

}  // namespace

Image to_image(py::handle value, const char* name, int spatial, const Options& options,
               Accept accept, Gaps gaps) {
  const py::array array = as_array(value, name);
  Image image;
  const View view = read_image(image, array, name, spatial, options, accept);
  settle(image, view, array, gaps, options.threads);
  return image;
}

namespace {

View as_pixels(const View& v) {
  return {.dims = {v.dims[0], v.dims[2], v.dims[3], v.dims[1]},
          .strides = {v.strides[0], v.strides[2], v.strides[3], v.strides[1]}};
}

// Points the image at its elements, which are pixels; copied if kernels cannot read them so.
void settle_pixels(Image& image, const View& view, const py::array& array, int threads) {
  const View pixels = as_pixels(view);
  const auto steps = steps_of(pixels, array, Gaps::anywhere);
  if (steps) {
    image.owner = array;
    image.data = array.data();
  } else {
    image.copied = Scratch(product("a copy of the array", {view.dims.size(), array.itemsize()}));
    image.data = image.copied.bytes();
    if (const auto planes = steps_of(view, array, Gaps::images))
      copy_to_pixels(
          view, array,
          planes->image ? planes->image : view.dims.size() / std::max<index_t>(view.dims[0], 1),
          image.copied.bytes(), threads);
    else
      copy_in(pixels, array, image.dtype, image.copied.bytes(), threads);
  }
  const Steps taken = steps ? *steps : dense_steps(pixels.dims);
  image.dims = view.dims;
  image.pixels = true;
  image.image_step = taken.image, image.row_step = taken.row, image.pixel_step = taken.pixel;
}

// Whether an array of this view that must not be copied in vain is read as pixels.
bool reads_as_pixels(const View& view, const py::array& array, bool channels_last) {
  if (!may_be_pixels(view.dims)) return false;
  const bool pixels = steps_of(as_pixels(view), array, Gaps::anywhere).has_value();
  const bool planes = steps_of(view, array, Gaps::images).has_value();
  return pixels == planes ? channels_last : pixels;
}

}  // namespace

Image to_conv_image(py::handle value, const char* name, int spatial, const Options& options,
                    std::optional<bool> pixels) {
  const py::array array = as_array(value, name);
  Image image;
  const View view = read_image(image, array, name, spatial, options, Accept::floats);
  const bool as_they_lie = reads_as_pixels(view, array, options.channels_last);
  if (pixels.value_or(as_they_lie))
    settle_pixels(image, view, array, options.threads);
  else
    settle(image, view, array, Gaps::images, options.threads);
  return image;
}

bool result_is_pixels(const Dims& nchw, int spatial, bool batched, const Options& options,
                      py::handle out) {
  const AxisMap map = axis_map(spatial, batched, options.channels_last);
  if (out.is_none() || !py::isinstance<py::array>(out))
    return options.channels_last && may_be_pixels(nchw);
  const auto array = py::reinterpret_borrow<py::array>(out);
  if (array.ndim() != map.rank) return false;  // an error, of which checked_out tells
  View view{.dims = nchw};
  for (int i = 0; i < 4; ++i) view.strides[i] = map.of[i] >= 0 ? array.strides(map.of[i]) : 0;
  return reads_as_pixels(view, array, options.channels_last);
}

Image to_pixels(py::handle value, const char* name, int spatial, const Options& options,
                Accept accept, Gaps gaps) {
  const py::array array = as_array(value, name);
  Image image;
  const View view = read_image(image, array, name, spatial, options, accept);
  const bool dense = array.flags() & py::array::c_style;
  image.pixels = options.channels_last && dense && !contiguous(view, array.itemsize()) &&
                 aligned(array.data(), array.itemsize()) && is_native(array);
  if (!image.pixels) {
    settle(image, view, array, gaps, options.threads);
    return image;
  }
  image.dims = view.dims;
  image.owner = array;
  image.data = array.data();
  return image;
}

void make_planes(Image& image, int threads) {
  if (!image.pixels) return;
  const auto array = py::reinterpret_borrow<py::array>(image.owner);
  const index_t item = array.itemsize(), pixel = image.c() * item, row = image.w() * pixel;
  image.pixels = false;
  settle(image, {.dims = image.dims, .strides = {image.h() * row, item, row, pixel}}, array,
         Gaps::none, threads);
}

Dims caller_dims(const Dims& nchw, int spatial, bool batched, bool channels_last) {
  const AxisMap map = axis_map(spatial, batched, channels_last);
  Dims dims;
  dims.rank = map.rank;
  for (int i = 0; i < 4; ++i)
    if (map.of[i] >= 0) dims.at[map.of[i]] = nchw[i];
  return dims;
}

py::tuple as_tuple(const Dims& dims) {
  py::tuple shape(static_cast<std::size_t>(dims.rank));
  for (int i = 0; i < dims.rank; ++i) shape[static_cast<std::size_t>(i)] = dims[i];
  return shape;
}

Dims to_dims(py::handle value, const char* name, int rank, const char* example) {
  if (is_data(value))
    throw py::type_error(sentence(
        name, " must be a shape, a sequence of ", rank == 0 ? "" : std::to_string(rank) + " ",
        "ints", example ? " such as " : "", example ? example : "", ", got ", shown_data(value)));
  if (!PySequence_Check(value.ptr()) || PyUnicode_Check(value.ptr()) || PyBytes_Check(value.ptr()))
    throw py::type_error(sentence(name, " must be a sequence of ints, got ", shown(value)));
  const auto items = py::reinterpret_steal<py::object>(PySequence_List(value.ptr()));
  if (!items) throw py::error_already_set();
  const auto n = static_cast<int>(py::len(items));
  require(n <= Dims::kMost && (rank == 0 || n == rank), name, " must have ",
          rank == 0 ? Dims::kMost : rank, " entries", rank == 0 ? " at most" : "", ", got ",
          shown(value));
  Dims dims;
  for (dims.rank = 0; dims.rank < n; ++dims.rank)
    dims.at[dims.rank] = to_index(items[py::int_(dims.rank)], name);
  return dims;
}

ImageSize to_image_size(py::handle value, const char* name, int spatial, bool channels_last) {
  const Dims caller = to_dims(value, name, 0, layout_text(spatial, channels_last));
  require(caller.rank == spatial + 1 || caller.rank == spatial + 2, name, " must be ",
          layout_text(spatial, channels_last), ", got ", caller.text());
  ImageSize size{.nchw = {1, 1, 1, 1}, .batched = caller.rank == spatial + 2};
  const AxisMap map = axis_map(spatial, size.batched, channels_last);
  for (int i = 0; i < 4; ++i)
    if (map.of[i] >= 0) size.nchw.at[i] = caller[map.of[i]];
  for (int i = 0; i < 4; ++i)
    require(size.nchw[i] >= (i == 0 ? 0 : 1), name,
            " must have positive lengths (a batch of 0 is allowed), got ", caller.text());
  return size;
}

void expect_same_dtype(const Operand& a, const char* a_name, const Operand& b, const char* b_name) {
  if (a.dtype == b.dtype) return;
  const bool has_name = std::string_view(b_name).find(' ') == std::string_view::npos;
  const std::string cast =
      has_name ? sentence("; np.", name_of(a.dtype), "(", b_name, ") converts it") : "";
  throw py::type_error(sentence(b_name, " must have the dtype of ", a_name, ", ", name_of(a.dtype),
                                ", got ", name_of(b.dtype), cast));
}

void expect_dims(const Operand& array, const char* name, const Dims& wanted) {
  if (!(array.dims == wanted))
    refuse(name, " must have shape ", wanted.text(), ", got ", array.dims.text());
}

void expect_image(const Image& image, const char* name, const Dims& nchw, int spatial, bool batched,
                  bool channels_last) {
  if (!(image.dims == nchw) || image.batched != batched)
    refuse(name, " must have shape ", caller_dims(nchw, spatial, batched, channels_last).text(),
           ", got ", caller_dims(image.dims, spatial, image.batched, channels_last).text());
}

}  // namespace fastconv
