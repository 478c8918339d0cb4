// SPDX-License-Identifier: MIT
// What makes algorithms for whole problems of algorithms that compute one phase at a time.
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
  // The panels that pack() writes. They have size 0 if weights are packed in another way, or not at
  // all.
  const Panels& panels() const { return panels_; }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    if (panels_.size() > 0) pack_panels<T>({&panels_, 1}, weights, packed, exec);
  }
  PackingKey packing() const override {
    return panels_.size() > 0 ? key_of({&panels_, 1}) : PackingKey{};
  }
  std::string family() const override { return family_; }

 protected:
  Job<T> job(const ConvArgs<T>& args) const { return {args, r_}; }
  // For constructors: says that weights are packed as panels of `rows` rows.
  void use_panels(index_t rows) {
    panels_ = Panels(r_, rows);
    this->packed_elements_ = panels_.size();
  }

  const Correlation r_;

 private:
  const char* family_;
  Panels panels_;
};

// An entry whose offer for a problem is the sum of its offers for the phases. It refuses the
// problem if it refuses any of them.
template <class T>
class PhaseAlgorithm : public Algorithm<T> {
 public:
  using Algorithm<T>::Algorithm;

  // Phase i of the problem as this algorithm sees it.
  virtual const Correlation& phase(const Problem& problem, std::size_t i) const {
    return problem.phase(i);
  }
  virtual Offer offer_phase(const Correlation& r, const Request& request,
                            const Exec& exec) const = 0;
  virtual std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r,
                                                                const Request& request,
                                                                const Exec& exec) const = 0;

  Offer offer(const Problem& problem, const Exec& exec) const final;
  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem, const Exec& exec) const final;
};

// The entry that lets each of several phases take the algorithm that is cheapest for it alone. It
// refuses a problem whose phases all choose the same algorithm, since the table has that one, too.
template <class T>
class EachPhase : public Algorithm<T> {
 public:
  explicit EachPhase(std::vector<const PhaseAlgorithm<T>*> algorithms)
      : Algorithm<T>("each_phase", "each_phase"), algorithms_(std::move(algorithms)) {}

  // Every request is allowed: what it asks for is heeded when the phases choose.
  bool allowed_by(const Request&) const override { return true; }
  Offer offer(const Problem& problem, const Exec& exec) const override;
  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem,
                                             const Exec& exec) const override;

 private:
  struct Choice {
    const PhaseAlgorithm<T>* algorithm = nullptr;
    Offer offer = {};
  };
  Choice choose(const Correlation& r, const Request& request, const Exec& exec) const;
  // One for each phase; where the last has no algorithm, there is none for its phase.
  std::vector<Choice> choose_each(const Problem& problem, const Exec& exec) const;

  std::vector<const PhaseAlgorithm<T>*> algorithms_;
};

}  // namespace fastconv
