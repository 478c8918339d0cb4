// SPDX-License-Identifier: MIT
// Planes turned into pixels and back, for algorithms that want the images of a call to lie
// otherwise than they do.
#pragma once

#include "algorithms/correlation/algorithm.h"
#include "algorithms/elementwise/transpose.h"

namespace fastconv {

// The offer of an entry for a problem, with what turning the images costs that lie otherwise than
// it wants them.
template <class T>
Offer offer_with_turns(const Algorithm<T>& entry, const Problem& problem, const Exec& exec) {
  Offer offer = entry.offer(problem, exec);
  if (offer.refused) return offer;
  const Layouts given = problem.request.layouts, wanted = entry.layouts(given);
  offer.turns_x = given.x_pixels != wanted.x_pixels;
  offer.turns_y = given.y_pixels != wanted.y_pixels;
  if (offer.turns_x)
    offer.cycles += turning_cycles<T>(problem.batch * problem.in_channels * problem.in_plane);
  if (offer.turns_y)
    offer.cycles += turning_cycles<T>(problem.batch * problem.channels * problem.plane);
  return offer;
}

// The input `args.x` of this shape, which is pixels (its x_pixel says so) or planes, becomes the
// other at `to`, without gaps; `args` then describes that.
template <class T>
void turn_x(const ImageShape& shape, T* to, ConvArgs<T>& args, const Exec& exec) noexcept;

// Makes of `args` the arguments of a call that writes a result of this shape to `work`, without
// gaps and in the other layout; the residual, if there is one, is turned into `work` first.
template <class T>
void expect_turned_y(const ImageShape& shape, T* work, ConvArgs<T>& args,
                     const Exec& exec) noexcept;

// Turns the result that such a call wrote to `work` into `args.y`, where `args` are the caller's.
template <class T>
void turn_y(const ImageShape& shape, const T* work, const ConvArgs<T>& args,
            const Exec& exec) noexcept;

}  // namespace fastconv
