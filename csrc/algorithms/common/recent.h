// SPDX-License-Identifier: MIT
// The last few things that were made from keys: what follows from a shape need not be worked out
// again in the next call. A thread has its own (thread_local); several threads share nothing.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace fastconv {

template <class Key, class Value>
class Recent {
 public:
  // The value of an equal key, or make(), which returns a shared_ptr of it. It is remembered if
  // keep(value): some are too large.
  template <class Make, class Keep>
  std::shared_ptr<const Value> find_or_make(const Key& key, const Make& make, const Keep& keep) {
    auto found = std::ranges::find_if(
        memories_, [&](const Memory& m) { return m.value != nullptr && m.key == key; });
    if (found == memories_.end()) {
      std::shared_ptr<const Value> value = make();
      if (!keep(*value)) return value;
      found = memories_.end() - 1;
      *found = {key, std::move(value)};
    }
    std::rotate(memories_.begin(), found, found + 1);
    return memories_.front().value;
  }

 private:
  // Networks of small layers have a dozen shapes; an entry is some hundred bytes.
  static constexpr std::size_t kRemembered = 16;
  struct Memory {
    Key key;
    std::shared_ptr<const Value> value;
  };
  std::array<Memory, kRemembered> memories_ = {};  // the latest first
};

}  // namespace fastconv
