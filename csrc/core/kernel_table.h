// SPDX-License-Identifier: MIT
// All kernels of one ISA, as one table of function pointers, which isa/<name>.cpp fills. ISA files
// include this header, so that it and the ones below it hold types and plain data only.
#pragma once

#include "core/conv_kernels.h"
#include "core/elementwise_kernels.h"
#include "core/pool_kernels.h"
#include "core/types.h"

namespace fastconv {

// A loop on registers alone that shows what the CPU can do, with `flops` operations a round. What
// it returns is of no use, but keeps the compiler from dropping the loop.
template <class T>
struct PeakLoop {
  T (*run)(index_t rounds) noexcept;
  index_t flops;
};

template <class T>
struct Kernels {
  ConvKernels<T> conv;
  PoolKernels<T> pool;
  ElementwiseKernels<T> elementwise;
  PeakLoop<T> peak;
};

struct KernelTable {
  const char* isa;
  Kernels<float> f32;
  Kernels<double> f64;
  AllIntegerPools integers;
};

}  // namespace fastconv
