// SPDX-License-Identifier: MIT
#include "algorithms/winograd_grad.h"

#include <atomic>
#include <cmath>

#include "algorithms/weight_grad_sums.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// Lanes are channels on both sides, a unit of them at a time: of the image, too, since rows of
// tiles are short (7x7 has two in a row), and a task transforms the image again.
struct Side {
  index_t unit, units;  // channels
  index_t nv;           // vectors of a unit
};
Side side_for(index_t channels, index_t vector) {
  const index_t nv = std::min<index_t>(kBroadcastNv, ceil_div(channels, vector));
  return {nv * vector, ceil_div(channels, nv * vector), nv};
}

// Tasks are (group, some units of input channels, some units of output channels): each walks all
// blocks of tiles in order, whatever the threads.
struct Cut {
  Side x, dy;
  index_t x_units, x_tasks, dy_units, dy_tasks;  // units of a task
  index_t tiles, lanes, blocks, most_blocks;     // tiles in all and of a block; added in T
  // Elements. Planes start a cache line apart in their set, as those of winograd_cut.
  index_t v_plane, w_plane, u_plane;

  bool in_double() const { return blocks > most_blocks; }
  // With one block a unit is finished before the next one starts.
  index_t live_units() const { return blocks == 1 ? 1 : dy_units; }
};

// Tiles of a block: with 64, 256@56 takes 15.1 ms on one thread, with 96 12.4, with 128 12.3 and
// more elsewhere.
constexpr index_t kBlockTiles = 96;
// Terms of a sum in float, which then errs by 1.2e-6 of its norm; by 2e-6 with 512.
constexpr index_t kMostTiles = 192;

template <class T>
Cut cut_for(const Correlation& r, const TileGrid& grid, const Exec& exec) {
  constexpr index_t item = sizeof(T), line = 64 / item;
  const index_t vector = exec.kernels<T>().conv.gemm.lanes, places = grid.alphas();
  Cut cut{};
  cut.x = side_for(r.c, vector), cut.dy = side_for(r.m, vector);
  cut.tiles = r.batch * grid.per_image();
  cut.blocks = ceil_div(cut.tiles, kBlockTiles);
  cut.lanes = ceil_div(cut.tiles, cut.blocks);
  cut.most_blocks = sizeof(T) == sizeof(double) ? cut.blocks : kMostTiles / kBlockTiles;

  // L2 for the transformed image of a task, and as much for its sums: what is beyond it costs less
  // than to transform the image and the gradient more often (256@14, N = 8: a third 7.6 ms, all
  // 6.3).
  const index_t most = cache_sizes().l2 / (places * item);
  cut.x_units = std::clamp(most / (cut.lanes * cut.x.unit), index_t{1}, cut.x.units);
  cut.dy_units = cut.dy.units;
  if (cut.blocks > 1)
    cut.dy_units =
        std::clamp(most / (cut.x_units * cut.x.unit * cut.dy.unit), index_t{1}, cut.dy.units);
  const index_t threads = useful_threads(exec.threads, r.fmas() / 4, exec.threads);
  const index_t few = 4 * threads;
  const auto tasks = [&] {
    return r.groups * ceil_div(cut.x.units, cut.x_units) * ceil_div(cut.dy.units, cut.dy_units);
  };
  while (tasks() < few && tasks() % threads != 0 && cut.dy_units > 1)
    cut.dy_units = ceil_div(cut.dy_units, 2);
  while (tasks() < few && tasks() % threads != 0 && cut.x_units > 1)
    cut.x_units = ceil_div(cut.x_units, 2);
  cut.x_tasks = ceil_div(cut.x.units, cut.x_units);
  cut.dy_tasks = ceil_div(cut.dy.units, cut.dy_units);
  cut.v_plane = cut.lanes * cut.x.unit + line;
  cut.w_plane = cut.lanes * cut.dy.unit + line;
  cut.u_plane = cut.x_units * cut.x.unit * cut.dy.unit + line;
  return cut;
}

struct Sizes {
  // Bytes of each thread.
  index_t v, w, turned, lines, products, halves, sums, totals, runs, offsets;
  index_t each() const {
    return v + w + turned + lines + products + halves + sums + totals + runs + offsets;
  }
};

