// SPDX-License-Identifier: MIT
// Errors as sentences: require(condition, "what was wanted, got ", value) throws what Python sees
// as a ValueError. Used at the boundary only; nothing below a binding throws.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

#include "core/types.h"

namespace fastconv {

template <class... Parts>
std::string sentence(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  throw std::invalid_argument(sentence(parts...));
}

// A problem whose arrays no index could address. For Python a ValueError like any other.
class TooLarge : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// The parts are evaluated whether or not they are needed: where they cost, test and refuse().
template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    refuse(parts...);
}

// Products of lengths, checked: an overflow is a ValueError that names what was too large.
inline index_t product(const char* what, std::initializer_list<index_t> factors) {
  index_t result = 1;
  for (const index_t factor : factors)
    if (__builtin_mul_overflow(result, factor, &result))
      throw TooLarge(sentence(what, " is too large to address"));
  return result;
}

}  // namespace fastconv
