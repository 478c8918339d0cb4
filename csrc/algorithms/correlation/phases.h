// SPDX-License-Identifier: MIT
// Algorithms that compute one phase at a time, as algorithms for whole problems.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/correlation/algorithm.h"
#include "algorithms/correlation/pack_weights.h"

namespace fastconv {

// An algorithm laid out for one phase. Its run() writes the outputs of that phase alone.
template <class T>
class PreparedPhase : public Prepared<T> {
 public:
  PreparedPhase(Correlation r, const char* family) : r_(std::move(r)), family_(family) {}

  const Correlation& correlation() const { return r_; }
  // What pack() does, unless weights are packed otherwise, or not at all: then it has no size.
  const Panels& panels() const { return panels_; }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    if (panels_.size() > 0) pack_panels<T>({&panels_, 1}, weights, packed, exec);
  }
  std::string family() const override { return family_; }

 protected:
  Job<T> job(const ConvArgs<T>& args) const { return {args, r_}; }
  // Weights are packed as panels of `rows` rows.
  void use_panels(index_t rows) {
    panels_ = Panels(r_, rows);
    this->packed_elements_ = panels_.size();
  }

  const Correlation r_;

 private:
  const char* family_;
  Panels panels_;
};

template <class T>
class PhaseAlgorithm : public Algorithm<T> {
 public:
  using Algorithm<T>::Algorithm;

  virtual Offer offer_phase(const Correlation& r, const Request& request,
                            const Exec& exec) const = 0;
  virtual std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r,
                                                                const Request& request,
                                                                const Exec& exec) const = 0;

  Offer offer(const Problem& problem, const Exec& exec) const final;
  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem, const Exec& exec) const final;
};

// Of several phases each takes what is cheapest for it alone. The entry of the table that makes a
// mixture of the others; it refuses where the phases agree, since that entry is there, too.
template <class T>
class EachPhase : public Algorithm<T> {
 public:
  explicit EachPhase(std::vector<const PhaseAlgorithm<T>*> algorithms)
      : Algorithm<T>("each_phase", "each_phase"), algorithms_(std::move(algorithms)) {}

  // It takes what is allowed for its phases.
  bool allowed_by(const Request&) const override { return true; }
  Offer offer(const Problem& problem, const Exec& exec) const override;
  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem,
                                             const Exec& exec) const override;

 private:
  struct Choice {
    const PhaseAlgorithm<T>* algorithm = nullptr;
    double cycles = 0;
  };
  Choice choose(const Correlation& r, const Request& request, const Exec& exec) const;

  std::vector<const PhaseAlgorithm<T>*> algorithms_;
};

}  // namespace fastconv