template <class T>
Sizes sizes_for(const Correlation& r, const TileGrid& grid, const Cut& cut) {
  constexpr index_t item = sizeof(T);
  const WinogradScheme &h = grid.h.scheme(), &w = grid.w.scheme();
  const index_t most = std::max(cut.x.unit, cut.dy.unit);
  const index_t sums = cut.x_units * cut.x.unit * r.taps() * cut.dy.unit;
  const index_t totals = cut.in_double() ? cut.live_units() * sums * index_t{sizeof(double)} : 0;
  return {.v = cache_lines(cut.x_units * grid.alphas() * cut.v_plane * item),
          .w = cache_lines(grid.alphas() * cut.w_plane * item),
          // Each run of tiles may have its own overlap.
          .turned = cache_lines(h.alpha * cut.lanes * w.alpha * most * item),
          .lines = cache_lines(h.alpha * w.alpha * cut.lanes * most * item),
          .products = cut.live_units() * cache_lines(grid.alphas() * cut.u_plane * item),
          .halves = cache_lines(h.r * w.alpha * cut.u_plane * item),
          .sums = cache_lines(sums * item),
          .totals = cache_lines(totals),
          .runs = cache_lines(cut.lanes * index_t{sizeof(TileRun)}),
          .offsets = cache_lines(2 * cut.x_units * cut.x.unit * index_t{sizeof(index_t)})};
}

// What the tiles of one side read: `terms` of each axis, a tile's m after the one before it.
template <class T>
struct Tiles {
  const T* planes;  // of the first image and channel
  index_t image, plane, height, width;
  index_t channels;  // at most a unit
  const Side& side;
  bool outputs;  // the gradient's tiles, else the image's
  index_t terms_h, terms_w;
  void (*transform_h)(const PlanesArgs<T>&) noexcept;
  void (*transform_w)(const PlanesArgs<T>&) noexcept;
};

template <class T>
class Task {
 public:
  Task(const WeightGrad<T>& job, const TileGrid& grid, const Exec& exec, const Cut& cut,
       const Sizes& sizes, std::byte* memory, index_t index) noexcept
      : job_(job),
        r_(job.r),
        grid_(grid),
        exec_(exec),
        kernels_(exec.kernels<T>().conv.winograd),
        cut_(cut),
        product_(sizes.products / cut.live_units() / index_t{sizeof(T)}) {
    const auto take = [&memory]<class U>(index_t bytes, U*& part) {
      part = reinterpret_cast<U*>(memory);
      memory += bytes;
    };
    take(sizes.v, v_), take(sizes.w, w_), take(sizes.turned, turned_), take(sizes.lines, lines_);
    take(sizes.products, products_), take(sizes.halves, halves_), take(sizes.sums, sums_);
    take(sizes.totals, totals_), take(sizes.runs, runs_);
    take(sizes.offsets, in_);
    dy_units_ = part(cut.dy.units, cut.dy_tasks, index % cut.dy_tasks);
    x_units_ = part(cut.x.units, cut.x_tasks, index / cut.dy_tasks % cut.x_tasks);
    g_ = index / cut.dy_tasks / cut.x_tasks;
    channels_ = {x_units_.begin * cut.x.unit, std::min(x_units_.end * cut.x.unit, r_.c)};
    out_ = in_ + channels_.size();
    for (index_t c = 0; c < channels_.size(); ++c) {
      in_[c] = c / cut.x.unit * v_unit() + c % cut.x.unit;
      out_[c] = c * cut.dy.unit;
    }
  }

  bool run() noexcept {
    bool finite = true;
    for (index_t block = 0; block < cut_.blocks; ++block) {
      const Range tiles = part(cut_.tiles, cut_.blocks, block);
      tiles_ = tiles.size(), n_runs_ = grid_.split(tiles.begin, tiles_, runs_);
      const bool fresh = block % cut_.most_blocks == 0, last = block + 1 == cut_.blocks;
      const bool full = last || (block + 1) % cut_.most_blocks == 0;
      for (index_t u = x_units_.begin; u < x_units_.end; ++u)
        transform(image(u), v_ + (u - x_units_.begin) * v_unit(), cut_.v_plane);
      for (index_t u = dy_units_.begin; u < dy_units_.end; ++u) {
        transform(gradient(u), w_, cut_.w_plane);
        multiply(u, fresh);
        if (full) sum(u);
        if (full && cut_.in_double())
          exec_.kernels<T>().conv.add_to_totals(sums_, totals_ + live(u) * unit_size(), unit_size(),
                                                block < cut_.most_blocks, last);
        if (last) finite = store(u) && finite;
      }
    }
    return finite;
  }

