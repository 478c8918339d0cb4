// SPDX-License-Identifier: MIT
#include "bindings/plan_weights.h"

#include <algorithm>

namespace fastconv {

PlanWeights::Plain PlanWeights::plain() {
  {
    const std::lock_guard lock(mutex_);
    if (Plain there = shared_.lock()) return there;
  }
  const Plain again = std::make_shared<const Scratch>(unpack_());
  const std::lock_guard lock(mutex_);
  shared_ = again;
  return again;
}

PlanWeights::Entry* PlanWeights::entry_of(const PackingKey& key) {
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  return found == entries_.end() ? nullptr : &*found;
}

PlanWeights::Packed PlanWeights::find(const PackingKey& key) {
  const std::lock_guard lock(mutex_);
  const Entry* entry = entry_of(key);
  return entry ? entry->packed.lock() : nullptr;
}

PlanWeights::Packed PlanWeights::add(const PackingKey& key, Packed packed) {
  const std::lock_guard lock(mutex_);
  Entry* entry = entry_of(key);
  if (entry == nullptr) {
    entries_.push_back({key, packed, nullptr});
    return packed;
  }
  if (Packed other = entry->packed.lock()) return other;
  entry->packed = packed;
  return packed;
}

void PlanWeights::keep(const PackingKey& key, const Packed& packed) {
  const std::lock_guard lock(mutex_);
  if (Entry* entry = entry_of(key); entry && entry->packed.lock() == packed) entry->kept = packed;
}

}  // namespace fastconv
