// SPDX-License-Identifier: MIT
// The interface of every algorithm for the gradient of weights, of the same shape as the one in
// correlation/algorithm.h: an offer for a problem, and the algorithm laid out for it.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "algorithms/correlation/algorithm.h"

namespace fastconv::weight_grad {

// The arrays of one call. For a forward correlation it computes
//
//     dw[m][c][tap] = sum over n and pixels q of dy[n, m, q] * x[n, c, q * in_step + tap.offset]
//
// where dw is contiguous, (groups * m, c, taps). Arrays of pixels (see Layouts, where y stands for
// dy) tell how far apart their images, rows and pixels lie; planes lie without gaps.
template <class T>
struct Args {
  const T* x;
  const T* dy;
  T* dw;
  index_t x_image = 0, x_row = 0, x_pixel = 0;
  index_t dy_image = 0, dy_row = 0, dy_pixel = 0;
};

// The arrays of a call, with the forward correlation whose gradient is computed.
template <class T>
struct Job : Args<T> {
  const Correlation& r;
  Job(const Args<T>& args, const Correlation& forward) : Args<T>(args), r(forward) {}
};

// One algorithm laid out for one correlation.
template <class T>
class Prepared {
 public:
  explicit Prepared(Correlation r) : r_(std::move(r)) {}
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  virtual ~Prepared() = default;

  const Correlation& correlation() const { return r_; }
  index_t scratch_bytes() const { return scratch_bytes_; }  // what run() needs for all threads
  // Writes every weight's gradient.
  virtual void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept = 0;

 protected:
  const Correlation r_;
  index_t scratch_bytes_ = 0;
};

// One entry of the table.
template <class T>
class Algorithm {
 public:
  explicit Algorithm(std::string name) : name_(std::move(name)) {}
  Algorithm(const Algorithm&) = delete;
  Algorithm& operator=(const Algorithm&) = delete;
  virtual ~Algorithm() = default;

  const char* name() const { return name_.c_str(); }
  bool asked_by(const Request& request) const {
    return request.algorithm != nullptr && std::strcmp(request.algorithm, name()) == 0;
  }
  // An offer follows from the correlation, the request, the ISA and the caches alone. r is a
  // forward correlation of at least one image.
  virtual Offer offer(const Correlation& r, const Request& request, const Exec& exec) const = 0;
  virtual std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                                     const Exec& exec) const = 0;
  // How x and dy have to lie, where the caller's lie as `given`. Those that lie otherwise are
  // turned first, whose cost is not in the offer.
  virtual Layouts layouts(const Layouts& /*given*/) const { return {}; }
  // The same as prepare() for arrays that lie as layouts() wants them.
  virtual std::unique_ptr<const Prepared<T>> prepare_for(const Correlation& r, const Layouts&,
                                                         const Exec& exec) const {
    return prepare(r, exec);
  }

 private:
  std::string name_;
};

// Adds outer products: for each pixel a column of inputs times a row of gradients. Lanes are output
// channels.
template <class T>
const Algorithm<T>& outer();
// The same for arrays of pixels, which are read as they lie.
template <class T>
const Algorithm<T>& outer_pixels();
// The same for many tiny images, whose terms are images.
template <class T>
const Algorithm<T>& outer_images();
// Computes dot products along the pixels, for few output channels. Lanes are pixels.
template <class T>
const Algorithm<T>& dots();
// The same for many tiny images. Lanes are images.
template <class T>
const Algorithm<T>& dots_images();
// Takes depthwise layers. Lanes are channels.
template <class T>
const Algorithm<T>& depthwise_pixels();
// Transforms tiles, by the adjoint of Winograd's form i < winograd::kForms.
template <class T>
const Algorithm<T>& winograd_form(int i);
// Transforms rows, for long kernels.
template <class T>
const Algorithm<T>& by_fft();
// The same for depthwise layers of one row.
template <class T>
const Algorithm<T>& channels_by_fft();
// Transforms both axes, for large kernels with one input channel per group.
template <class T>
const Algorithm<T>& planes_by_fft();
// Takes signals whose kernels are too long for a line, as convolutions by their gradients.
template <class T>
const Algorithm<T>& long_by_fft();

}  // namespace fastconv::weight_grad
