// SPDX-License-Identifier: MIT
#include "core/dispatch.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "core/platform.h"
#include "core/require.h"
#include "core/threads.h"
#include "isa/tables.h"

namespace fastconv {
namespace {

struct Candidate {
  const KernelTable* table;
  const FilterTable* filters;
  bool (*runs_on)(const CpuFeatures& cpu) noexcept;
  bool runs_here() const noexcept {
    static const CpuFeatures cpu = cpu_features();
    return runs_on(cpu);
  }
};

// The best one first; a new ISA is one entry. Each test asks for exactly those features that the
// compile flags of the ISA's library allow (csrc/CMakeLists.txt).
const Candidate kCandidates[] = {
#ifdef FC_HAS_avx512
    {&avx512::table, &avx512::filters,
     [](const CpuFeatures& cpu) noexcept {
       return cpu.avx512f && cpu.avx512vl && cpu.avx512bw && cpu.avx512dq && cpu.fma;
     }},
#endif
#ifdef FC_HAS_avx2
    {&avx2::table, &avx2::filters,
     [](const CpuFeatures& cpu) noexcept { return cpu.avx2 && cpu.fma; }},
#endif
#ifdef FC_HAS_neon  // every CPU of 64-bit Arm has it, and the compiler uses it anywhere
    {&neon::table, &neon::filters, [](const CpuFeatures&) noexcept { return true; }},
#endif
    {&scalar::table, &scalar::filters, [](const CpuFeatures&) noexcept { return true; }},
};

// The table of the ISA of that name, or the best one if the name is empty; null if this CPU lacks
// it.
const KernelTable* find(const std::string& name) {
  for (const Candidate& c : kCandidates)
    if ((name.empty() || name == c.table->isa) && c.runs_here()) return c.table;
  return nullptr;
}

std::string legal_names() {
  std::string names;
  for (const std::string& name : supported_isas()) names += (names.empty() ? "" : ", ") + name;
  return names;
}

std::atomic<const KernelTable*>& active() noexcept {
  static std::atomic<const KernelTable*> table = find("");
  return table;
}

}  // namespace

std::vector<std::string> supported_isas() {
  std::vector<std::string> names;
  for (const Candidate& c : kCandidates)
    if (c.runs_here()) names.emplace_back(c.table->isa);
  return names;
}

const KernelTable& active_table() noexcept { return *active().load(std::memory_order_relaxed); }

const FilterTable& filters_of(const KernelTable& table) noexcept {
  for (const Candidate& c : kCandidates)
    if (c.table == &table) return *c.filters;
  return scalar::filters;
}

int active_isa() noexcept {
  const auto& table = active_table();
  int number = 0;
  for (const Candidate& c : kCandidates) {
    if (c.table == &table) break;
    ++number;
  }
  return number;
}

void use_table(const KernelTable& table) noexcept {
  active().store(&table, std::memory_order_relaxed);
}

Exec make_exec(int threads) noexcept {
  return {&active_table(), std::min(threads, most_threads())};
}

void set_isa(const std::string& name) {
  const KernelTable* table = name.empty() ? nullptr : find(name);
  require(table != nullptr, "name must be one of ", legal_names(), " on this CPU, got '", name,
          "'");
  active().store(table, std::memory_order_relaxed);
}

std::string init_isa_from_environment() {
  const char* asked = std::getenv("FASTCONV_ISA");
  if (asked == nullptr || *asked == '\0') return {};
  if (const KernelTable* table = find(asked)) {
    active().store(table, std::memory_order_relaxed);
    return {};
  }
  return sentence("FASTCONV_ISA='", asked,
                  "' is unknown or not supported by this CPU; legal here: ", legal_names(),
                  "; using ", active_table().isa);
}

}  // namespace fastconv
