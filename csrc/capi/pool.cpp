// SPDX-License-Identifier: MIT
// C's functions for pools and their gradients.
#include <algorithm>

#include "algorithms/pool/norm_grad.h"
#include "algorithms/pool/scatter.h"
#include "algorithms/pool/tables.h"
#include "capi/describe.h"
#include "capi/functions.h"

namespace fastconv::capi {
namespace {

bool is_sum(const Pool& p) { return p.pooling.op == PoolOp::sum; }
bool is_extreme(const Pool& p) {
  return p.pooling.op == PoolOp::max || p.pooling.op == PoolOp::min;
}
bool is_norm(const Pool& p) { return !is_sum(p) && !is_extreme(p); }

// The scratch memory of a pass, in bytes. For a pool that may return indices it is enough with them
// and without.
template <class T>
index_t scratch_of(const Pool& p, int pass) {
  const int threads = p.exec.threads;
  if (pass == FASTCONV_FORWARD) {
    const index_t values = pool::Values<T>(p.d, p.pooling).scratch(threads);
    if (!is_extreme(p)) return values;
    return std::max(values, pool::Indices<T>(p.d, p.pooling).scratch(threads));
  }
  if (is_extreme(p)) return 0;
  if (is_sum(p)) return pool::SumGrad<T>(p.d, p.pooling).scratch(threads);
  return pool::NormGrad<T>(p.d, p.pooling).scratch(threads);
}

struct Workspace {
  void* memory;
  std::size_t bytes;
};

// Runs a plan in the caller's workspace.
template <class Plan, class Arrays>
void run(const Plan& plan, const Pool& p, const Arrays& arrays, const Workspace& workspace) {
  std::byte* scratch =
      checked_workspace(workspace.memory, workspace.bytes, plan.scratch(p.exec.threads));
  plan.run(arrays, p.exec, scratch);
}

template <class T>
void forward(const Pool& p, const pool::Arrays<T>& arrays, const Workspace& workspace) {
  if (arrays.indices != nullptr)
    run(pool::Indices<T>(p.d, p.pooling), p, arrays, workspace);
  else
    run(pool::Values<T>(p.d, p.pooling), p, arrays, workspace);
}

// The gradient of max and min: each dy is added where its value came from.
template <class T>
void scatter_grad(const Pool& p, const T* dy, const std::int64_t* indices, T* dx) {
  const pool::Planes planes{p.d.planes(), p.d.out_plane(), p.d.in_plane()};
  const index_t at = pool::first_outside(planes, indices, p.exec.threads);
  if (at >= 0)
    fail(FASTCONV_BAD_INDEX, "indices must be from 0 to ", planes.places - 1, ", got ", indices[at],
         " at position ", at);
  pool::scatter_add(planes, dy, indices, dx, p.exec.threads);
}

}  // namespace

int pool_output_shape(const fastconv_pool_desc* desc, std::int64_t shape[4]) noexcept {
  return guarded([&] {
    expect_pointer(shape, "shape");
    const PoolDesc d = describe(desc).d;
    shape[0] = d.batch, shape[1] = d.channels, shape[2] = d.h.out, shape[3] = d.w.out;
  });
}

int pool_workspace(const fastconv_pool_desc* desc, int pass, std::size_t* bytes) noexcept {
  return guarded([&] {
    expect_pointer(bytes, "bytes");
    expect(pass == FASTCONV_FORWARD || pass == FASTCONV_INPUT_GRAD, FASTCONV_BAD_VALUE,
           "pass must be 0 or 1, got ", pass);
    const Pool p = describe(desc);
    *bytes =
        workspace_for(with_type(p.is_double, [&]<class T>() { return scratch_of<T>(p, pass); }));
  });
}

int pool(const fastconv_pool_desc* desc, const void* x, void* y, std::int64_t* indices,
         void* workspace, std::size_t workspace_bytes) noexcept {
  return guarded([&] {
    expect_pointer(x, "x");
    expect_pointer(y, "y");
    const Pool p = describe(desc);
    if (indices != nullptr) {
      expect(is_extreme(p), FASTCONV_UNSUPPORTED, "indices: only max and min have them");
      require(!has_empty_window(p.d.h) && !has_empty_window(p.d.w),
              "indices: padding leaves a window without any element of the input");
    }
    with_type(p.is_double, [&]<class T>() {
      forward<T>(p,
                 {.from = static_cast<const T*>(x), .to = static_cast<T*>(y), .indices = indices},
                 {workspace, workspace_bytes});
    });
  });
}

int pool_input_grad(const fastconv_pool_desc* desc, const void* dy, const void* x, const void* y,
                    const std::int64_t* indices, void* dx, void* workspace,
                    std::size_t workspace_bytes) noexcept {
  return guarded([&] {
    expect_pointer(dy, "dy");
    expect_pointer(dx, "dx");
    const Pool p = describe(desc);
    if (is_extreme(p)) expect_pointer(indices, "indices");
    if (is_norm(p)) {
      expect_pointer(x, "x");
      expect_pointer(y, "y");
    }
    with_type(p.is_double, [&]<class T>() {
      const auto* from = static_cast<const T*>(dy);
      auto* to = static_cast<T*>(dx);
      const Workspace room{workspace, workspace_bytes};
      if (is_extreme(p)) return scatter_grad(p, from, indices, to);
      if (is_sum(p))
        return run(pool::SumGrad<T>(p.d, p.pooling), p, pool::Arrays<T>{.from = from, .to = to},
                   room);
      const pool::NormArrays<T> arrays{
          .x = static_cast<const T*>(x), .y = static_cast<const T*>(y), .dy = from, .dx = to};
      run(pool::NormGrad<T>(p.d, p.pooling), p, arrays, room);
    });
  });
}

}  // namespace fastconv::capi