 private:
  index_t alpha_w() const { return grid_.w.scheme().alpha; }
  index_t unit_size() const { return channels_.size() * r_.taps() * cut_.dy.unit; }
  index_t v_unit() const { return grid_.alphas() * cut_.v_plane; }
  index_t live(index_t u) const { return cut_.blocks == 1 ? 0 : u - dy_units_.begin; }
  T* products(index_t u) const { return products_ + live(u) * product_; }
  Range outputs(index_t u) const {
    return {u * cut_.dy.unit, std::min((u + 1) * cut_.dy.unit, r_.m)};
  }

  Tiles<T> image(index_t u) const {
    const index_t first = u * cut_.x.unit;
    return {.planes = job_.x + (g_ * r_.c + first) * r_.in_plane(),
            .image = r_.groups * r_.c * r_.in_plane(),
            .plane = r_.in_plane(),
            .height = r_.h.in,
            .width = r_.w.in,
            .channels = std::min(cut_.x.unit, r_.c - first),
            .side = cut_.x,
            .outputs = false,
            .terms_h = grid_.h.scheme().alpha,
            .terms_w = grid_.w.scheme().alpha,
            .transform_h = kernels_.input[grid_.h.index()],
            .transform_w = kernels_.input[grid_.w.index()]};
  }
  Tiles<T> gradient(index_t u) const {
    return {.planes = job_.dy + (g_ * r_.m + outputs(u).begin) * r_.pixels(),
            .image = r_.groups * r_.m * r_.pixels(),
            .plane = r_.pixels(),
            .height = r_.h.count,
            .width = r_.w.count,
            .channels = outputs(u).size(),
            .side = cut_.dy,
            .outputs = true,
            .terms_h = grid_.h.scheme().m,
            .terms_w = grid_.w.scheme().m,
            .transform_h = kernels_.grads[grid_.h.index()],
            .transform_w = kernels_.grads[grid_.w.index()]};
  }

  // Place xi of the block's tiles to to + xi * plane, tile by tile.
  void transform(const Tiles<T>& t, T* to, index_t plane) noexcept {
    const index_t unit = t.side.unit, m = grid_.w.scheme().m, term = cut_.lanes * unit;
    for (const TileRun* run = runs_; run != runs_ + n_runs_; ++run)
      for (index_t i = 0; i < t.terms_h; ++i) {
        if (i + grid_.h.scheme().m < t.terms_h && run > runs_ && below(run[-1], *run)) {
          share(run[-1], *run, i, unit);
          continue;
        }
        turn(t, *run, i);
        t.transform_w({.src = turned_,
                       .src_term = unit,
                       .src_line = m * unit,
                       .dst = lines_ + i * alpha_w() * term + run->lane * unit,
                       .dst_term = term,
                       .dst_line = unit,
                       .lines = run->n,
                       .vectors = t.side.nv});
      }
    t.transform_h({.src = lines_,
                   .src_term = alpha_w() * term,
                   .src_line = term,
                   .dst = to,
                   .dst_term = alpha_w() * plane,
                   .dst_line = plane,
                   .lines = alpha_w(),
                   .vectors = tiles_ * t.side.nv});
  }

  // Row i of `run`, which the run above has transformed already.
  void share(const TileRun& above, const TileRun& run, index_t i, index_t unit) noexcept {
    const index_t term = cut_.lanes * unit, m = grid_.h.scheme().m;
    for (index_t j = 0; j < alpha_w(); ++j)
      std::copy_n(lines_ + ((i + m) * alpha_w() + j) * term + above.lane * unit, run.n * unit,
                  lines_ + (i * alpha_w() + j) * term + run.lane * unit);
  }

