// SPDX-License-Identifier: MIT
// Where exceptions end, and become statuses and sentences for C. What the core throws gets its
// status here; what only C can get wrong is thrown as a Failure, with its status.
#pragma once

#include <string>
#include <utility>

#include "core/require.h"
#include "fastconv.h"

namespace fastconv::capi {

struct Failure {
  fastconv_status status;
  std::string text;
};

template <class... Parts>
[[noreturn]] void fail(fastconv_status status, const Parts&... parts) {
  throw Failure{status, sentence(parts...)};
}

template <class... Parts>
void expect(bool condition, fastconv_status status, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail(status, parts...);
}

inline void expect_pointer(const void* pointer, const char* name) {
  if (pointer == nullptr) [[unlikely]]
    fail(FASTCONV_NULL_POINTER, name, " must not be NULL");
}

// The last error of this thread. A sentence that is too long is cut.
int remember(int status, const char* text) noexcept;
const char* last_error() noexcept;

int status_of_current_exception() noexcept;

// Runs f and returns its status.
template <class F>
int guarded(F&& f) noexcept {
  try {
    std::forward<F>(f)();
    return FASTCONV_OK;
  } catch (...) {
    return status_of_current_exception();
  }
}

}  // namespace fastconv::capi
