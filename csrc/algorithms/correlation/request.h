// SPDX-License-Identifier: MIT
// What a call asks for beside its shape.
#pragma once

namespace fastconv {

struct Request {
  // The name of an entry of the table or of a family of entries, as known_name() (conv/table.h)
  // gives it. Null lets the predicted cost decide among all.
  const char* algorithm = nullptr;
  // Precision "highest": only algorithms that add the terms of the sums themselves. Winograd's adds
  // products of transformed elements instead.
  bool plain_sums = false;
  // The weights are packed ahead, for many calls, as plans do: packing adds nothing to the cost.
  bool prepacked = false;
  bool operator==(const Request&) const = default;
};

}  // namespace fastconv
