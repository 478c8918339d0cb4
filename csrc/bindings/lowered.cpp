// SPDX-License-Identifier: MIT
#include "bindings/lowered.h"

#include <algorithm>
#include <array>

namespace fastconv {
namespace {

// Networks of small layers have a dozen shapes. An entry is some hundred bytes, unless it has many
// phases: those are not kept.
constexpr std::size_t kKept = 16, kMostSteps = 4;
constexpr index_t kMostTaps = 256;

using Lower = Lowered (*)(const ConvDesc&, const Request&, const Exec&);

struct Entry {
  Lower lower = nullptr;  // forward or adjoint, float or double
  ConvDesc d;
  Algorithm algorithm = Algorithm::auto_;
  bool plain_sums = false;
  const KernelTable* table = nullptr;
  int threads = 0;
  std::shared_ptr<const Lowered> result;

  bool answers(const Entry& asked) const {
    return lower == asked.lower && algorithm == asked.algorithm && plain_sums == asked.plain_sums &&
           table == asked.table && threads == asked.threads && d == asked.d;
  }
};

std::shared_ptr<const Lowered> find_or_lower(Lower lower, const ConvDesc& d, const Request& request,
                                             const Exec& exec) {
  static thread_local std::array<Entry, kKept> entries;  // the latest first
  Entry asked{lower, d, request.algorithm, request.plain_sums, exec.table, exec.threads, nullptr};
  auto found = std::ranges::find_if(entries, [&](const Entry& e) { return e.answers(asked); });
  if (found == entries.end()) {
    asked.result = std::make_shared<const Lowered>(lower(d, request, exec));
    if (asked.result->steps.size() > kMostSteps || d.taps() > kMostTaps) return asked.result;
    found = entries.end() - 1;
    *found = std::move(asked);
  }
  std::rotate(entries.begin(), found, found + 1);
  return entries.front().result;
}

}  // namespace

template <class T>
std::shared_ptr<const Lowered> lowered_forward(const ConvDesc& d, const Request& request,
                                               const Exec& exec) {
  return find_or_lower(&lower_forward<T>, d, request, exec);
}

template <class T>
std::shared_ptr<const Lowered> lowered_adjoint(const ConvDesc& d, const Request& request,
                                               const Exec& exec) {
  return find_or_lower(&lower_adjoint<T>, d, request, exec);
}

#define FC_INSTANTIATE(T)                                                                     \
  template std::shared_ptr<const Lowered> lowered_forward<T>(const ConvDesc&, const Request&, \
                                                             const Exec&);                    \
  template std::shared_ptr<const Lowered> lowered_adjoint<T>(const ConvDesc&, const Request&, \
                                                             const Exec&)
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
