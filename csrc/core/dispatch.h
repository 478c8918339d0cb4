// SPDX-License-Identifier: MIT
// Which instruction set (ISA) is used: the best one that the CPU has, or the one that FASTCONV_ISA
// or set_isa asked for. Each has a table of kernels (core/kernel_table.h).
#pragma once

#include <string>
#include <vector>

#include "core/exec.h"
#include "core/filter_kernels.h"

namespace fastconv {

std::vector<std::string> supported_isas();   // best first
const KernelTable& active_table() noexcept;  // of the ISA that calls use from now on
// The filters of the same ISA; those of any CPU for a table that is no ISA's.
const FilterTable& filters_of(const KernelTable& table) noexcept;
int active_isa() noexcept;  // a number for it, as long as the process lives
// For studies: calls use a table that is no ISA's, until use_table or set_isa says otherwise.
void use_table(const KernelTable& table) noexcept;
// Throws std::invalid_argument, with a list of the legal names, for any other.
void set_isa(const std::string& name);

// How a call runs that asks for `threads` threads now: on the active table, and on no more threads
// than most_threads().
Exec make_exec(int threads) noexcept;

// Uses the ISA that FASTCONV_ISA names. If it names none that this CPU has, returns a sentence that
// says so, else an empty string. Called once, at import.
std::string init_isa_from_environment();

}  // namespace fastconv
