// SPDX-License-Identifier: MIT
// The interface of every algorithm that convolves images: what a call asks of it (a Problem), what
// it answers (an Offer), and what it becomes for one shape (Prepared). conv/table.cpp lists all.
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/correlation/correlation.h"
#include "algorithms/correlation/job.h"
#include "algorithms/correlation/request.h"
#include "core/exec.h"

namespace fastconv {

// A convolution, or the adjoint of one: all of its phases together. A convolution has one phase; an
// adjoint has one for each residue of its stride that a tap reaches, so it may have none.
struct Problem {
  std::vector<Correlation> phases;
  // A 1x1 convolution's only phase once more, with each image as a single row.
  std::optional<Correlation> flat = {};
  bool complete = true;                        // the phases write every output
  index_t batch = 0, channels = 0, plane = 0;  // of the outputs
  Request request = {};

  // Phase i as an algorithm that computes one phase at a time sees it.
  const Correlation& phase(std::size_t i) const { return flat ? *flat : phases[i]; }
  double fmas() const {
    double sum = 0;
    for (const Correlation& r : phases) sum += r.fmas();
    return sum;
  }
};

// An algorithm's answer to a problem: why it does not take it, or what it costs.
struct Offer {
  const char* refused = nullptr;
  double cycles = 0;  // of one core, predicted
};
inline Offer refusal(const char* reason) { return {.refused = reason}; }

// One algorithm laid out for one problem. It is made where memory may be taken and exceptions may
// be thrown; pack() and run() do neither.
template <class T>
class Prepared {
 public:
  Prepared() = default;
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  virtual ~Prepared() = default;

  index_t packed_elements() const { return packed_elements_; }
  index_t scratch_bytes() const { return scratch_bytes_; }  // for all threads

  // Writes packed_elements() elements, before run() is called with them as args.packed.
  virtual void pack(const T* weights, T* packed, const Exec& exec) const noexcept = 0;
  // Writes every output.
  virtual void run(const ConvArgs<T>& args, const Exec& exec,
                   std::byte* scratch) const noexcept = 0;
  // The family of what runs, or the families of its phases, joined by "+".
  virtual std::string family() const = 0;

 protected:
  index_t packed_elements_ = 0, scratch_bytes_ = 0;
};

template <class T>
class Algorithm {
 public:
  Algorithm(std::string name, const char* family) : name_(std::move(name)), family_(family) {}
  Algorithm(const Algorithm&) = delete;
  Algorithm& operator=(const Algorithm&) = delete;
  virtual ~Algorithm() = default;

  const char* name() const { return name_.c_str(); }
  const char* family() const { return family_; }
  // Whether a request that names algorithms names this one.
  bool asked_by(const Request& request) const {
    return request.algorithm != nullptr && (std::strcmp(request.algorithm, name()) == 0 ||
                                            std::strcmp(request.algorithm, family_) == 0);
  }
  // Whether the request leaves the choice open to this one.
  virtual bool allowed_by(const Request& request) const {
    return request.algorithm == nullptr || asked_by(request);
  }

  // Pure functions of problem, ISA and caches. An offer allocates nothing: it is made by every
  // entry of the table for every shape that is not remembered.
  virtual Offer offer(const Problem& problem, const Exec& exec) const = 0;
  // Only for a problem that was not refused.
  virtual std::unique_ptr<const Prepared<T>> prepare(const Problem& problem,
                                                     const Exec& exec) const = 0;

 private:
  std::string name_;
  const char* family_;
};

}  // namespace fastconv
