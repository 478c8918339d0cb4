// SPDX-License-Identifier: MIT
// Errors as sentences: require(condition, "what was wanted, got ", value) throws, unless the
// condition holds, a std::invalid_argument, which Python sees as a ValueError. It is used at the
// boundary only: nothing below a binding throws.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

#include "core/types.h"

namespace fastconv {

// The parts, printed one after another.
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

// Thrown for a problem whose arrays no index could address. For Python it is a ValueError like
// others.
class TooLarge : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// The parts are evaluated even if the condition holds. Where that is expensive, write an `if` and
// call refuse().
template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    refuse(parts...);
}

// The product of some lengths. If it overflows, throws a TooLarge that names `what` is too large.
inline index_t product(const char* what, std::initializer_list<index_t> factors) {
  index_t result = 1;
  for (const index_t factor : factors)
    if (__builtin_mul_overflow(result, factor, &result))
      throw TooLarge(sentence(what, " is too large to address"));
  return result;
}

}  // namespace fastconv