  // Row i of a run's tiles, with the channels as lanes; zeros beyond the planes.
  void turn(const Tiles<T>& t, const TileRun& run, index_t i) noexcept {
    const index_t unit = t.side.unit, m = grid_.w.scheme().m, n = (run.n - 1) * m + t.terms_w;
    const index_t row = (t.outputs ? run.h.first : run.h.reads) + i;
    const index_t column = t.outputs ? run.w.first : run.w.reads;
    const index_t begin = std::clamp(-column, index_t{0}, n);
    const index_t end = std::clamp(t.width - column, begin, n);
    if (row < 0 || row >= t.height || begin == end)
      return void(std::fill_n(turned_, n * unit, T{0}));
    if (t.channels < unit) {
      std::fill_n(turned_, n * unit, T{0});
    } else {
      std::fill_n(turned_, begin * unit, T{0});
      std::fill_n(turned_ + end * unit, (n - end) * unit, T{0});
    }
    exec_.kernels<T>().elementwise.transpose(
        {.x = t.planes + run.image * t.image + row * t.width + column + begin,
         .ldx = t.plane,
         .y = turned_ + begin * unit,
         .ldy = unit,
         .rows = t.channels,
         .columns = end - begin});
  }

  void multiply(index_t u, bool fresh) noexcept {
    const auto& broadcast = exec_.kernels<T>().conv.broadcast;
    const index_t parts = ceil_div(channels_.size(), index_t{broadcast.max_pixels});
    for (index_t xi = 0; xi < grid_.alphas(); ++xi)
      for (index_t i = 0; i < parts; ++i) {
        const Range c = part(channels_.size(), parts, i);
        broadcast.run[c.size() - 1][cut_.dy.nv - 1]({.k = tiles_,
                                                     .x = v_ + xi * cut_.v_plane,
                                                     .x_step = cut_.x.unit,
                                                     .in = in_ + c.begin,
                                                     .w = w_ + xi * cut_.w_plane,
                                                     .c = products(u) + xi * cut_.u_plane,
                                                     .out = out_ + c.begin,
                                                     .ahead = wanted_next(xi, i),
                                                     .fresh = fresh});
      }
  }

  // Part i of a place fetches a piece, tiles_ lines, of what the next place reads.
  const T* wanted_next(index_t xi, index_t i) const {
    const index_t piece = tiles_ * index_t{64 / sizeof(T)},
                  pieces = ceil_div(tiles_ * cut_.dy.unit, piece);
    if (i < pieces) return w_ + (xi + 1) * cut_.w_plane + i * piece;
    const index_t rest = i - pieces, in_unit = ceil_div(tiles_ * cut_.x.unit, piece);
    return v_ + rest / in_unit % x_units_.size() * v_unit() + (xi + 1) * cut_.v_plane +
           rest % in_unit * piece;
  }

  void sum(index_t u) noexcept {
    const WinogradScheme &h = grid_.h.scheme(), &w = grid_.w.scheme();
    kernels_.sums[grid_.h.index()]({.src = products(u),
                                    .src_term = w.alpha * cut_.u_plane,
                                    .src_line = cut_.u_plane,
                                    .dst = halves_,
                                    .dst_term = w.alpha * cut_.u_plane,
                                    .dst_line = cut_.u_plane,
                                    .lines = w.alpha,
                                    .vectors = channels_.size() * cut_.dy.nv});
    for (index_t i = 0; i < h.r; ++i)
      kernels_.sums[grid_.w.index()]({.src = halves_ + i * w.alpha * cut_.u_plane,
                                      .src_term = cut_.u_plane,
                                      .src_line = cut_.dy.unit,
                                      .dst = sums_ + i * w.r * cut_.dy.unit,
                                      .dst_term = cut_.dy.unit,
                                      .dst_line = r_.taps() * cut_.dy.unit,
                                      .lines = channels_.size(),
                                      .vectors = cut_.dy.nv});
  }

  bool store(index_t u) noexcept {
    store_sums(job_, exec_, sums_, cut_.dy.unit, g_, outputs(u), channels_);
    return std::isfinite(exec_.kernels<T>().conv.sum(sums_, unit_size(), 1, 0));
  }

  const WeightGrad<T>& job_;
  const Correlation& r_;
  const TileGrid& grid_;
  const Exec& exec_;
  const WinogradKernels<T>& kernels_;
  const Cut& cut_;
  const index_t product_;  // elements of a unit's products
  T *v_, *w_, *turned_, *lines_, *products_, *halves_, *sums_;
  double* totals_;
  TileRun* runs_;
  index_t *in_, *out_;  // of the channels, in their transformed tiles and in the products
  Range x_units_, dy_units_, channels_;
  index_t g_, tiles_ = 0, n_runs_ = 0;
};

