// SPDX-License-Identifier: MIT
// Which ISA runs: the best that the CPU has, or the one that FASTCONV_ISA or set_isa asked for.
#pragma once

#include <string>
#include <vector>

#include "core/exec.h"

namespace fastconv {

std::vector<std::string> supported_isas();  // best first
const KernelTable& active_table() noexcept;
void set_isa(const std::string& name);  // std::invalid_argument lists the legal names

// How a call with this many threads, or with most_threads() if those are fewer, runs now.
Exec make_exec(int threads) noexcept;

// A sentence if FASTCONV_ISA names no ISA of this CPU, else empty. Read once, at import.
std::string init_isa_from_environment();

}  // namespace fastconv
