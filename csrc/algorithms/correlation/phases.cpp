// SPDX-License-Identifier: MIT
// How phases that are prepared one by one make up a whole problem, and what they offer for it.
#include "algorithms/correlation/phases.h"

#include <algorithm>

#include "algorithms/correlation/fill.h"

namespace fastconv {
namespace {

// Runs one phase after another. Their packed weights follow one another in the same order.
template <class T>
class PreparedPhases : public Prepared<T> {
 public:
  PreparedPhases(const Problem& problem,
                 std::vector<std::unique_ptr<const PreparedPhase<T>>> phases)
      : outputs_(problem), complete_(problem.complete), phases_(std::move(phases)) {
    for (const auto& phase : phases_) {
      at_.push_back(this->packed_elements_);
      if (phase->panels().size() > 0) {
        panels_.push_back(phase->panels());
        panels_.back().at = this->packed_elements_;
      }
      this->packed_elements_ += phase->packed_elements();
      this->needs_weights_ = this->needs_weights_ || phase->needs_weights();
      this->scratch_bytes_ = std::max(this->scratch_bytes_, phase->scratch_bytes());
    }
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    pack_panels<T>(panels_, weights, packed, exec);
    for (std::size_t i = 0; i < phases_.size(); ++i)
      if (phases_[i]->panels().size() == 0) phases_[i]->pack(weights, packed + at_[i], exec);
  }

  PackingKey packing() const override {
    PackingKey key = key_of(panels_);
    for (std::size_t i = 0; i < phases_.size(); ++i) {
      if (phases_[i]->panels().size() > 0) continue;
      const PackingKey one = phases_[i]->packing();
      if (one.empty()) continue;
      key.push_back(at_[i]);
      key.insert(key.end(), one.begin(), one.end());
    }
    return key;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    if (!complete_) fill_with_bias(outputs_, args, exec);
    ConvArgs<T> one = args;
    for (std::size_t i = 0; i < phases_.size(); ++i) {
      one.packed = args.packed + at_[i];
      phases_[i]->run(one, exec, scratch);
    }
  }

  std::string family() const override {
    std::string all;
    for (const auto& phase : phases_)
      if (const std::string one = phase->family(); all.find(one) == std::string::npos)
        all += (all.empty() ? "" : "+") + one;
    return all;
  }

 private:
  Outputs outputs_;
  bool complete_;
  std::vector<std::unique_ptr<const PreparedPhase<T>>> phases_;
  std::vector<index_t> at_;     // where the packed weights of each phase begin
  std::vector<Panels> panels_;  // of the phases whose weights are packed as panels
};

// Whether two phases of a problem have as many taps and outputs, and so the same cheapest
// algorithm.
bool are_alike(const Correlation& a, const Correlation& b) {
  const auto alike = [](const TapAxis& x, const TapAxis& y) {
    return x.n_taps() == y.n_taps() && x.count == y.count;
  };
  return alike(a.h, b.h) && alike(a.w, b.w);
}

}  // namespace

template <class T>
Offer PhaseAlgorithm<T>::offer(const Problem& problem, const Exec& exec) const {
  Offer all;
  if (!problem.phases.empty() && !this->asked_by(problem.request) &&
      many_slots(problem.phase(0), problem.phases.size()))
    return refusal("its lists of so many phases and taps are made only if it is asked for");
  for (std::size_t i = 0; i < problem.phases.size(); ++i) {
    const Offer one = offer_phase(phase(problem, i), problem.request, exec);
    if (one.refused) return one;
    all.cycles += one.cycles, all.weight_bytes += one.weight_bytes;
  }
  return problem.phases.empty() ? refusal("no tap reaches any output") : all;
}

template <class T>
std::unique_ptr<const Prepared<T>> PhaseAlgorithm<T>::prepare(const Problem& problem,
                                                              const Exec& exec) const {
  if (problem.phases.size() == 1 && problem.complete)
    return prepare_phase(phase(problem, 0), problem.request, exec);
  std::vector<std::unique_ptr<const PreparedPhase<T>>> phases;
  for (std::size_t i = 0; i < problem.phases.size(); ++i)
    phases.push_back(prepare_phase(phase(problem, i), problem.request, exec));
  return std::make_unique<const PreparedPhases<T>>(problem, std::move(phases));
}

template <class T>
typename EachPhase<T>::Choice EachPhase<T>::choose(const Correlation& r, const Request& request,
                                                   const Exec& exec) const {
  Choice best;
  for (const PhaseAlgorithm<T>* algorithm : algorithms_) {
    if (!this->asked_by(request) && !algorithm->allowed_by(request)) continue;
    const Offer offer = algorithm->offer_phase(r, request, exec);
    if (!offer.refused && (best.algorithm == nullptr || offer.cycles <= best.offer.cycles))
      best = {algorithm, offer};
  }
  return best;
}

template <class T>
std::vector<typename EachPhase<T>::Choice> EachPhase<T>::choose_each(const Problem& problem,
                                                                     const Exec& exec) const {
  std::vector<Choice> choices;
  for (std::size_t i = 0; i < problem.phases.size(); ++i) {
    // A stride of 8 x 8 has 64 phases of few kinds: asking a hundred entries about each took 0.4
    // ms.
    const Correlation& r = problem.phase(i);
    std::size_t like = 0;
    while (like < i && !are_alike(r, problem.phase(like))) ++like;
    Choice one;
    if (like < i) {
      one.algorithm = choices[like].algorithm;
      one.offer = one.algorithm->offer_phase(r, problem.request, exec);
    }
    if (like == i || one.offer.refused) one = choose(r, problem.request, exec);
    choices.push_back(one);
    if (one.algorithm == nullptr) break;
  }
  return choices;
}

template <class T>
Offer EachPhase<T>::offer(const Problem& problem, const Exec& exec) const {
  if (problem.phases.size() < 2) return refusal("it takes several phases");
  if (many_slots(problem.phase(0), problem.phases.size()))
    return refusal("the lists of so many phases and taps would be long");
  const std::vector<Choice> choices = choose_each(problem, exec);
  if (choices.back().algorithm == nullptr)
    return refusal("a phase can be computed by none of those asked for");
  Offer all;
  bool differ = false;
  for (const Choice& one : choices) {
    differ = differ || one.algorithm != choices.front().algorithm;
    all.cycles += one.offer.cycles, all.weight_bytes += one.offer.weight_bytes;
  }
  return differ ? all : refusal("all phases take the same algorithm");
}

template <class T>
std::unique_ptr<const Prepared<T>> EachPhase<T>::prepare(const Problem& problem,
                                                         const Exec& exec) const {
  std::vector<std::unique_ptr<const PreparedPhase<T>>> phases;
  const std::vector<Choice> choices = choose_each(problem, exec);
  for (std::size_t i = 0; i < choices.size(); ++i)
    phases.push_back(choices[i].algorithm->prepare_phase(problem.phase(i), problem.request, exec));
  return std::make_unique<const PreparedPhases<T>>(problem, std::move(phases));
}

template class PhaseAlgorithm<float>;
template class PhaseAlgorithm<double>;
template class EachPhase<float>;
template class EachPhase<double>;

}  // namespace fastconv
