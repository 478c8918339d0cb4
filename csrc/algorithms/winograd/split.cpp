// SPDX-License-Identifier: MIT
// The entries of Winograd's algorithm on split taps, and how threads share out the blocks of
// one.
#include "algorithms/correlation/pack_weights.h"
#include "algorithms/winograd/split_block.h"
#include "algorithms/winograd/split_cost.h"
#include "algorithms/winograd/split_weights.h"
#include "algorithms/winograd/winograd.h"
#include "core/parallel.h"

namespace fastconv::winograd {
namespace {

template <class T>
class PreparedSplit final : public PreparedPhase<T> {
 public:
  PreparedSplit(const Correlation& phase, index_t m, const Exec& exec)
      : PreparedPhase<T>(phase, kFamily),
        grid_(this->r_, m),
        slots_(weight_slots(this->r_)),
        cut_(split_cut<T>(this->r_, grid_, exec)),
        sizes_(split_sizes<T>(grid_, cut_)) {
    this->packed_elements_ = this->r_.groups * grid_.places() * cut_.panels.plane();
    this->needs_weights_ = true;  // for the plain sums of results that are not finite
    const index_t blocks = cut_.spread ? this->r_.groups : exec.threads;
    const index_t elements = blocks * sizes_.common() + exec.threads * sizes_.own();
    this->scratch_bytes_ = elements * index_t{sizeof(T)};
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    const Correlation& r = this->r_;
    const index_t panels = cut_.panels.count(), tasks = r.groups * panels;
    const double work = double(this->packed_elements_);
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
      const index_t g = task / panels;
      T* group = packed + g * grid_.places() * cut_.panels.plane();
      transform_split(r, grid_, cut_.panels, slots_, weights, g, task % panels, group, exec);
    });
  }
  PackingKey packing() const override {
    PackingKey key = start_of_key(Packing::split, this->r_);
    key.push_back(grid_.w.m());
    key.insert(key.end(), slots_.begin(), slots_.end());
    return key;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job = this->job(args);
    T* memory = reinterpret_cast<T*>(scratch);
    if (cut_.spread)
      spread_blocks(job, exec, memory);
    else
      share_out_blocks(job, exec, memory);
  }

 private:
  // Each block is computed by one thread.
  void share_out_blocks(const Job<T>& job, const Exec& exec, T* memory) const noexcept {
    const index_t tasks = job.r.groups * cut_.blocks, each = sizes_.common() + sizes_.own();
    const Team team = useful_threads(tasks, job.r.fmas() / 2, exec.threads);
    parallel_for(tasks, team, [&](index_t task, int thread) {
      T* const own = memory + thread * each;
      SplitBlock<T> block(job, grid_, cut_, sizes_, exec, task / cut_.blocks, task % cut_.blocks,
                          own, own + sizes_.common());
      block.take({0, cut_.pixel});
      const TilePart whole = block.whole();
      for (index_t tile = whole.tiles.begin; tile < whole.tiles.end; ++tile)
        block.fill(tile, {0, grid_.lines()}, {0, grid_.pixels()});
      block.transform(whole);
      for (index_t panel = 0; panel < cut_.panels.count(); panel += cut_.chunk)
        block.finish(whole, {panel, std::min(panel + cut_.chunk, cut_.panels.count())});
    });
  }

