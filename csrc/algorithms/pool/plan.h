// SPDX-License-Identifier: MIT
// How an algorithm is chosen among those of a table (tables.h), and then run.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <variant>
#include <vector>

#include "algorithms/pool/problem.h"
#include "core/exec.h"

namespace fastconv::pool {

// What a table wants of each of its algorithms. Results never depend on the number of threads, so
// neither the choice nor the layout may see it.
template <class A, class Arrays>
concept Algorithm = requires(const A& a, const Problem& problem, const Arrays& arrays,
                             const Exec& exec, std::byte* scratch, int threads) {
  { A::kName } -> std::convertible_to<const char*>;
  { A::kReadsPixels } -> std::convertible_to<bool>;  // whether it takes Layout::pixels
  // Whether it is the fastest of those that take the problem and do not stand before it.
  { A::suits(problem) } -> std::same_as<bool>;
  { A::prepare(problem) } -> std::same_as<A>;         // laid out, or with a refusal
  { a.refusal } -> std::convertible_to<const char*>;  // null, or why it cannot take the problem
  { a.scratch(threads) } -> std::same_as<index_t>;    // bytes
  { a.run(problem, arrays, exec, scratch) } noexcept;
};

// What a plan holds where the algorithm that was asked for by name refuses.
struct Nothing {
  index_t scratch(int) const { return 0; }
  template <class Arrays>
  void run(const Problem&, const Arrays&, const Exec&, std::byte*) const noexcept {}
};

// A pool with its algorithm: the first of the table that suits and does not refuse. Its last one
// must suit and take every problem in planes.
template <Use kUse, class Arrays, Algorithm<Arrays>... Algorithms>
class Plan {
 public:
  // The image lies in `layout`; the result's pixels may lie apart only if `pixels_apart`. Tests ask
  // for an algorithm by its name.
  Plan(const PoolDesc& d, const Pooling& pooling, Layout layout = Layout::planes,
       std::string_view name = {}, bool pixels_apart = false)
      : problem_{.d = d,
                 .pooling = pooling,
                 .use = kUse,
                 .layout = layout,
                 .pixels_apart = pixels_apart} {
    if (is_average_of_one(d, pooling)) problem_.pooling.average = false;
    if (choose(name) || layout == Layout::planes) return;
    problem_.layout = Layout::planes;
    choose(name);
  }

  // How the algorithm reads and writes images: in planes where none takes them as they lie.
  Layout layout() const { return problem_.layout; }
  const char* name() const { return name_; }
  const char* refusal() const { return refusal_; }  // null unless it was asked for by name

  index_t scratch(int threads) const {
    return std::visit([&](const auto& a) { return a.scratch(threads); }, chosen_);
  }
  void run(const Arrays& arrays, const Exec& exec, std::byte* scratch) const noexcept {
    std::visit([&](const auto& a) { a.run(problem_, arrays, exec, scratch); }, chosen_);
  }

  static std::vector<const char*> names() { return {Algorithms::kName...}; }

 private:
  bool choose(std::string_view name) {
    refusal_ = "the table has no algorithm of this name";
    return (take<Algorithms>(name) || ...);
  }

  template <class A>
  bool take(std::string_view name) {
    if (name.empty() ? !A::suits(problem_) : name != A::kName) return false;
    refusal_ = "it reads planes only";
    if (problem_.layout == Layout::pixels && !A::kReadsPixels) return false;
    const A prepared = A::prepare(problem_);
    refusal_ = prepared.refusal;
    if (refusal_ != nullptr) return false;
    name_ = A::kName;
    chosen_.template emplace<A>(prepared);
    return true;
  }

  Problem problem_;
  const char* name_ = "";
  const char* refusal_ = nullptr;
  std::variant<Nothing, Algorithms...> chosen_;
};

}  // namespace fastconv::pool
