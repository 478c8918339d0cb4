// SPDX-License-Identifier: MIT
// The weights that relatives share: a plan, and all plans that were made from it for other shapes,
// for its gradient or for other algorithms.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "algorithms/conv/mapping.h"
#include "core/memory.h"

namespace fastconv {

class PlanWeights {
 public:
  // The caller's weights, and how to make them again from what the first plan has packed: empty if
  // they are to be held as they are. The bias and the slopes of an activation may be empty.
  using Plain = std::shared_ptr<const Scratch>;
  using Unpack = std::function<Scratch()>;
  PlanWeights(const Plain& plain, Unpack unpack, Scratch bias, Scratch slopes)
      : shared_(plain),
        unpack_(std::move(unpack)),
        bias_(std::move(bias)),
        slopes_(std::move(slopes)) {
    if (!unpack_) held_ = plain;
  }

  // The caller's weights, as long as somebody wants them: they take as much memory as packed ones.
  Plain plain();
  const Scratch& bias() const { return bias_; }
  const Scratch& slopes() const { return slopes_; }

  // The weights as an algorithm has packed them. They live as long as a plan uses them or, if they
  // are kept, as long as there is a relative.
  using Packed = std::shared_ptr<const Scratch>;
  // Those of this key, or null if there are none.
  Packed find(const PackingKey& key);
  // Adds packed weights and returns them, or those that another thread has added meanwhile.
  Packed add(const PackingKey& key, Packed packed);
  // Keeps packed weights that have been added: a plan for yet another shape may want them.
  void keep(const PackingKey& key, const Packed& packed);

 private:
  struct Entry {
    PackingKey key;
    std::weak_ptr<const Scratch> packed;
    Packed kept;
  };
  Entry* entry_of(const PackingKey& key);

  Plain held_;
  std::weak_ptr<const Scratch> shared_;
  const Unpack unpack_;
  const Scratch bias_, slopes_;
  // Held for a look at what is shared alone, and only by threads that hold the GIL: so a process
  // never forks while it is locked.
  std::mutex mutex_;
  std::vector<Entry> entries_;  // few: the packed layouts that shapes of one convolution choose
};

}  // namespace fastconv
