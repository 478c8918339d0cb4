// SPDX-License-Identifier: MIT
// The entries of Winograd's forms, and how threads share out the blocks of one.
#include "algorithms/winograd/winograd.h"
#include "algorithms/common/share_out.h"

#include "algorithms/winograd/block.h"
#include "algorithms/winograd/cost.h"
#include "core/parallel.h"

namespace fastconv::winograd {
namespace {

// Winograd's algorithm in one form for one phase. A tile whose result is not finite is computed
// again as plain sums, so that a NaN or infinity reaches just the outputs whose window holds it.
template <class T>
class PreparedForm final : public PreparedPhase<T> {
 public:
  PreparedForm(const Correlation& r, Form form, const Request& request, const Exec& exec)
      : PreparedPhase<T>(r, kFamily), grid_(r, form) {
    grid_.list_weights(r);
    // If there is one block, each transformed weight is used once. Unless weights are prepacked,
    // the block then transforms them itself, a chunk at a time, and they never leave L2 (256@14 ->
    // 256: 9.4 MB that need not be written and read again).
    const Cut cut = cut_for<T>(r, grid_, false, exec);
    in_block_ = !request.prepacked && cut.blocks <= 1 && !cut.split;
    cut_ = cut_for<T>(r, grid_, in_block_, exec);
    sizes_ = sizes_for<T>(r, grid_, cut_, in_block_);
    if (!in_block_) this->packed_elements_ = transformed_size(r, grid_);
    this->needs_weights_ = true;  // for the plain sums of tiles that are not finite
    this->scratch_bytes_ = sizes_.common(cut_, r.groups) + exec.threads * sizes_.own(cut_);
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    if (in_block_) return;
    const Correlation& r = this->r_;
    const index_t panels = ceil_div(r.m, cut_.tile.mr), tasks = r.groups * panels;
    const double work = double(this->packed_elements_);
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
      const index_t g = task / panels, row = task % panels * cut_.tile.mr;
      const index_t plane = r.m * r.c;
      T* panel = packed + g * plane * grid_.alphas() + row * r.c;
      transform_weights(r, grid_, cut_.tile.mr, weights, g, row, panel, plane, exec);
    });
  }

  PackingKey packing() const override {
    if (in_block_) return {};
    PackingKey key = start_of_key(Packing::winograd, this->r_);
    key.insert(key.end(), {cut_.tile.mr, grid_.h.index(), grid_.w.index()});
    key.insert(key.end(), grid_.slots.begin(), grid_.slots.end());
    return key;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job = this->job(args);
    if (cut_.split)
      split_products(job, exec, scratch);
    else if (cut_.shared)
      share_blocks(job, exec, scratch);
    else
      share_out_blocks(job, exec, scratch);
  }

 private:
  // Each block is computed by one thread.
  void share_out_blocks(const Job<T>& job, const Exec& exec, std::byte* scratch) const noexcept {
    const index_t own = sizes_.own(cut_), tasks = job.r.groups * cut_.blocks;
    const Team team = useful_threads(tasks, job.r.fmas() / 4, exec.threads);
    parallel_for(tasks, team, [&](index_t task, int thread) {
      std::byte* memory = scratch + thread * own;
      Block<T> block = block_of(job, exec, task, memory, nullptr, memory + sizes_.v);
      block.transform({0, job.r.c});
      for (index_t chunk = 0; chunk < cut_.chunks; ++chunk) block.finish(chunk);
    });
  }

  // All threads work on one block after another: first on its input channels, then on its chunks.
  void share_blocks(const Job<T>& job, const Exec& exec, std::byte* scratch) const noexcept {
    const index_t own = sizes_.own(cut_), tasks = job.r.groups * cut_.blocks;
    const double work = job.r.fmas() / 4 / double(tasks);
    const Team team = useful_threads(exec.threads, work, exec.threads);
    for (index_t task = 0; task < tasks; ++task) {
      const auto mine = [&](int thread) {
        return block_of(job, exec, task, scratch, nullptr, scratch + sizes_.v + thread * own);
      };
      share_parts(job.r.c, team,
                  [&](Range channels, int thread) { mine(thread).transform(channels); });
      parallel_for(cut_.chunks, team,
                   [&](index_t chunk, int thread) { mine(thread).finish(chunk); });
    }
  }

