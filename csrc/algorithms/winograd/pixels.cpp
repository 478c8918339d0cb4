// SPDX-License-Identifier: MIT
// The entries of Winograd's forms for images that lie as pixels, which are read and written so:
// nothing is transposed.
#include <cstring>
#include <string>
#include <utility>

#include "algorithms/winograd/pixel_block.h"
#include "algorithms/winograd/pixel_cost.h"
#include "algorithms/winograd/winograd.h"
#include "core/parallel.h"

namespace fastconv::winograd {
namespace {

// Winograd's algorithm in one form for one phase. As in winograd.cpp, a tile whose result is not
// finite is computed again as plain sums.
template <class T>
class PreparedPixels final : public PreparedPhase<T> {
 public:
  PreparedPixels(const Correlation& r, Form form, const Request& request, const Exec& exec)
      : PreparedPhase<T>(r, kFamily),
        grid_(r, form),
        cut_(pixel_cut<T>(r, grid_, exec)),
        // As in winograd.cpp: one block of tiles transforms each weight where it uses it.
        in_block_(!request.prepacked && cut_.blocks <= 1),
        sizes_(pixel_sizes<T>(r, grid_, cut_, in_block_)) {
    grid_.list_weights(r);
    if (!in_block_) this->packed_elements_ = pixel_weights_size(r, grid_, cut_.out);
    this->needs_weights_ = true;  // for the plain sums of tiles that are not finite
    bias_bytes_ = cache_lines(r.groups * cut_.out.padded() * index_t{sizeof(T)});
    this->scratch_bytes_ = bias_bytes_ + sizes_.common(cut_) + exec.threads * sizes_.own(cut_);
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    if (in_block_) return;
    pack_pixel_weights(this->r_, grid_, cut_.out, weights, packed, exec);
  }
  PackingKey packing() const override {
    if (in_block_) return {};
    PackingKey key = start_of_key(Packing::winograd, this->r_);
    key.insert(key.end(), {0, grid_.h.index(), grid_.w.index()});  // 0: there are no panels
    key.insert(key.end(), grid_.slots.begin(), grid_.slots.end());
    return key;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job = this->job(args);
    const Correlation& r = job.r;
    T* bias = reinterpret_cast<T*>(scratch);
    std::fill_n(bias, r.groups * cut_.out.padded(), T{0});
    if (job.bias)
      for (index_t g = 0; g < r.groups; ++g)
        std::copy_n(job.bias + g * r.m, r.m, bias + g * cut_.out.padded());
    std::byte *v = scratch + bias_bytes_, *own = v + sizes_.common(cut_);
    const index_t tasks = r.groups * cut_.blocks;
    const auto block_of = [&](index_t task, int thread) {
      std::byte* memory = own + thread * sizes_.own(cut_);
      std::byte* tiles = cut_.shared ? v : memory;
      if (!cut_.shared) memory += sizes_.v;
      return PixelTilesBlock<T>(job, grid_, cut_, sizes_, exec, bias, task / cut_.blocks,
                                task % cut_.blocks, reinterpret_cast<T*>(tiles), memory);
    };
    if (!cut_.shared) {
      const Team team = useful_threads(tasks, r.fmas() / 4, exec.threads);
      parallel_for(tasks, team, [&](index_t task, int thread) {
        PixelTilesBlock<T> block = block_of(task, thread);
        block.transform({0, cut_.units});
        for (index_t i = 0; i < cut_.out.blocks; ++i) block.finish(i);
      });
      return;
    }
    // All threads work on one block after another: first on its input channels, then on its output
    // channels.
    const Team team = useful_threads(exec.threads, r.fmas() / 4 / double(tasks), exec.threads);
    for (index_t task = 0; task < tasks; ++task) {
      parallel_for(cut_.units, team,
                   [&](index_t u, int thread) { block_of(task, thread).transform({u, u + 1}); });
      parallel_for(cut_.out.blocks, team,
                   [&](index_t i, int thread) { block_of(task, thread).finish(i); });
    }
  }

 private:
  TileGrid grid_;
  PixelCut cut_;
  bool in_block_;
  PixelSizes sizes_;
  index_t bias_bytes_;
};

template <class T>
class PixelForm final : public PhaseAlgorithm<T> {
 public:
  PixelForm(std::string name, Form form)
      : PhaseAlgorithm<T>(std::move(name), kFamily), form_(form) {}

  Layouts layouts(const Layouts&) const override { return {true, true}; }

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    const bool named =
        request.algorithm != nullptr && std::strcmp(request.algorithm, this->name()) == 0;
    if (!named && !request.layouts.x_pixels && !request.layouts.y_pixels)
      return refusal("neither the input nor the result lies as pixels");
    if (request.plain_sums()) return refusal("precision='highest' allows plain sums only");
    if (!fits(r, form_)) return refusal("it takes other numbers of taps, at stride 1");
    if (const char* reason = too_coarse(form_, request, sizeof(T))) return refusal(reason);
    const PixelCost cost = PixelCost::of<T>(r, form_, exec);
    return offered(cost.cycles(request.prepacked), cost.weight_transform(), cost.weight_bytes(),
                   request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r,
                                                        const Request& request,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedPixels<T>>(r, form_, request, exec);
  }

 private:
  Form form_;
};

template <class T>
const std::vector<std::unique_ptr<const PixelForm<T>>>& entries() {
  static const auto all = [] {
    std::vector<std::unique_ptr<const PixelForm<T>>> list;
    for (int i = 0; i < kForms; ++i)
      list.push_back(
          std::make_unique<const PixelForm<T>>(name_of(form_at(i)) + " on pixels", form_at(i)));
    return list;
  }();
  return all;
}

}  // namespace

template <class T>
const PhaseAlgorithm<T>& pixel_form(int i) {
  return *entries<T>()[static_cast<std::size_t>(i)];
}
template const PhaseAlgorithm<float>& pixel_form(int);
template const PhaseAlgorithm<double>& pixel_form(int);

}  // namespace fastconv::winograd
