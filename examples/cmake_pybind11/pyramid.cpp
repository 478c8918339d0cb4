// SPDX-License-Identifier: MIT
// An image pyramid in C++: each level is the one before, averaged over windows of 2x2.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

// After Python.h, which pybind11 includes.
#include <fastconv.h>

#include <memory>
#include <stdexcept>
#include <vector>

namespace py = pybind11;

namespace {

const fastconv_api* fc = nullptr;

void check(int status) {
  if (status != FASTCONV_OK) throw std::invalid_argument(fc->last_error());
}

struct Give {
  void operator()(void* memory) const { fc->give(memory); }
};

using Image = py::array_t<float, py::array::c_style>;

Image halved(const Image& x) {
  fastconv_pool_desc desc = fastconv_pool_defaults();
  desc.op = FASTCONV_AVERAGE;
  for (int axis = 0; axis < 2; ++axis) {
    desc.in[axis] = x.shape(axis);
    desc.kernel[axis] = desc.stride[axis] = 2;
  }
  std::int64_t shape[4];
  check(fc->pool_output_shape(&desc, shape));
  std::size_t bytes = 0;
  check(fc->pool_workspace(&desc, FASTCONV_FORWARD, &bytes));
  const std::unique_ptr<void, Give> workspace(fc->take(bytes));
  if (!workspace && bytes > 0) throw std::bad_alloc();
  Image y({shape[2], shape[3]});
  const float* from = x.data();
  float* to = y.mutable_data();
  {
    const py::gil_scoped_release unlocked;
    check(fc->pool(&desc, from, to, nullptr, workspace.get(), bytes));
  }
  return y;
}

std::vector<Image> pyramid(const Image& image, int levels) {
  if (image.ndim() != 2) throw std::invalid_argument("image must have two dimensions");
  std::vector<Image> images{image};
  while (--levels > 0) images.push_back(halved(images.back()));
  return images;
}

}  // namespace

PYBIND11_MODULE(pyramid, m) {
  fc = fastconv_import();
  if (fc == nullptr) throw py::error_already_set();
  m.def("pyramid", [](const Image& image, int levels) {
    py::list list;
    for (Image& level : pyramid(image, levels)) list.append(std::move(level));
    return list;
  });
}
