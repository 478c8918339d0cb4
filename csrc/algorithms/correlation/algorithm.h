// SPDX-License-Identifier: MIT
// The interface of every algorithm that convolves images: what a call asks of it (a Problem), what
// it answers (an Offer), and what it becomes for one shape (Prepared). conv/table.cpp lists them
// all.
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/correlation/correlation.h"
#include "algorithms/correlation/job.h"
#include "algorithms/correlation/offer.h"
#include "algorithms/correlation/request.h"
#include "core/exec.h"

namespace fastconv {

// A convolution, or the adjoint of one: all of its phases together. A convolution has one phase; an
// adjoint has one for each residue of its stride that a tap reaches. Either may have none.
struct Problem {
  std::vector<Correlation> phases;
  // Set for 1x1 convolutions alone: their only phase once more, with each image as a single row, so
  // that no vector of pixels ends at the end of a row.
  std::optional<Correlation> flat = {};
  // Whether the phases together write every output. Those that none of them writes become the bias.
  bool complete = true;
  // Of the outputs: the images, the channels of all groups together, the elements of one plane.
  index_t batch = 0, channels = 0, plane = 0;
  index_t width = 1;                      // of a row of such a plane
  index_t in_channels = 0, in_plane = 0;  // the same of the inputs
  Request request = {};

  // Phase i as an algorithm that computes one phase at a time sees it.
  const Correlation& phase(std::size_t i) const { return flat ? *flat : phases[i]; }
  double fmas() const {
    double sum = 0;
    for (const Correlation& r : phases) sum += r.fmas();
    return sum;
  }
};

// What packed weights depend on beside the weights themselves and the ISA: where equal keys are
// packed from the same weights, the results are equal. It is empty where nothing is packed.
using PackingKey = std::vector<index_t>;

// One algorithm laid out for one problem. It is made where memory may be taken and exceptions may
// be thrown; pack() and run() do neither.
template <class T>
class Prepared {
 public:
  Prepared() = default;
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  virtual ~Prepared() = default;

  index_t packed_elements() const { return packed_elements_; }  // the size of the packed weights
  index_t scratch_bytes() const { return scratch_bytes_; }      // what run() needs for all threads
  // Whether packed weights do not stand for the caller's: run() reads these as well, or pack()
  // leaves out some of them.
  bool needs_weights() const { return needs_weights_; }

  // Packs the caller's weights: writes packed_elements() elements, which run() then reads as
  // args.packed.
  virtual void pack(const T* weights, T* packed, const Exec& exec) const noexcept = 0;
  // Shapes whose keys are equal can share what pack() writes.
  virtual PackingKey packing() const = 0;
  // Writes every output.
  virtual void run(const ConvArgs<T>& args, const Exec& exec,
                   std::byte* scratch) const noexcept = 0;
  // The family of the algorithm that runs. Where phases run different ones, their families are
  // joined by "+".
  virtual std::string family() const = 0;

 protected:
  index_t packed_elements_ = 0, scratch_bytes_ = 0;
  bool needs_weights_ = false;
};

// One entry of the table.
template <class T>
class Algorithm {
 public:
  Algorithm(std::string name, const char* family) : name_(std::move(name)), family_(family) {}
  Algorithm(const Algorithm&) = delete;
  Algorithm& operator=(const Algorithm&) = delete;
  virtual ~Algorithm() = default;

  const char* name() const { return name_.c_str(); }
  const char* family() const { return family_; }
  // Whether the request asks for this entry by its name or by that of its family.
  bool asked_by(const Request& request) const {
    return request.algorithm != nullptr && (std::strcmp(request.algorithm, name()) == 0 ||
                                            std::strcmp(request.algorithm, family_) == 0);
  }
  // Whether this entry may be chosen: it may unless the request asks for another one.
  virtual bool allowed_by(const Request& request) const {
    return request.algorithm == nullptr || asked_by(request);
  }

  // How the images have to lie that the prepared algorithm reads and writes, where the caller's lie
  // as `given`. Mapping turns those that lie otherwise.
  virtual Layouts layouts(const Layouts& /*given*/) const { return {}; }

  // An offer follows from the problem, the ISA and the caches alone. It allocates nothing, because
  // every entry of the table makes one for every shape that is not remembered.
  virtual Offer offer(const Problem& problem, const Exec& exec) const = 0;
  // Lays the algorithm out for a problem that its offer did not refuse.
  virtual std::unique_ptr<const Prepared<T>> prepare(const Problem& problem,
                                                     const Exec& exec) const = 0;

 private:
  std::string name_;
  const char* family_;
};

}  // namespace fastconv
