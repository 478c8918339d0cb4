// SPDX-License-Identifier: MIT
#include "algorithms/conv/shapes.h"

#include <utility>

#include "algorithms/common/recent.h"
#include "algorithms/conv/table.h"
#include "algorithms/correlation/pack_weights.h"

namespace fastconv {
namespace {

// What a solution follows from.
struct Key {
  ConvDesc d;
  Pass pass = Pass::forward;
  Request request;
  const KernelTable* kernels = nullptr;
  int threads = 0;
  bool operator==(const Key&) const = default;
};

template <class T>
std::shared_ptr<const Solution<T>> solve(const ConvDesc& d, Pass pass, const Request& request,
                                         const Exec& exec) {
  const Problem problem = problem_of<T>(d, pass, request, exec);
  const Algorithm<T>& algorithm = choose<T>(problem, exec);
  auto prepared = algorithm.prepare(problem, exec);
  // Each weight belongs to at most one phase, and to none if no output reads it.
  index_t packed = 0;
  for (const Correlation& r : problem.phases) packed += packed_size(r);
  const bool needs_weights = prepared->needs_weights() || packed < d.c_out * d.depth();
  return std::make_shared<const Solution<T>>(Solution<T>{
      &algorithm, std::move(prepared), problem.phases.size(), problem.fmas(), needs_weights});
}

}  // namespace

template <class T>
std::shared_ptr<const Solution<T>> solution_of(const ConvDesc& d, Pass pass, const Request& request,
                                               const Exec& exec) {
  const auto make = [&] { return solve<T>(d, pass, request, exec); };
  if (request.prepacked) return make();
  // Layouts list the taps of all phases.
  constexpr std::size_t kMostPhases = 4;
  constexpr index_t kMostTaps = 256;
  static thread_local Recent<Key, Solution<T>> recent;
  return recent.find_or_make({d, pass, request, exec.table, exec.threads}, make,
                             [&](const Solution<T>& solution) {
                               return solution.phases <= kMostPhases && d.taps() <= kMostTaps;
                             });
}

template std::shared_ptr<const Solution<float>> solution_of(const ConvDesc&, Pass, const Request&,
                                                            const Exec&);
template std::shared_ptr<const Solution<double>> solution_of(const ConvDesc&, Pass, const Request&,
                                                             const Exec&);

}  // namespace fastconv
