// SPDX-License-Identifier: MIT
// A weight gradient whose arrays lie as pixels while its algorithm reads planes, or the other way
// round: they are turned first.
#pragma once

#include <memory>
#include <utility>

#include "algorithms/elementwise/transpose.h"
#include "algorithms/weight_grad/algorithm.h"
#include "core/memory.h"

namespace fastconv::weight_grad {

// What turning costs of the arrays that lie otherwise than is wanted.
template <class T>
double turns_cycles(const Correlation& r, const Layouts& given, const Layouts& wanted) {
  const index_t x = r.batch * r.groups * r.c * r.in_plane();
  const index_t dy = r.batch * r.groups * r.m * r.pixels();
  return (given.x_pixels != wanted.x_pixels ? turning_cycles<T>(x) : 0) +
         (given.y_pixels != wanted.y_pixels ? turning_cycles<T>(dy) : 0);
}

template <class T>
class PreparedTurned final : public Prepared<T> {
 public:
  PreparedTurned(std::unique_ptr<const Prepared<T>> inner, const Layouts& given,
                 const Layouts& wanted)
      : Prepared<T>(inner->correlation()), inner_(std::move(inner)) {
    const Correlation& r = this->r_;
    x_ = {r.batch, r.groups * r.c, r.h.in, r.w.in};
    dy_ = {r.batch, r.groups * r.m, r.h.count, r.w.count};
    const auto bytes = [](const ImageShape& a) {
      return cache_lines(a.size() * index_t{sizeof(T)});
    };
    x_bytes_ = given.x_pixels != wanted.x_pixels ? bytes(x_) : 0;
    dy_bytes_ = given.y_pixels != wanted.y_pixels ? bytes(dy_) : 0;
    this->scratch_bytes_ = x_bytes_ + dy_bytes_ + inner_->scratch_bytes();
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    Args<T> own = args;
    if (x_bytes_ > 0) turn(x_, scratch, exec, own.x, own.x_image, own.x_row, own.x_pixel);
    if (dy_bytes_ > 0)
      turn(dy_, scratch + x_bytes_, exec, own.dy, own.dy_image, own.dy_row, own.dy_pixel);
    inner_->run(own, exec, scratch + x_bytes_ + dy_bytes_);
  }

 private:
  // Turns the array at `from`, whose steps say how it lies, and describes what became of it.
  static void turn(const ImageShape& a, std::byte* memory, const Exec& exec, const T*& from,
                   index_t& image, index_t& row, index_t& pixel) noexcept {
    T* to = reinterpret_cast<T*>(memory);
    const bool pixels = pixel != 0;
    const PixelSteps steps = pixels ? PixelSteps{image, row, pixel} : dense_pixels(a);
    const ChannelsLast last = channels_last(a, steps, a.n);
    if (pixels) {
      to_planes(last, sizeof(T), from, to, exec);
      image = row = pixel = 0;
    } else {
      from_planes(last, sizeof(T), from, to, exec);
      image = steps.image, row = steps.row, pixel = steps.pixel;
    }
    from = to;
  }

  std::unique_ptr<const Prepared<T>> inner_;
  ImageShape x_{}, dy_{};
  index_t x_bytes_ = 0, dy_bytes_ = 0;
};

}  // namespace fastconv::weight_grad
