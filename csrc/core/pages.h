// SPDX-License-Identifier: MIT
// Memory from the system. This is the one place that knows how to ask for a large block.
#pragma once

#include "core/types.h"

namespace fastconv {

// At least `bytes` bytes, aligned to 64 bytes, or null if there are none. system_free has to be
// told the same number; a large block goes back to the system at once, whatever lies around it.
void* system_allocate(index_t bytes) noexcept;
void system_free(void* data, index_t bytes) noexcept;

}  // namespace fastconv
