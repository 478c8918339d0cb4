// SPDX-License-Identifier: MIT
// The last error of each thread, and which status each exception becomes.
#include "capi/error.h"

#include <cstdio>
#include <new>

namespace fastconv::capi {
namespace {

constinit thread_local char last[512] = "";

}  // namespace

int remember(int status, const char* text) noexcept {
  std::snprintf(last, sizeof last, "%s", text);
  return status;
}

const char* last_error() noexcept { return last; }

int status_of_current_exception() noexcept {
  try {
    throw;
  } catch (const Failure& e) {
    return remember(e.status, e.text.c_str());
  } catch (const TooLarge& e) {
    return remember(FASTCONV_TOO_LARGE, e.what());
  } catch (const std::invalid_argument& e) {
    return remember(FASTCONV_BAD_SHAPE, e.what());
  } catch (const std::bad_alloc&) {
    return remember(FASTCONV_NO_MEMORY, "there is not enough memory");
  } catch (const std::exception& e) {  // the length_error of a container that cannot be so long
    return remember(FASTCONV_TOO_LARGE, e.what());
  }
}

}  // namespace fastconv::capi
