// SPDX-License-Identifier: MIT
// The weight gradient of signals with very long kernels, for which no line of a transform is long
// enough. It is a convolution itself: its kernels are the gradients of the output channels, its
// images the input channels, and its outputs the taps, which lie a dilation apart. So the forward
// algorithm computes it, in pieces of some gradients each, whose spectra stay small.
#include <algorithm>
#include <memory>
#include <vector>

#include "algorithms/fft/axis.h"
#include "algorithms/fft/fft.h"
#include "algorithms/weight_grad/algorithm.h"
#include "core/memory.h"

namespace fastconv::weight_grad {
namespace {

// Some gradients, and the part of each input channel that the taps read with them.
struct Piece {
  index_t first, count;   // gradients
  index_t x, in, offset;  // the part's begin and length; where the first tap of the first one reads
  bool like(const Piece& other) const {
    return count == other.count && in == other.in && offset == other.offset;
  }
};

index_t spacing(const Correlation& r) { return std::max<index_t>(r.w.even_step(), 1); }

// In padding that repeats elements, a part of a channel would repeat others: there is but one
// piece.
std::vector<Piece> pieces_of(const Correlation& r) {
  // Each reads as many elements again as there are taps.
  constexpr index_t kLeast = 65536;
  const index_t all = r.w.count, wanted = std::max(kLeast, 2 * r.w.n_taps());
  const index_t step = r.mode == PadMode::zeros ? wanted : all;
  std::vector<Piece> pieces;
  for (index_t first = 0; first < all; first += step) {
    const index_t count = std::min(step, all - first);
    const index_t start = first * r.w.in_step + r.w.taps[0].offset;
    const index_t end = start + (count - 1) * r.w.in_step + (r.w.n_taps() - 1) * spacing(r) + 1;
    const index_t x = std::clamp(start, index_t{0}, r.w.in - 1);
    const bool whole = count == all;
    pieces.push_back({first, count, whole ? 0 : x,
                      whole ? r.w.in : std::clamp(end, x + 1, r.w.in) - x,
                      whole ? start : start - x});
  }
  return pieces;
}

// A piece as the convolution that it is.
Correlation convolution_of(const Correlation& r, const Piece& piece) {
  Correlation of{.batch = r.c, .groups = 1, .m = r.m, .c = 1, .h = r.h, .w = {}, .mode = r.mode};
  of.h.taps[0].kernel = 0;  // gradients have but one row, whichever row of the kernel this is
  of.w.in = piece.in, of.w.in_step = spacing(r);
  of.w.out = of.w.count = r.w.n_taps();
  of.w.taps.resize(static_cast<std::size_t>(piece.count));
  for (index_t i = 0; i < piece.count; ++i)
    of.w.taps[static_cast<std::size_t>(i)] = {.kernel = i,
                                              .offset = piece.offset + i * r.w.in_step};
  of.w_group = r.m * r.w.count, of.w_m = of.w_c = r.w.count, of.w_row = r.w.count;
  return of;
}

template <class T>
class PreparedLong final : public Prepared<T> {
 public:
  PreparedLong(const Correlation& r, const Exec& exec) : Prepared<T>(r), pieces_(pieces_of(r)) {
    for (const Piece& piece : pieces_) {
      const auto same =
          std::ranges::find_if(kinds_, [&](const Kind& k) { return k.piece.like(piece); });
      of_.push_back(static_cast<std::size_t>(same - kinds_.begin()));
      if (same == kinds_.end())
        kinds_.push_back(
            {piece, fft::shared<T>().prepare_phase(convolution_of(r, piece), {}, exec)});
    }
    for (const Kind& kind : kinds_) {
      packed_bytes_ = std::max(packed_bytes_, bytes(kind.prepared->packed_elements()));
      own_bytes_ = std::max(own_bytes_, cache_lines(kind.prepared->scratch_bytes()));
    }
    if (r.c > 1) sums_bytes_ = bytes(r.c * r.m * r.w.n_taps());
    this->scratch_bytes_ = packed_bytes_ + own_bytes_ + sums_bytes_;
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Correlation& r = this->r_;
    const index_t taps = r.w.n_taps();
    T* const packed = reinterpret_cast<T*>(scratch);
    std::byte* const own = scratch + packed_bytes_;
    T* const sums = reinterpret_cast<T*>(own + own_bytes_);
    for (index_t g = 0; g < r.groups; ++g) {
      T* const dw = args.dw + g * r.m * r.c * taps;
      T* const to = r.c == 1 ? dw : sums;
      for (index_t n = 0; n < r.batch; ++n)
        for (std::size_t i = 0; i < pieces_.size(); ++i) {
          const PreparedPhase<T>& prepared = *kinds_[of_[i]].prepared;
          const T* dy = args.dy + (n * r.groups + g) * r.m * r.w.count + pieces_[i].first;
          prepared.pack(dy, packed, exec);
          ConvArgs<T> call{.x = args.x + (n * r.groups + g) * r.c * r.w.in + pieces_[i].x,
                           .packed = packed,
                           .weights = dy,
                           .bias = nullptr,
                           .residual = n + index_t(i) > 0 ? to : nullptr,
                           .y = to};
          call.x_image = r.w.in;
          prepared.run(call, exec, own);
        }
      for (index_t c = 0; c < r.c && r.c > 1; ++c)
        for (index_t m = 0; m < r.m; ++m)
          std::copy_n(sums + (c * r.m + m) * taps, taps, dw + (m * r.c + c) * taps);
    }
  }

 private:
  struct Kind {
    Piece piece;
    std::unique_ptr<const PreparedPhase<T>> prepared;
  };
  static index_t bytes(index_t elements) { return cache_lines(elements * index_t{sizeof(T)}); }

  std::vector<Piece> pieces_;
  std::vector<Kind> kinds_;
  std::vector<std::size_t> of_;  // of each piece, its kind
  index_t packed_bytes_ = 0, own_bytes_ = 0, sums_bytes_ = 0;
};

template <class T>
class FftLong final : public Algorithm<T> {
 public:
  FftLong() : Algorithm<T>("fft_long") {}

  Offer offer(const Correlation& r, const Request& request, const Exec& exec) const override {
    constexpr index_t kFewTaps = 4096;  // others are quicker with fewer
    if (request.plain_sums()) return refusal("precision='highest' allows plain sums only");
    if (r.h.in > 1 || r.h.n_taps() > 1 || r.h.count > 1) return refusal("it takes signals only");
    if (!fft::takes(r)) return refusal("the taps of a row must be equally far apart");
    if (r.w.n_taps() < kFewTaps && !this->asked_by(request))
      return refusal("with fewer than 4,096 taps it is used only if asked for");
    const std::vector<Piece> pieces = pieces_of(r);
    // Pieces differ by little.
    const Correlation first = convolution_of(r, pieces[0]);
    Offer offer = fft::shared<T>().offer_phase(first, {}, exec);
    offer.cycles *=
        double(r.batch) * double(r.groups) * double(r.w.count) / double(pieces[0].count);
    return offer;
  }
  std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedLong<T>>(r, exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& long_by_fft() {
  static const FftLong<T> entry;
  return entry;
}
template const Algorithm<float>& long_by_fft();
template const Algorithm<double>& long_by_fft();

}  // namespace fastconv::weight_grad
