// SPDX-License-Identifier: MIT
// What a call asks for beside its shape.
#pragma once

namespace fastconv {

struct Request {
  // The name of an entry of the table or of a family of entries, one of names() (conv/table.h);
  // null lets the predicted cost decide among all.
  const char* algorithm = nullptr;
  bool plain_sums = false;  // precision "highest": no algorithm that adds other terms
  bool prepacked = false;   // a plan: weights are packed once, for many calls, and cost nothing
  bool operator==(const Request&) const = default;
};

}  // namespace fastconv