  // All threads work on all blocks: on the tiles of their input channels, then on the products of
  // their places, then on the pixels of their output channels.
  void split_products(const Job<T>& job, const Exec& exec, std::byte* scratch) const noexcept {
    const Correlation& r = job.r;
    const index_t tasks = r.groups * cut_.blocks, each = sizes_.v + sizes_.m;
    const index_t panels = ceil_div(r.m, cut_.tile.mr), places = grid_.alphas();
    const Team team = useful_threads(exec.threads, r.fmas() / 4, exec.threads);
    const auto block = [&](index_t task, int thread) {
      std::byte* v = scratch + task * each;
      return block_of(job, exec, task, v, v + sizes_.v,
                      scratch + tasks * each + thread * sizes_.own(cut_));
    };
    // Each thread gets some four parts of all.
    const auto share_out = [&](index_t most, const auto& work) {
      const index_t parts = std::min(most, ceil_div(index_t{4} * team.threads, tasks));
      parallel_for(tasks * parts, team, [&](index_t i, int thread) {
        work(block(i / parts, thread), part(most, parts, i % parts));
      });
    };
    share_out(r.c, [](Block<T> b, Range channels) { b.transform(channels); });
    // The products of one place after the other: a task has some panels of one place.
    share_out(places * panels, [&](Block<T> b, Range products) {
      for (index_t i = products.begin; i < products.end;) {
        const index_t first = i % panels, n = std::min(panels - first, products.end - i);
        b.multiply(b.rows({first, first + n}), i / panels, i / panels + 1);
        i += n;
      }
    });
    share_out(r.m, [](Block<T> b, Range rows) { b.store(rows); });
  }

  Block<T> block_of(const Job<T>& job, const Exec& exec, index_t task, std::byte* v, std::byte* m,
                    std::byte* memory) const noexcept {
    return Block<T>(job, grid_, cut_, sizes_, exec, task / cut_.blocks, task % cut_.blocks,
                    reinterpret_cast<T*>(v), reinterpret_cast<T*>(m), memory);
  }

  TileGrid grid_;
  Cut cut_{};
  Sizes sizes_{};
  bool in_block_;
};

template <class T>
class FormEntry final : public PhaseAlgorithm<T> {
 public:
  explicit FormEntry(Form form) : PhaseAlgorithm<T>(name_of(form), kFamily), form_(form) {}

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    if (request.plain_sums()) return refusal("precision='highest' allows plain sums only");
    if (!fits(r, form_)) return refusal(misfit(r, request));
    if (const char* reason = too_coarse(form_, request, sizeof(T))) return refusal(reason);
    const auto& gemm = exec.kernels<T>().conv.gemm;
    const Cost cost(r, form_, choose_tile(gemm, r.m), gemm.lanes, sizeof(T));
    return offered(cost.cycles(request.prepacked), cost.weight_transform(), cost.weight_bytes(),
                   request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r,
                                                        const Request& request,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedForm<T>>(r, form_, request, exec);
  }

 private:
  // Why the form does not fit: if another one would that may not be used, the reason is that one's.
  static const char* misfit(const Correlation& r, const Request& request) {
    const auto other = mildest_form(r);
    if (!other) return "it takes kernels of 2, 3 or 5 taps an axis with stride 1";
    const char* reason = too_coarse(*other, request, sizeof(T));
    return reason != nullptr ? reason : "it takes other numbers of taps";
  }

  Form form_;
};

template <class T>
const std::vector<std::unique_ptr<const FormEntry<T>>>& entries() {
  static const auto all = [] {
    std::vector<std::unique_ptr<const FormEntry<T>>> list;
    for (int i = 0; i < kForms; ++i)
      list.push_back(std::make_unique<const FormEntry<T>>(form_at(i)));
    return list;
  }();
  return all;
}

}  // namespace

template <class T>
const PhaseAlgorithm<T>& form(int i) {
  return *entries<T>()[static_cast<std::size_t>(i)];
}
template const PhaseAlgorithm<float>& form(int);
template const PhaseAlgorithm<double>& form(int);

}  // namespace fastconv::winograd
