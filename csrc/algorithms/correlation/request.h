// SPDX-License-Identifier: MIT
// What a call asks for beside its shape.
#pragma once

#include "core/types.h"

namespace fastconv {

// How the images of a call lie: as planes, or as pixels, whose channels are neighbours.
struct Layouts {
  bool x_pixels = false, y_pixels = false;  // of the input; of the result and its residual
  bool operator==(const Layouts&) const = default;
};

struct Request {
  // The name of an entry of the table or of a family of entries, as known_name() (conv/table.h)
  // gives it. Null lets the predicted cost decide among all.
  const char* algorithm = nullptr;
  Precision precision = Precision::high;
  // The weights are packed ahead, for many calls, as plans do: packing adds nothing to the cost.
  bool prepacked = false;
  Layouts layouts = {};
  bool plain_sums() const { return precision == Precision::highest; }
  bool operator==(const Request&) const = default;
};

}  // namespace fastconv
