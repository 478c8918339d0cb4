// SPDX-License-Identifier: MIT
// The memory of each thread for the solutions of its last shapes.
#include "algorithms/conv/shapes.h"

#include <algorithm>
#include <array>

#include "algorithms/conv/table.h"

namespace fastconv {
namespace {

// Networks of small layers have a dozen shapes. A solution takes some hundred bytes, unless it has
// many phases or taps: such solutions are not remembered.
constexpr std::size_t kRemembered = 16, kMostPhases = 4;
constexpr index_t kMostTaps = 256;

// What was asked for, and the solution; null if nothing has been remembered here yet.
template <class T>
struct Memory {
  ConvDesc d;
  Pass pass = Pass::forward;
  Request request;
  const KernelTable* table = nullptr;
  int threads = 0;
  std::shared_ptr<const Solution<T>> solution;

  bool answers(const Memory& asked) const {
    return solution != nullptr && pass == asked.pass && request == asked.request &&
           table == asked.table && threads == asked.threads && d == asked.d;
  }
};

template <class T>
std::shared_ptr<const Solution<T>> solve(const Problem& problem, const Exec& exec) {
  const Algorithm<T>& algorithm = choose<T>(problem, exec);
  return std::make_shared<const Solution<T>>(
      Solution<T>{&algorithm, algorithm.prepare(problem, exec), problem.fmas()});
}

}  // namespace

template <class T>
std::shared_ptr<const Solution<T>> solution_of(const ConvDesc& d, Pass pass, const Request& request,
                                               const Exec& exec) {
  if (request.prepacked) return solve<T>(problem_of(d, pass, request), exec);
  static thread_local std::array<Memory<T>, kRemembered> memories;  // the latest first
  Memory<T> asked{d, pass, request, exec.table, exec.threads, nullptr};
  auto found = std::ranges::find_if(memories, [&](const Memory<T>& m) { return m.answers(asked); });
  if (found == memories.end()) {
    const Problem problem = problem_of(d, pass, request);
    asked.solution = solve<T>(problem, exec);
    if (problem.phases.size() > kMostPhases || d.taps() > kMostTaps) return asked.solution;
    found = memories.end() - 1;
    *found = std::move(asked);
  }
  std::rotate(memories.begin(), found, found + 1);
  return memories.front().solution;
}

template std::shared_ptr<const Solution<float>> solution_of(const ConvDesc&, Pass, const Request&,
                                                            const Exec&);
template std::shared_ptr<const Solution<double>> solution_of(const ConvDesc&, Pass, const Request&,
                                                             const Exec&);

}  // namespace fastconv
