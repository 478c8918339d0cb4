// SPDX-License-Identifier: MIT
#include "simulator/counting.h"

#include <cmath>
#include <map>
#include <utility>

#include "core/conv_desc.h"
#include "core/platform.h"
#include "core/simulation.h"

namespace fastconv {
namespace {

// The lanes of a vector and the FMAs of vectors in a cycle, of the table that was copied last.
template <class T>
struct Machine {
  static inline index_t lanes = 1;
  static inline double rate = 1;
};

void count(double cycles) noexcept { simulation().counted += cycles; }

template <class T>
double vectors(index_t n) noexcept {
  return double(ceil_div(n, Machine<T>::lanes));
}

// A call of a kernel takes kCall cycles beside its work, and a vector that is copied kCopied: of
// the constants that the cost models have (algorithms/correlation/cost.h) these are the middle.
// They matter where tasks are small; how work is shared out hardly depends on them.
constexpr double kCall = 30, kCopied = 2;

// Tiles: each FMA of a vector, and the loads that not all of a tile's FMAs hide.
template <class T, int MR, int NV>
void gemm(const TileArgs<T>& t) noexcept {
  count(kCall + double(t.k) * NV * (MR / Machine<T>::rate + 0.4));
}
template <class T, int PIXELS, int NV>
void channel_lanes(const ChannelLanesArgs<T>& t) noexcept {
  count(kCall + double(t.k * t.lines * t.images) * NV * (PIXELS / Machine<T>::rate + 0.4));
}
template <class T, int PIXELS, int NV>
void pixel_tile(const PixelTileArgs<T>& t) noexcept {
  const double terms = double(t.k * t.lines * t.rows);
  count(kCall + terms * NV * PIXELS / Machine<T>::rate);
}
template <class T, int MR, int NR>
void dot(const DotArgs<T>& t) noexcept {
  count(kCall + double(t.lines) * vectors<T>(t.n) * (MR * NR / Machine<T>::rate + 0.4 * NR));
}

// Depthwise tiles: a load for each FMA of a vector.
template <class T, int ROWS, int NV>
void depthwise(const DepthwiseArgs<T>& t) noexcept {
  count(kCall + double(t.k) * ROWS * NV);
}
template <class T, int STRIDE, int KH, int NV>
void depthwise_rows(const DepthwiseRowsArgs<T>& t) noexcept {
  count(kCall + double(t.w_taps) * KH * NV * t.lines);
}
template <class T>
void depthwise_pairs(const DepthwisePairsArgs<T>& t) noexcept {
  count(kCall + double(t.taps[0] + t.taps[1]) * kPairRows);
}
template <class T>
void depthwise_pixels(const DepthwisePixelsArgs<T>& t) noexcept {
  count(kCall + double(t.taps) * double(t.rows * t.columns));
}
template <class T>
void depthwise_line(const DepthwiseLineArgs<T>& t) noexcept {
  const double vectors = double(t.n * t.blocks) * (t.pair ? 2 : 1);
  count(kCall + double(t.rows * t.lines * t.terms) * vectors);
}
template <class T, int ROWS, int HEIGHT>
void depthwise_band(const DepthwiseBandArgs<T>& t) noexcept {
  count(kCall + double(ROWS * HEIGHT) * double(t.lines) * vectors<T>(t.n));
}
template <class T>
void depthwise_pixels_grad(const DepthwisePixelsArgs<T>& t, double*) noexcept {
  depthwise_pixels(t);
}

// Copies.
template <class T>
void pack_lanes(const PackLanesArgs<T>& a) noexcept {
  count(kCall + kCopied * double(a.channels * a.taps));
}
template <class T>
void store_lanes(const StoreLanesArgs<T>& a) noexcept {
  count(kCall + kCopied * double(a.rows) * vectors<T>(a.n));
}
template <class T>
void pack_panel(const PackArgs<T>& a) noexcept {
  count(kCall + kCopied * double(a.k1 - a.k0) * vectors<T>(a.width));
}
template <class T>
void gather_rows(const RowArgs<T>& a) noexcept {
  const double each = kCopied * vectors<T>(a.n) * (a.step == 1 ? 1 : 4);
  count(double(a.channels * (a.above + a.rows + a.below)) * (5 + each));
}
template <class T>
void interleave(const T*, const T*, index_t n, T*) noexcept {
  count(2 * kCopied * vectors<T>(n));
}
template <class T>
double sum(const T*, index_t n, index_t rows, index_t) noexcept {
  count(double(rows) * vectors<T>(n));
  return 0;
}
template <class T>
void add_to_totals(T*, double*, index_t n, bool, bool) noexcept {
  count(kCopied * vectors<T>(n));
}
template <class T>
void activate(Activation, const T*, T*, index_t n, T) noexcept {
  count(kCopied * vectors<T>(n));
}
template <class T>
void transpose(const TransposeArgs<T>& a) noexcept {
  count(kCall + kCopied * double(a.rows) * vectors<T>(a.columns));
}

// Winograd's transforms: about two operations for each value that is read.
template <class T, int S>
void tile_rows(const TileRowsArgs<T>& a) noexcept {
  for (index_t i = 0; i < a.n_rows; ++i)
    count(kCall + 4 * kSchemes[S].alpha * vectors<T>(a.rows[i].n));
}
template <class T, int TERMS>
void planes(const PlanesArgs<T>& a) noexcept {
  count(kCall + 2 * TERMS * double(a.lines * a.vectors));
}
template <class T, int S>
bool pixel_rows(const PixelRowArgs<T>& a) noexcept {
  count(kCall + 3 * kSchemes[S].alpha * double(a.lines * a.vectors));
  return true;
}
template <class T>
void store_runs(const StoreRunsArgs<T>& a) noexcept {
  for (index_t i = 0; i < a.n_runs; ++i) count(5 + kCopied * vectors<T>(a.runs[i].n));
}

// Calls f.operator()<I>() for I in 0..N.
template <int N, class F>
void each(const F& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) {
    (f.template operator()<I>(), ...);
  }(std::make_integer_sequence<int, N>{});
}

template <class T>
void count_tiles(ConvKernels<T>& k) {
  each<kMaxMr>([&]<int M>() {
    each<kMaxNv>([&]<int N>() {
      if (k.gemm.run_gemm[M][N]) k.gemm.run_gemm[M][N] = &gemm<T, M + 1, N + 1>;
      if (k.gemm.run_indirect[M][N]) k.gemm.run_indirect[M][N] = &gemm<T, M + 1, N + 1>;
    });
  });
  each<kMaxPixels>([&]<int P>() {
    each<kChannelLanesNv>([&]<int N>() {
      if (k.channel_lanes.run[P][N]) k.channel_lanes.run[P][N] = &channel_lanes<T, P + 1, N + 1>;
    });
  });
  each<kPixelTilePixels>([&]<int P>() {
    each<kPixelTileNv>([&]<int N>() {
      if (k.pixel_tile.run[P][N]) k.pixel_tile.run[P][N] = &pixel_tile<T, P + 1, N + 1>;
    });
  });
  each<kMaxDot>([&]<int M>() {
    each<kMaxDot>([&]<int N>() {
      if (k.dot.run[M][N]) k.dot.run[M][N] = &dot<T, M + 1, N + 1>;
    });
  });
}

template <class T>
void count_depthwise(DepthwiseKernels<T>& k) {
  each<kDepthwiseShapes>([&]<int S>() {
    each<8>([&]<int N>() {
      if (k.run[S][N]) k.run[S][N] = &depthwise<T, 1 << S, N + 1>;
    });
  });
  each<kDepthwiseHeights>([&]<int H>() {
    each<kDepthwiseNv>([&]<int N>() {
      if (k.run_rows[0][H][N]) k.run_rows[0][H][N] = &depthwise_rows<T, 1, 3 + 2 * H, N + 1>;
      if (k.run_rows[1][H][N]) k.run_rows[1][H][N] = &depthwise_rows<T, 2, 3 + 2 * H, N + 1>;
    });
  });
  k.run_pairs = &depthwise_pairs<T>;
  k.run_pixels = &depthwise_pixels<T>;
  k.run_pixels_grad = &depthwise_pixels_grad<T>;
  k.run_line = &depthwise_line<T>;
  each<kBandKernels>([&]<int K>() {
    each<kBandHeights>(
        [&]<int H>() { k.run_band[K][H] = &depthwise_band<T, kBandRows[K], 1 << H>; });
  });
}

template <class T>
void count_winograd(WinogradKernels<T>& k) {
  each<kNumSchemes>([&]<int S>() {
    constexpr WinogradScheme s = kSchemes[S];
    k.tile_rows[S] = &tile_rows<T, S>;
    k.input[S] = &planes<T, s.alpha>, k.output[S] = &planes<T, s.alpha>;
    k.pixel_rows[S] = &pixel_rows<T, S>;
    k.weights[S] = &planes<T, s.alpha>, k.grads[S] = &planes<T, s.alpha>;
    k.sums[S] = &planes<T, s.alpha>;
  });
  k.store_runs = &store_runs<T>;
}

// Fourier transforms: some cycles for each vector of complex numbers and power of two of a radix
// (as algorithms/fft has them), four FMAs for a product.
constexpr double kPower = 6, kTurned = 12;
template <class T, int RADIX>
void fft_pass(const FftPass<T>& a) noexcept {
  const double numbers = RADIX * double(a.p.to - a.p.from) * double(a.q.to - a.q.from);
  count(kCall + numbers * std::log2(RADIX) * kPower / Machine<T>::rate);
}
template <class T>
void count_fft(FftKernels<T>& k) {
  each<kNumFftRadices>([&]<int I>() { k.pass[I] = &fft_pass<T, kFftRadices[I]>; });
  k.split = [](const FftSplit<T>& a) noexcept { count(kCall + kTurned * double(a.half + 1)); };
  k.join = [](const FftJoin<T>& a) noexcept { count(kCall + kTurned * double(a.half + 1)); };
  k.add = [](const FftSums<T>& a) noexcept {
    count(kCall + 4 / Machine<T>::rate * double(a.terms) * double(a.vectors * a.n));
  };
  k.multiply = [](const FftProduct<T>& a) noexcept {
    count(kCall + 4 / Machine<T>::rate * double(a.terms) * double(a.n));
  };
  k.turn = [](const FftTurn<T>& a) noexcept {
    count(kCall + kTurned * double((a.to - a.from) * Machine<T>::lanes));
  };
  k.wind = [](const FftWind<T>& a) noexcept { count(kCall + 4 * double(a.to - a.from)); };
  k.unwind = [](const FftUnwind<T>& a) noexcept { count(kCall + 4 * double(a.to - a.from)); };
  k.finish = [](const FftFinish<T>& a) noexcept { count(kCall + kCopied * vectors<T>(a.n)); };
}

template <class T>
void count_all(Kernels<T>& k) {
  Machine<T>::lanes = k.conv.gemm.lanes;
  Machine<T>::rate = fmas_per_cycle(k.conv.gemm.lanes * index_t{sizeof(T)});
  count_tiles(k.conv), count_depthwise(k.conv.depthwise), count_winograd(k.conv.winograd);
  count_fft(k.conv.fft);
  k.conv.channel_lanes.pack = &pack_lanes<T>, k.conv.channel_lanes.store = &store_lanes<T>;
  k.conv.pack_panel = &pack_panel<T>, k.conv.gather_rows = &gather_rows<T>;
  k.conv.interleave = &interleave<T>, k.conv.sum = &sum<T>;
  k.conv.add_to_totals = &add_to_totals<T>;
  k.elementwise.activate = &activate<T>, k.elementwise.transpose = &transpose<T>;
}

}  // namespace

const KernelTable& counting_table(const KernelTable& isa) {
  static std::map<const KernelTable*, KernelTable> made;
  const auto [found, is_new] = made.try_emplace(&isa, isa);
  count_all(found->second.f32), count_all(found->second.f64);
  return found->second;
}

}  // namespace fastconv
