// SPDX-License-Identifier: MIT
// Memory from the system: the one place that knows how a large block is best had.
#pragma once

#include "core/types.h"

namespace fastconv {

// At least `bytes` bytes, 64-byte aligned; null if there are none. A large block goes back to the
// system as soon as it is freed, whatever lies around it.
void* system_allocate(index_t bytes) noexcept;
void system_free(void* data, index_t bytes) noexcept;

}  // namespace fastconv
