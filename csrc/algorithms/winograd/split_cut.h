// SPDX-License-Identifier: MIT
// How Winograd's algorithm on split taps is cut into blocks of rows of tiles, and where the parts
// of a block lie in scratch memory. Lanes are channels on both sides of the products: a stride then
// costs nothing, and a few tiles fill the vectors as well as many.
#pragma once

#include "algorithms/common/share_out.h"
#include "algorithms/winograd/split_axis.h"
#include "core/exec.h"
#include "core/memory.h"

namespace fastconv::winograd {

// Some rows of tiles, numbered through all images, and some of the tiles of each.
struct TilePart {
  Range tiles, columns;
};

struct SplitGrid {
  SplitGrid(const Correlation& r, index_t m) : h(r.h, m), w(r.w, m) {}
  SplitAxis h, w;

  // The places of a pair of parts: so many products of weights with values.
  static index_t places(const AxisPart& a, const AxisPart& b) {
    return a.kind().alpha * b.kind().alpha;
  }
  index_t places() const {
    index_t sum = 0;
    for (const AxisPart& a : h.parts())
      for (const AxisPart& b : w.parts()) sum += places(a, b);
    return sum;
  }
  // The places of all pairs whose products are transformed along h.
  index_t transformed_places() const {
    index_t sum = 0;
    for (const AxisPart& a : h.parts())
      for (const AxisPart& b : w.parts()) sum += a.plain() ? 0 : places(a, b);
    return sum;
  }
  // The outputs along w of some tiles.
  Range outputs_of(Range tiles) const {
    return {tiles.begin * w.m(), std::min(tiles.end * w.m(), w.outputs())};
  }
  // The values along w of some tiles of a row, of one place of a part.
  Range columns(const AxisPart& b, Range tiles) const {
    return b.plain() ? outputs_of(tiles) : tiles;
  }
  index_t columns(const AxisPart& b) const { return columns(b, {0, w.tiles()}).size(); }
  // How many rows of outputs lie between the first ones of two rows of tiles.
  index_t first_output(index_t tile, index_t from) const {
    const auto before = [&](index_t t) {
      return t / h.tiles() * h.outputs() + t % h.tiles() * h.m();
    };
    return before(tile) - before(from);
  }
  index_t row() const { return w.tiles() * w.m(); }  // the outputs of a row, in whole tiles
  index_t lines() const { return h.reach(h.m()); }   // the rows that a row of tiles reads
  index_t pixels() const { return w.reach(row()); }  // the columns that it reads
};

// The output channels of a group as panels of two vectors; the last one may have one vector. The
// transformed weights hold, for each group and place, panel after panel, in a panel
// [input channel][output channel].
struct SplitPanels {
  index_t m, c, lanes;
  index_t vectors() const { return ceil_div(m, lanes); }
  index_t count() const { return ceil_div(vectors(), index_t{2}); }
  index_t nv(index_t panel) const { return std::min<index_t>(2, vectors() - 2 * panel); }
  index_t first(index_t panel) const { return 2 * panel * lanes; }  // its first output channel
  index_t plane() const { return vectors() * lanes * c; }           // the weights of a place
  index_t pixel(Range panels) const {  // the output channels of some panels, in whole vectors
    return (std::min(2 * panels.end, vectors()) - 2 * panels.begin) * lanes;
  }
};

struct SplitCut {
  SplitPanels panels;
  index_t rows;    // of tiles, of all images of a group
  index_t blocks;  // into which these are cut
  index_t block;   // rows of tiles of a block, at most
  // If the blocks cannot be shared out evenly, a group is one block, and all threads work on all
  // groups: they copy the images, transform them, multiply at the places whose products are
  // transformed along h, and finish the outputs, whose tasks have a row of tiles of one panel.
  // Where these are few rows are cut into pieces, in each step of which threads share out all.
  bool spread;
  index_t copied, transformed, finished;  // pieces of a row of each of these steps
  index_t pixel;  // elements of a pixel of input: its channels in whole vectors
  index_t chunk;  // panels that are finished at once
  index_t vectors() const { return pixel / panels.lanes; }  // of a pixel
};

// The bytes of the transformed values of one row of tiles.
inline double split_row(const Correlation& r, const SplitGrid& grid, index_t item) {
  const double values = grid.h.values() * grid.w.values() * double(grid.h.m() * grid.row());
  return values * double(r.c * item);
}
// The bytes for each row of tiles that finish() goes through, with `channels` bytes of output
// channels: the products of the largest pair of parts, what becomes of them, and the outputs.
inline double finished_row(const SplitGrid& grid, index_t channels) {
  index_t products = 0, halves = 0;
  for (const AxisPart& a : grid.h.parts())
    for (const AxisPart& b : grid.w.parts()) {
      if (!a.plain()) products = std::max(products, SplitGrid::places(a, b) * grid.columns(b));
      if (!b.plain()) halves = std::max(halves, b.kind().alpha * grid.h.m() * grid.columns(b));
    }
  return double((products + halves + grid.h.m() * grid.row()) * channels);
}
// The rows of tiles of a block. Their values take at most kFew times L2, and so does what a panel's
// outputs go through, since what is copied and transformed is read again soon (64@112 -> 64 at a
// stride of 2: 1.75 ms with one row, 1.94 with two, 2.02 with four); or kMany times where the
// weights outgrow L2, which stream past once for each block (256@28 -> 256: the same on one thread,
// but two threads share the way from L3). The values of a place still fit L2.
constexpr double kFew = 0.65;
inline index_t split_block(const Correlation& r, const SplitGrid& grid, index_t item,
                           index_t lanes) {
  constexpr double kMany = 2.6;
  const double l2 = double(cache_sizes().l2), weights = double(grid.places() * r.m * r.c * item);
  const double most = l2 * (weights > 2 * l2 ? kMany : kFew);
  const double row = std::max(split_row(r, grid, item), finished_row(grid, 2 * lanes * item));
  return std::max<index_t>(1, index_t(most / row));
}

// Into how many pieces of at least `least` elements a row of n is cut, of which a step has `rows`.
inline index_t pieces_of(index_t n, index_t least, index_t rows, index_t threads) {
  if (!uneven(rows, threads)) return 1;
  return std::clamp(ceil_div(4 * threads, rows), index_t{1}, ceil_div(n, least));
}

template <class T>
SplitCut split_cut(const Correlation& r, const SplitGrid& grid, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  const index_t threads = useful_threads(exec.threads, r.fmas() / 2, exec.threads).threads;
  SplitCut cut{};
  cut.panels = {r.m, r.c, lanes};
  cut.pixel = ceil_div(r.c, lanes) * lanes;
  cut.rows = r.batch * grid.h.tiles();
  cut.blocks = ceil_div(cut.rows, split_block(r, grid, sizeof(T), lanes));
  const index_t all = r.groups * cut.blocks;
  if (all < 4 * threads && all % threads != 0 && r.groups * cut.rows >= threads)
    cut.blocks = std::min(cut.rows, ceil_div(ceil_div(all, threads) * threads, r.groups));
  cut.block = ceil_div(cut.rows, cut.blocks);
  // Two threads rather have blocks of their own, whose values stay in L2.
  const index_t rows = r.groups * cut.rows, tasks = r.groups * cut.blocks;
  cut.spread = tasks < threads || (threads > 2 && idle(tasks, cut.block, rows, threads));
  // Of few channels many outputs are made: 10@64x62 -> 256 by 5x3 took 18.3 ms while their panels
  // were finished at once, in memory that outgrew L2, and takes 6.3.
  const double panel = double(cut.block) * finished_row(grid, 2 * lanes * index_t{sizeof(T)});
  const auto chunk = static_cast<index_t>(kFew * double(cache_sizes().l2) / panel);
  cut.chunk = std::clamp(chunk, index_t{1}, cut.panels.count());
  if (!cut.spread) return cut;
  cut.chunk = 1;
  // What is kept of all groups fits twice the L2 of the threads.
  const double row = split_row(r, grid, sizeof(T)) * (1 + double(r.m) / double(r.c)) +
                     double(grid.lines() * grid.pixels() * cut.pixel * index_t{sizeof(T)});
  const double most = 2 * double(cache_sizes().l2 * threads) / (double(r.groups) * row);
  cut.blocks = ceil_div(cut.rows, std::max<index_t>(1, index_t(most)));
  cut.block = ceil_div(cut.rows, cut.blocks);
  constexpr index_t kPixels = 64, kTiles = 4;
  const index_t lines = r.groups * cut.block, vectors = cut.vectors();
  cut.copied = pieces_of(grid.pixels(), kPixels, lines * grid.lines() * vectors, threads);
  cut.transformed = pieces_of(grid.w.tiles(), kTiles, lines * vectors, threads);
  cut.finished = pieces_of(grid.w.tiles(), kTiles, lines * cut.panels.count(), threads);
  return cut;
}

// The parts of scratch memory, in elements. `image` and `values` belong to a block; each thread has
// the others.
struct SplitSizes {
  index_t image;     // what the rows of tiles read, as pixels together with their padding
  index_t values;    // the transformed tiles
  index_t lines;     // one row of tiles, transformed along w
  index_t products;  // of one pair of parts; of all, which belong to the block, if it is spread
  index_t halves;    // products that are transformed back along h
  index_t results;   // the outputs
  index_t more;      // results that are added to others
  index_t bias;
  bool spread;
  index_t own() const { return lines + (spread ? 0 : products) + halves + results + more + bias; }
  index_t common() const { return image + values + (spread ? products : 0); }
};

// How far apart places lie: a cache line is left free between them, as in cut.h.
template <class T>
index_t split_plane(index_t values, index_t channels) {
  return values * channels + index_t{64 / sizeof(T)};
}

template <class T>
SplitSizes split_sizes(const SplitGrid& grid, const SplitCut& cut) {
  constexpr index_t line = 64 / sizeof(T);
  const auto whole = [](index_t n) { return ceil_div(n, line) * line; };
  const index_t pixel = cut.pixel, rows = cut.block, outputs = rows * grid.h.m() + grid.h.m();
  // What is finished at once: rows of outputs, tiles of a row, and channels.
  const index_t lines = cut.spread ? 2 * grid.h.m() : outputs;
  const index_t tiles = ceil_div(grid.w.tiles(), cut.spread ? cut.finished : 1);
  const index_t channels = cut.panels.pixel({0, cut.chunk});
  const index_t all = cut.panels.pixel({0, cut.panels.count()});
  SplitSizes s{};
  s.spread = cut.spread;
  s.image = whole(rows * grid.lines() * grid.pixels() * pixel);
  for (const AxisPart& a : grid.h.parts())
    for (const AxisPart& b : grid.w.parts()) {
      const index_t columns = grid.columns(b), places = SplitGrid::places(a, b);
      const index_t values = (a.plain() ? outputs : rows) * columns;
      if (!a.plain() || !b.plain()) s.values += whole(places * split_plane<T>(values, pixel));
      if (!a.plain()) {
        const index_t products = whole(places * split_plane<T>(values, all));
        s.products = cut.spread ? s.products + products : std::max(s.products, products);
      }
      s.lines = std::max(s.lines, whole(places * grid.w.tiles() * pixel));
      if (!b.plain())
        s.halves =
            std::max(s.halves, whole(b.kind().alpha * split_plane<T>(lines * tiles, channels)));
    }
  const index_t row = tiles * grid.w.m();
  // Stores read whole vectors of pixels, and may begin at the last one.
  s.results = whole((lines * row + cut.panels.lanes) * channels);
  s.more = whole(grid.h.m() * row * channels);
  s.bias = whole(channels);
  return s;
}

}  // namespace fastconv::winograd
