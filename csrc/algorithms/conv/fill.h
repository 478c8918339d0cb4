// SPDX-License-Identifier: MIT
// The entry for problems whose taps only read padding, or reach no output: every output becomes its
// bias.
#pragma once

#include "algorithms/correlation/fill.h"

namespace fastconv {

template <class T>
class PreparedFill final : public Prepared<T> {
 public:
  explicit PreparedFill(const Problem& problem) : outputs_(problem) {}
  void pack(const T*, T*, const Exec&) const noexcept override {}
  PackingKey packing() const override { return {}; }
  void run(const ConvArgs<T>& args, const Exec& exec, std::byte*) const noexcept override {
    fill_with_bias(outputs_, args, exec);
  }
  std::string family() const override { return "fill"; }

 private:
  Outputs outputs_;
};

template <class T>
class Fill final : public Algorithm<T> {
 public:
  Fill() : Algorithm<T>("fill", "fill") {}
  // There is nothing to compute, so every request is met.
  bool allowed_by(const Request&) const override { return true; }
  Layouts layouts(const Layouts& given) const override { return given; }
  Offer offer(const Problem& problem, const Exec&) const override {
    return problem.phases.empty() ? Offer{} : refusal("taps reach outputs");
  }
  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem, const Exec&) const override {
    return std::make_unique<const PreparedFill<T>>(problem);
  }
};

template <class T>
const Algorithm<T>& fill() {
  static const Fill<T> entry;
  return entry;
}

}  // namespace fastconv
