// SPDX-License-Identifier: MIT
// Depthwise layers by Fourier transforms along the rows, whose lanes are channels: each lane has
// weights of its own, so that a line needs no other blocks or rows beside it to fill a vector.
#include "algorithms/fft/channels_cut.h"
#include "algorithms/fft/cost.h"
#include "algorithms/fft/fft.h"
#include "algorithms/fft/line_reader.h"
#include "algorithms/fft/line_writer.h"
#include "algorithms/fft/weight_lines.h"
#include "core/parallel.h"

namespace fastconv::fft {
namespace {

// The scratch memory of one thread, in bytes.
struct Sizes {
  index_t x, y;     // spectra that are read; of one line of outputs
  index_t planes;   // of a vector of lines
  index_t stage;    // pieces of lines
  index_t offsets;  // where each term's spectrum lies
  index_t all() const { return x + y + planes + stage + offsets; }
};

template <class T>
Sizes sizes_for(const Correlation& r, const ChannelsCut& cut, index_t lanes) {
  constexpr index_t item = sizeof(T);
  const index_t line = cut.line(lanes) * item;
  return {cache_lines(cut.slots() * line), cache_lines(line),
          cache_lines(cut.blocks.size * lanes * item), LineReader<T>::stage_bytes(lanes),
          cache_lines(cut.terms(r) * index_t{sizeof(index_t)})};
}

// Some blocks of one phase of some rows of outputs, for a vector of channels of one image.
template <class T>
class Task {
 public:
  Task(const Job<T>& job, const ChannelsCut& cut, const Transform<T>& transform, const Exec& exec,
       std::byte* memory, index_t index) noexcept
      : job_(job),
        r_(job.r),
        cut_(cut),
        transform_(transform),
        fft_(exec.kernels<T>().conv.fft),
        lanes_(exec.kernels<T>().conv.gemm.lanes),
        reader_(job.r, cut.axis, cut.blocks.size, exec, reinterpret_cast<T*>(memory)),
        writer_(job, cut.axis, exec, reinterpret_cast<T*>(memory)) {
    const Sizes sizes = sizes_for<T>(r_, cut, lanes_);
    const auto take = [&memory]<class U>(index_t bytes, U*& some) {
      some = reinterpret_cast<U*>(memory);
      memory += bytes;
    };
    memory += sizes.stage;
    take(sizes.x, x_), take(sizes.y, y_), take(sizes.planes, b_);
    take(sizes.offsets, offsets_);
    index_t rest = index;
    const auto next = [&rest](index_t n) {
      const index_t i = rest % n;
      rest /= n;
      return i;
    };
    blocks_ = part(cut.blocks.blocks, cut.block_chunks, next(cut.block_chunks));
    phase_ = next(cut.axis.phases);
    const index_t row_block = next(cut.row_blocks);
    image_ = next(r_.batch);
    g_ = rest * lanes_, groups_ = std::min(lanes_, r_.groups - g_);
    q_ = row_block * cut.out_rows, rows_ = std::min(cut.out_rows, r_.h.count - q_);
  }

  void run() noexcept {
    for (index_t b = blocks_.begin; b + 1 < blocks_.begin + cut_.blocks.parts; ++b) transform(b);
    for (index_t b = blocks_.begin; b < blocks_.end; ++b) {
      transform(b + cut_.blocks.parts - 1);
      list_terms(b);
      for (index_t row = 0; row < rows_; ++row)
        for (index_t m = 0; m < r_.m; ++m) store(b, row, m);
    }
  }

 private:
  // Where the spectra of a line lie: those of the last `parts` blocks are kept.
  index_t slot(index_t block, index_t residue, index_t u) const {
    return ((block % cut_.blocks.parts * cut_.rows.n_residues() + residue) * cut_.axis.combs + u) *
           cut_.in_rows() * cut_.line(lanes_);
  }

  // Transforms all rows of a block.
  void transform(index_t block) noexcept {
    InLine<T> list[kMostLanes];
    for (index_t residue = 0; residue < cut_.rows.n_residues(); ++residue)
      for (index_t u = 0; u < cut_.axis.combs; ++u)
        for (index_t i = 0; i < rows_ + cut_.rows.halo; ++i) {
          const index_t row = cut_.rows.source(r_, residue, q_ + i);
          for (index_t l = 0; l < groups_; ++l)
            list[l] =
                reader_.line(job_.image(image_, g_ + l), row, phase_, u, block, cut_.blocks.hop);
          reader_.read(list, groups_, y_);
          const T* z = transform_.forward(y_, b_, fft_);
          fft_.split({z, transform_.half(), transform_.turns(),
                      x_ + slot(block, residue, u) + i * cut_.line(lanes_), 2 * lanes_, lanes_,
                      false, static_cast<int>(lanes_)});
        }
  }

  void list_terms(index_t block) noexcept {
    index_t* to = offsets_;
    for (std::size_t t = 0; t < cut_.rows.of.size(); ++t)
      for (index_t u = 0; u < cut_.axis.combs; ++u)
        for (index_t p = 0; p < cut_.blocks.parts; ++p)
          *to++ = slot(block + p, cut_.rows.of[t], u) + cut_.rows.shift[t] * cut_.line(lanes_);
  }