// Cycles of one core, as cost.h has them for the forward sums.
template <class T>
double cycles(const Correlation& r, const TileGrid& grid, const Exec& exec) {
  constexpr double kTile = 60;             // calling a tile, loading and storing its sums
  constexpr double kFeeding = 1.1;         // its loads beside its FMAs
  constexpr double kTurned = 4;            // a vector of pixels
  constexpr double kPlace = 4;             // a vector of a transformed tile, both passes
  constexpr double kRun = 60;              // a row of a run of tiles
  constexpr double kSum = 4, kTotal = 20;  // a vector of products, and of the sums they become
  const Cut cut = cut_for<T>(r, grid, exec);
  const WinogradScheme &h = grid.h.scheme(), &w = grid.w.scheme();
  const double places = double(grid.alphas()), tiles = double(cut.tiles), c = double(r.c);
  const double vectors = double(cut.dy.units * cut.dy.nv);
  const double parts = std::ceil(double(cut.x_units * cut.x.unit) /
                                 double(exec.kernels<T>().conv.broadcast.max_pixels));
  const double calls = places * double(cut.blocks * cut.dy.units * cut.x_tasks) * parts;
  const double product = places * tiles * c * vectors / 2 * kFeeding + calls * kTile;
  const double runs = double(r.batch * grid.h.tiles()) + double(cut.blocks);
  const auto side = [&](const Side& s, index_t rows, index_t columns) {
    const double tile = double(rows * columns) * kTurned + places * kPlace;
    return double(s.units) * (tiles * double(s.nv) * tile + runs * double(rows) * kRun);
  };
  const double image = double(cut.dy_tasks) * side(cut.x, h.alpha, w.m);
  const double gradient = double(cut.x_tasks) * side(cut.dy, h.m, w.m);
  const double flushes = double(ceil_div(cut.blocks, cut.most_blocks));
  const double sums = flushes * c * vectors * (places * kSum + double(r.taps()) * kTotal);
  return double(r.groups) * (product + image + gradient + sums);
}

}  // namespace

template <class T>
std::optional<WinogradForm> winograd_grad_form(const Correlation& r, double outer, const Wish& wish,
                                               const Exec& exec) {
  if (wish.form) return wish.form;
  if (wish.plain_sums || sizeof(T) == sizeof(double) || r.batch == 0) return {};
  if (r.mode != PadMode::zeros) return {};  // tiles are cut from the image as it is
  std::optional<WinogradForm> best;
  for (const WinogradForm& form : winograd_forms(r)) {
    const TileGrid grid(r, form);
    if (grid.h.step() != 1 || grid.w.step() != 1) continue;  // phases are not worth their rows
    if (const double cost = cycles<T>(r, grid, exec); cost < outer) outer = cost, best = form;
  }
  return best;
}

template <class T>
index_t winograd_grad_scratch(const Correlation& r, WinogradForm form, const Exec& exec) {
  const TileGrid grid(r, form);
  return exec.threads * sizes_for<T>(r, grid, cut_for<T>(r, grid, exec)).each();
}

template <class T>
bool winograd_grad(const WeightGrad<T>& job, WinogradForm form, const Exec& exec,
                   std::byte* scratch) noexcept {
  const Correlation& r = job.r;
  const TileGrid grid(r, form);
  const Cut cut = cut_for<T>(r, grid, exec);
  const Sizes sizes = sizes_for<T>(r, grid, cut);
  const index_t tasks = r.groups * cut.x_tasks * cut.dy_tasks;
  std::atomic<bool> finite = true;
  parallel_for(tasks, useful_threads(tasks, r.fmas() / 4, exec.threads),
               [&](index_t task, int thread) {
                 std::byte* memory = scratch + thread * sizes.each();
                 if (!Task<T>(job, grid, exec, cut, sizes, memory, task).run())
                   finite.store(false, std::memory_order_relaxed);
               });
  return finite;
}

#define FC_INSTANTIATE(T)                                                                   \
  template std::optional<WinogradForm> winograd_grad_form<T>(const Correlation&, double,    \
                                                             const Wish&, const Exec&);     \
  template index_t winograd_grad_scratch<T>(const Correlation&, WinogradForm, const Exec&); \
  template bool winograd_grad(const WeightGrad<T>&, WinogradForm, const Exec&, std::byte*) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
