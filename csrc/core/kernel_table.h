// SPDX-License-Identifier: MIT
// What an ISA offers: one const table of tile kernels per ISA, filled by isa/<name>.cpp. Types and
// plain data only: ISA files include it.
#pragma once

#include "core/conv_kernels.h"
#include "core/elementwise_kernels.h"
#include "core/pool_kernels.h"
#include "core/types.h"

namespace fastconv {

// A loop on registers alone, `flops` operations a round; what it returns only keeps it alive.
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