  // Computes a block of one row of outputs, for output channel m of each group.
  void store(index_t block, index_t row, index_t m) noexcept {
    const index_t terms = cut_.terms(r_), line = cut_.line(lanes_);
    fft_.multiply({.x = x_ + row * line,
                   .offsets = offsets_,
                   .w = job_.packed + (g_ / lanes_ * r_.m + m) * terms * line,
                   .w_term = line,
                   .terms = terms,
                   .y = y_,
                   .n = cut_.blocks.frequencies()});
    fft_.join({y_, 2 * lanes_, lanes_, transform_.half(), transform_.turns(), y_});
    OutLine list[kMostLanes];
    const index_t j = block * cut_.blocks.hop;
    const index_t n = std::min(cut_.blocks.hop, cut_.axis.outputs_of(phase_, r_.w.count) - j);
    for (index_t l = 0; l < groups_; ++l) list[l] = {image_, g_ + l, m, q_ + row, phase_, j, n};
    writer_.write(transform_.inverse(y_, b_, fft_), list, groups_);
  }

  const Job<T>& job_;
  const Correlation& r_;
  const ChannelsCut& cut_;
  const Transform<T>& transform_;
  const FftKernels<T>& fft_;
  const index_t lanes_;
  LineReader<T> reader_;
  LineWriter<T> writer_;
  T *x_, *y_, *b_;  // as Sizes says
  index_t* offsets_;
  Range blocks_;
  index_t phase_, image_, g_, groups_;  // the first group, and how many there are
  index_t q_, rows_;                    // the first row of outputs, and how many there are
};

template <class T>
class PreparedChannels final : public PreparedPhase<T> {
 public:
  PreparedChannels(const Correlation& r, const Choice& choice, const Exec& exec)
      : PreparedPhase<T>(r, kFamily),
        transform_(transform_at<T>(choice.size)),
        cut_(channels_cut<T>(this->r_, kSizes[choice.size], exec)),
        kernel_lines_(this->r_, cut_.axis, cut_.blocks),
        work_(choice.cycles * kFmas) {
    const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
    vectors_ = ceil_div(r.groups, lanes);
    spectra_ = vectors_ * r.m * cut_.terms(r) * cut_.line(lanes);
    pack_work_ = WeightLines<T>::work_elements(cut_.blocks.size, lanes);
    pack_team_ = useful_threads(pack_tasks(), 4 * double(spectra_), exec.threads);
    this->packed_elements_ = spectra_ + pack_team_.threads * pack_work_;
    this->needs_weights_ = true;  // what is not finite is summed plainly
    this->scratch_bytes_ = exec.threads * sizes_for<T>(r, cut_, lanes).all();
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    parallel_for(pack_tasks(), pack_team_, [&](index_t task, int thread) {
      pack_vector(weights, task, packed + spectra_ + thread * pack_work_, packed, exec);
    });
  }

  PackingKey packing() const override {
    PackingKey key = start_of_key(Packing::fft_channels, this->r_);
    key.insert(key.end(), {cut_.blocks.size, cut_.blocks.parts, pack_team_.threads});
    append_taps(this->r_, cut_.axis, key);
    return key;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job = this->job(args);
    const index_t tasks = vectors_ * cut_.tasks_of_vector(job.r);
    const index_t each = sizes_for<T>(job.r, cut_, exec.kernels<T>().conv.gemm.lanes).all();
    parallel_for(tasks, useful_threads(tasks, work_, exec.threads), [&](index_t task, int thread) {
      Task<T>(job, cut_, transform_, exec, scratch + thread * each, task).run();
    });
  }

 private:
  static constexpr double kFmas = 16;  // that a core does in a cycle
  index_t pack_tasks() const { return vectors_ * this->r_.m * cut_.terms(this->r_); }

  // Transforms one term of one output channel of each group of a vector.
  void pack_vector(const T* weights, index_t task, T* work, T* packed,
                   const Exec& exec) const noexcept {
    const Correlation& r = this->r_;
    const auto& kernels = exec.kernels<T>().conv;
    const index_t lanes = kernels.gemm.lanes, terms = cut_.terms(r);
    const index_t m = task / terms % r.m, g = task / terms / r.m * lanes;
    WeightLine<T> list[kMostLanes];
    const index_t count = std::min(lanes, r.groups - g);
    for (index_t l = 0; l < count; ++l)
      list[l] = kernel_lines_.at(task % terms, weights + (g + l) * r.w_group + m * r.w_m);
    const WeightLines<T> lines(cut_.axis, transform_, exec, work);
    const T* z = lines.transform(list, count, cut_.blocks.part_taps(cut_.axis));
    kernels.fft.split({z, transform_.half(), transform_.turns(), packed + task * cut_.line(lanes),
                       2 * lanes, lanes, false, static_cast<int>(lanes)});
  }

  const Transform<T>& transform_;
  ChannelsCut cut_;
  KernelLines kernel_lines_;
  double work_;
  index_t vectors_, spectra_, pack_work_;  // vectors of groups; elements
  Team pack_team_ = 1;
};

template <class T>
class Channels final : public PhaseAlgorithm<T> {
 public:
  Channels() : PhaseAlgorithm<T>("fft_channels", kFamily) {}

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    if (!is_depthwise(r)) return refusal("it takes one input channel per group");
    if (const char* reason = refused(r, request)) return refusal(reason);
    const Choice choice = cost(r, exec).best(request);
    return offered(choice.cycles, choice.packing, choice.weight_bytes, request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r,
                                                        const Request& request,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedChannels<T>>(r, cost(r, exec).best(request), exec);
  }

 private:
  static Cost<ChannelsCost> cost(const Correlation& r, const Exec& exec) {
    return {r, exec.kernels<T>().conv.gemm};
  }
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& channels() {
  static const Channels<T> entry;
  return entry;
}
template const PhaseAlgorithm<float>& channels();
template const PhaseAlgorithm<double>& channels();

}  // namespace fastconv::fft
