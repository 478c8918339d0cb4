// SPDX-License-Identifier: MIT
// DLPack's table of C functions, which a tensor's type offers as __dlpack_c_exchange_api__: an
// array is described without a Python object in between. The layout is that of DLPack 1.3
// (dlpack.h), which is the same for all of version 1; what is not called here has no type.
#pragma once

#include <cstdint>

namespace fastconv::dlpack {

struct Version {
  std::uint32_t major, minor;
};

struct Device {
  std::int32_t type, id;
};

struct DType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};

inline constexpr std::int32_t kCpu = 1;
inline constexpr std::uint8_t kFloat = 2;

// Shape and strides belong to the tensor; strides count elements.
struct Tensor {
  void* data;
  Device device;
  std::int32_t ndim;
  DType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};

struct Exchange {
  Version version;
  const Exchange* previous;
  void (*allocate)();
  void (*from_object)();
  void (*to_object)();
  // Describes a tensor, which must be of the type that has this table; -1 with Python's error set.
  // It does not look at the sign that a tensor of PyTorch may have yet to switch.
  int (*describe)(void* object, Tensor* out);
  void (*current_stream)();
};

}  // namespace fastconv::dlpack