  // All threads work on one block of all groups after another (SplitCut::spread).
  void spread_blocks(const Job<T>& job, const Exec& exec, T* memory) const noexcept {
    const double work = job.r.fmas() / 2 / double(cut_.blocks);
    const Team team = useful_threads(exec.threads, work, exec.threads);
    for (index_t block = 0; block < cut_.blocks; ++block) spread(block, job, team, exec, memory);
  }
  void spread(index_t number, const Job<T>& job, const Team& team, const Exec& exec,
              T* memory) const noexcept {
    const index_t groups = job.r.groups, lanes = cut_.panels.lanes, panels = cut_.panels.count();
    const index_t tiles = grid_.w.tiles();
    const Range rows = part(cut_.rows, cut_.blocks, number);
    // Shares out `each` things of each group, which f computes: f(block, index).
    const auto share = [&](index_t each, const auto& f) {
      share_parts(groups * each, team, [&](Range some, int thread) {
        for (index_t i = some.begin; i < some.end; ++i) {
          const index_t g = i / each;
          SplitBlock<T> block(job, grid_, cut_, sizes_, exec, g, number,
                              memory + g * sizes_.common(),
                              memory + groups * sizes_.common() + thread * sizes_.own());
          f(block, i % each);
        }
      });
    };
    // Takes the vector of channels out of an index, and returns the rest of it.
    const auto take = [&](SplitBlock<T>& block, index_t i) {
      const index_t first = i % cut_.vectors() * lanes;
      block.take({first, first + lanes});
      return i / cut_.vectors();
    };
    share(rows.size() * grid_.lines() * cut_.copied * cut_.vectors(),
          [&](SplitBlock<T>& block, index_t i) {
            i = take(block, i);
            const index_t line = i / cut_.copied % grid_.lines();
            block.fill(rows.begin + i / cut_.copied / grid_.lines(), {line, line + 1},
                       part(grid_.pixels(), cut_.copied, i % cut_.copied));
          });
    share(rows.size() * cut_.transformed * cut_.vectors(), [&](SplitBlock<T>& block, index_t i) {
      i = take(block, i);
      const index_t tile = rows.begin + i / cut_.transformed;
      block.transform({{tile, tile + 1}, part(tiles, cut_.transformed, i % cut_.transformed)});
    });
    share(grid_.transformed_places() * panels,
          [&](SplitBlock<T>& block, index_t i) { block.multiply_place(i / panels, i % panels); });
    share(panels * rows.size() * cut_.finished, [&](SplitBlock<T>& block, index_t i) {
      const index_t piece = i % cut_.finished, row = i / cut_.finished % rows.size();
      const index_t panel = i / cut_.finished / rows.size(), tile = rows.begin + row;
      block.finish({{tile, tile + 1}, part(tiles, cut_.finished, piece)}, {panel, panel + 1});
    });
  }

  SplitGrid grid_;
  std::vector<index_t> slots_;
  SplitCut cut_;
  SplitSizes sizes_;
};

template <class T>
class SplitEntry final : public PhaseAlgorithm<T> {
 public:
  explicit SplitEntry(index_t m)
      : PhaseAlgorithm<T>(m == 4 ? "winograd split F(4)" : "winograd split F(2)", kFamily), m_(m) {}

  Layouts layouts(const Layouts& given) const override { return given; }
  const Correlation& phase(const Problem& problem, std::size_t i) const override {
    return problem.phases[i];
  }

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    if (!SplitAxis::takes(r.h) || !SplitAxis::takes(r.w))
      return refusal("it takes strides of 1 and 2 and up to 7 neighbouring taps an axis");
    if (!r.plain_output()) return refusal("it takes no phases between which others lie");
    if (!needed(r)) return refusal("its taps need not be split");
    const SplitGrid grid(r, m_);
    if (split_row(r, grid, sizeof(T)) > 2 * double(cache_sizes().l2))
      return refusal("the transformed tiles of a row do not fit L2");
    for (const SplitAxis* axis : {&grid.h, &grid.w})
      for (const AxisPart& part : axis->parts())
        if (const char* reason = too_coarse({part.scheme, 0}, request, sizeof(T)))
          return refusal(reason);
    const auto& kernels = exec.kernels<T>().conv;
    const SplitCost cost(r, m_, kernels.gemm.lanes, sizeof(T), kernels.pixel_tile.max_pixels[1]);
    // In a network weights come from memory: 256@28 -> 256 at stride 2 saves there what 7 MB more
    // of them take, and ResNet-50's would be 1.7 times as large as they are given.
    constexpr double kMostWeights = 3 << 20;
    if (cost.weight_bytes() > kMostWeights && !this->asked_by(request))
      return refusal("it has so many transformed weights that it is used only if asked for");
    return offered(cost.cycles(), cost.weight_transform(), cost.weight_bytes(), request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r, const Request&,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedSplit<T>>(r, m_, exec);
  }

 private:
  // Whether some tap meets a part of the elements, or the axis is too long for one form; and
  // whether anything is transformed at all.
  static bool needed(const Correlation& r) {
    const auto split = [](const TapAxis& axis) {
      return axis.n_taps() > 3 || (axis.n_taps() > 1 && axis.in_step > 1);
    };
    const auto transformed = [](const TapAxis& axis) { return axis.n_taps() > axis.in_step; };
    return (split(r.h) || split(r.w)) &&
           ((r.h.n_taps() > 1 && transformed(r.h)) || (r.w.n_taps() > 1 && transformed(r.w)));
  }

  index_t m_;
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& split(int m) {
  static const SplitEntry<T> two(2), four(4);
  return m == 2 ? two : four;
}
template const PhaseAlgorithm<float>& split(int);
template const PhaseAlgorithm<double>& split(int);

}  // namespace fastconv::winograd
