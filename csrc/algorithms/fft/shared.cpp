// SPDX-License-Identifier: MIT
// Convolution by Fourier transforms along the rows, whose lanes are blocks or rows. At each
// frequency the spectra are multiplied and added as complex numbers: over the input channels, the
// taps of the kernel's height, the combs of a stride and the parts of a long kernel. A long signal,
// a stack of channels and an image are the same to it.
#include <cmath>

#include "algorithms/common/share_out.h"
#include "algorithms/fft/cost.h"
#include "algorithms/fft/fft.h"
#include "algorithms/fft/line_reader.h"
#include "algorithms/fft/line_writer.h"
#include "algorithms/fft/shared_cut.h"
#include "algorithms/fft/shared_weights.h"
#include "core/parallel.h"

namespace fastconv::fft {
namespace {

// The scratch memory of a task, in bytes: its spectra, and what each thread has that works on it.
struct Sizes {
  index_t x, y;             // the spectra of a slice of channels; of the outputs
  index_t planes;           // a vector of lines, of which the transform needs two
  index_t stage;            // pieces of lines
  index_t inputs, outputs;  // lists of a vector's lines
  index_t spectra() const { return x + y; }
  index_t own() const { return 2 * planes + stage + inputs + outputs; }
};

template <class T>
Sizes sizes_for(const SharedCut& cut, index_t lanes) {
  constexpr index_t item = sizeof(T);
  const index_t f = cut.blocks.frequencies();
  return {cache_lines(f * cut.slice * cut.components() * cut.planes * cut.in_lanes * item),
          cache_lines(f * cut.chunk * 2 * cut.out_lanes * item),
          cache_lines(cut.blocks.size * lanes * item),
          LineReader<T>::stage_bytes(lanes),
          cache_lines(lanes * index_t{sizeof(InLine<T>)}),
          cache_lines(lanes * index_t{sizeof(OutLine)})};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const SharedCut& cut, const Transform<T>& transform, const Exec& exec,
       std::byte* spectra, std::byte* memory, index_t index) noexcept
      : job_(job),
        r_(job.r),
        cut_(cut),
        transform_(transform),
        exec_(exec),
        fft_(exec.kernels<T>().conv.fft),
        lanes_(exec.kernels<T>().conv.gemm.lanes),
        reader_(job.r, cut.axis, cut.blocks.size, exec, reinterpret_cast<T*>(memory)),
        writer_(job, cut.axis, exec, reinterpret_cast<T*>(memory)) {
    const Sizes sizes = sizes_for<T>(cut, lanes_);
    x_ = reinterpret_cast<T*>(spectra), y_ = reinterpret_cast<T*>(spectra + sizes.x);
    const auto take = [&memory]<class U>(index_t bytes, U*& part) {
      part = reinterpret_cast<U*>(memory);
      memory += bytes;
    };
    memory += sizes.stage;
    take(sizes.planes, a_), take(sizes.planes, b_);
    take(sizes.inputs, inputs_), take(sizes.outputs, outputs_);
    index_t rest = index;
    const auto next = [&rest](index_t n) {
      const index_t i = rest % n;
      rest /= n;
      return i;
    };
    const index_t chunk = next(cut.chunks), column_block = next(cut.column_blocks);
    range_ = next(cut.ranges);
    const index_t row_block = next(cut.row_blocks);
    g_ = rest;
    m_ = {chunk * cut.chunk, std::min(r_.m, (chunk + 1) * cut.chunk)};
    columns_ = part(cut.columns, cut.column_blocks, column_block);
    q_ = row_block * cut.out_rows, rows_ = std::min(cut.out_rows, r_.h.count - q_);
    // The lanes that hold outputs: rows of outputs, and between them what the halo of a column
    // makes of it, which nobody wants.
    out_lanes_ = ceil_div((columns_.size() - 1) * cut.height + rows_, lanes_) * lanes_;
  }

  // The input channels of slice i, and what there is to do with them: vectors of lines to be
  // transformed, then products: those of a panel of outputs at one frequency, or of all outputs
  // where these are few.
  index_t slices() const { return ceil_div(r_.c, cut_.slice); }
  Range slice(index_t i) const { return {i * cut_.slice, std::min(r_.c, (i + 1) * cut_.slice)}; }
  index_t vectors(Range channels) const {
    return channels.size() * cut_.components() * (cut_.in_lanes / lanes_);
  }
  index_t products() const { return cut_.blocks.frequencies() * panels(); }
  // After all slices: vectors of lines of results.
  index_t results() const { return m_.size() * (out_lanes_ / lanes_); }

  void run() noexcept {
    for (index_t i = 0; i < slices(); ++i) {
      transform(slice(i), {0, vectors(slice(i))});
      multiply(slice(i), {0, products()});
    }
    store({0, results()});
  }

  // Transforms some of the vectors of lines of the channels.
  void transform(Range channels, Range vectors) noexcept {
    const index_t ld = slice_line() * cut_.slice * cut_.components();
    for (index_t i = vectors.begin; i < vectors.end; ++i) {
      const index_t all = cut_.in_lanes / lanes_, lane = i % all * lanes_, component = i / all;
      const index_t u = component % cut_.axis.combs, line = component / cut_.axis.combs;
      const index_t residues = cut_.rows.n_residues();
      const index_t c = channels.begin + line / residues, residue = line % residues;
      for (index_t l = 0; l < lanes_; ++l) inputs_[l] = input(c, residue, u, lane + l);
      reader_.read(inputs_, lanes_, a_);
      const T* z = transform_.forward(a_, b_, fft_);
      fft_.split({z, transform_.half(), transform_.turns(), x_ + component * slice_line() + lane,
                  ld, cut_.in_lanes, cut_.planes == 3, static_cast<int>(lanes_)});
    }
  }

  // Adds some of the products of the channels.
  void multiply(Range channels, Range products) noexcept {
    if (r_.m <= kFewOutputs) return add_few(channels, products);
    for (index_t i = products.begin; i < products.end; ++i) {
      const index_t row = m_.begin + i % panels() * cut_.tile.mr;
      for (index_t lane = 0; lane < out_lanes_; lane += cut_.tile.nr) {
        add_tile(channels, i / panels(), row, lane, false);
        add_tile(channels, i / panels(), row, lane, true);
      }
    }
  }

  // Transforms some vectors of lines of results back, and stores them.
  void store(Range vectors) noexcept {
    const index_t all = out_lanes_ / lanes_;
    for (index_t i = vectors.begin; i < vectors.end; ++i)
      store(m_.begin + i / all, i % all * lanes_);
  }

 private:
  index_t panels() const { return r_.m <= kFewOutputs ? 1 : ceil_div(m_.size(), cut_.tile.mr); }

  // Where a column lies: its image, its phase and its block.
  struct Column {
    index_t image, phase, block;
  };
  Column column(index_t i) const {
    const index_t phases = cut_.axis.phases;
    if (cut_.blocks.parts > 1) return {range_ / phases, range_ % phases, columns_.begin + i};
    const index_t at = columns_.begin + i, unit = at / cut_.blocks.blocks;
    return {unit / phases, unit % phases, at % cut_.blocks.blocks};
  }

  // The elements of one component's spectra at one frequency.
  index_t slice_line() const { return cut_.planes * cut_.in_lanes; }

  InLine<T> input(index_t c, index_t residue, index_t u, index_t lane) const noexcept {
    const index_t i = lane / cut_.height;
    if (i >= columns_.size() + cut_.blocks.parts - 1) return {};
    const Column at = column(i);
    const index_t row = cut_.rows.source(r_, residue, q_ + lane % cut_.height);
    const T* plane = job_.image(at.image, g_) + c * r_.in_plane();
    return reader_.line(plane, row, at.phase, u, at.block, cut_.blocks.hop);
  }

  // The weights' spectra of the panel at `row` at frequency f: the real parts of all terms, then
  // the imaginary ones.
  const T* weights(index_t f, index_t row) const {
    const index_t terms = r_.c * cut_.terms(r_);
    return job_.packed + ((g_ * cut_.blocks.frequencies() + f) * r_.m + row) * 2 * terms;
  }

  // A tile of the real or the imaginary parts: conj(w) x has the real part wr xr + wi xi and the
  // imaginary part wr xi - wi xr.
  void add_tile(Range channels, index_t f, index_t row, index_t lane, bool imaginary) noexcept {
    const auto& gemm = exec_.kernels<T>().conv.gemm;
    const index_t mr = std::min(cut_.tile.mr, r_.m - row), each = cut_.terms(r_);
    const index_t vectors = std::min(cut_.tile.nv, (out_lanes_ - lane) / lanes_);
    const T* x = x_ + f * slice_line() * cut_.slice * cut_.components() + lane;
    T* y = y_ + ((f * cut_.chunk + row - m_.begin) * 2 + imaginary) * cut_.out_lanes + lane;
    bool started = channels.begin > 0;
    for (int part = 0; part < 2; ++part) {
      const T* a = weights(f, row) + (part * r_.c + channels.begin) * each * mr;
      const index_t plane = !imaginary ? part : part == 0 ? 1 : 2;
      for (index_t term = 0; term < channels.size() * each; term += cut_.kc) {
        const index_t k = std::min(cut_.kc, channels.size() * each - term);
        gemm.run_indirect[mr - 1][vectors - 1]({.k = k,
                                                .a = a + term * mr,
                                                .b = x + plane * cut_.in_lanes,
                                                .ldb = 0,
                                                .offsets = cut_.offsets.data() + term,
                                                .c = y,
                                                .ldc = 2 * cut_.out_lanes,
                                                .init = started ? y : nullptr,
                                                .bias = nullptr,
                                                .tail = static_cast<int>(lanes_)});
        started = true;
      }
    }
  }

  void add_few(Range channels, Range frequencies) noexcept {
    const index_t each = cut_.terms(r_), terms = r_.c * each, f = frequencies.begin;
    const index_t ldx = slice_line() * cut_.slice * cut_.components();
    const index_t ldy = cut_.chunk * 2 * cut_.out_lanes;
    for (index_t m = m_.begin; m < m_.end; ++m) {
      const index_t mr = std::min(cut_.tile.mr, r_.m - m / cut_.tile.mr * cut_.tile.mr);
      const index_t row = m / cut_.tile.mr * cut_.tile.mr;
      fft_.add({.x = x_ + f * ldx,
                .ldx = ldx,
                .x_plane = cut_.in_lanes,
                .offsets = cut_.offsets.data(),
                .w = weights(f, row) + channels.begin * each * mr + m - row,
                .ldw = r_.m * 2 * terms,
                .w_plane = terms * mr,
                .w_term = mr,
                .terms = channels.size() * each,
                .y = y_ + f * ldy + (m - m_.begin) * 2 * cut_.out_lanes,
                .ldy = ldy,
                .y_plane = cut_.out_lanes,
                .vectors = out_lanes_ / lanes_,
                .n = frequencies.size(),
                .first = channels.begin == 0});
    }
  }

  // One vector of lines, of output channel m.
  void store(index_t m, index_t lane) noexcept {
    for (index_t l = 0; l < lanes_; ++l) outputs_[l] = output(m, lane + l);
    fft_.join({y_ + (m - m_.begin) * 2 * cut_.out_lanes + lane, cut_.chunk * 2 * cut_.out_lanes,
               cut_.out_lanes, transform_.half(), transform_.turns(), a_});
    writer_.write(transform_.inverse(a_, b_, fft_), outputs_, lanes_);
  }

  OutLine output(index_t m, index_t lane) const noexcept {
    const index_t i = lane / cut_.height, row = lane % cut_.height;
    if (i >= columns_.size() || row >= rows_) return {};
    const Column at = column(i);
    const index_t j = at.block * cut_.blocks.hop;
    const index_t outputs = cut_.axis.outputs_of(at.phase, r_.w.count);
    return {.image = at.image,
            .g = g_,
            .m = m,
            .row = q_ + row,
            .phase = at.phase,
            .j = j,
            .n = std::min(cut_.blocks.hop, outputs - j)};
  }

  const Job<T>& job_;
  const Correlation& r_;
  const SharedCut& cut_;
  const Transform<T>& transform_;
  const Exec& exec_;
  const FftKernels<T>& fft_;
  const index_t lanes_;
  LineReader<T> reader_;
  LineWriter<T> writer_;
  T *x_, *y_, *a_, *b_;  // as Sizes says
  InLine<T>* inputs_;
  OutLine* outputs_;
  index_t g_, range_, q_, rows_;  // the group; the range of columns; the rows of outputs
  Range m_, columns_;
  index_t out_lanes_;
};

template <class T>
class PreparedShared final : public PreparedPhase<T> {
 public:
  PreparedShared(const Correlation& r, const Choice& choice, const Exec& exec)
      : PreparedPhase<T>(r, kFamily),
        transform_(transform_at<T>(choice.size)),
        cut_(shared_cut<T>(this->r_, kSizes[choice.size], exec)),
        weights_(this->r_, cut_, exec),
        work_(choice.cycles * kFmas) {
    const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
    this->packed_elements_ = weights_.elements();
    this->needs_weights_ = true;  // what is not finite is summed plainly
    const Sizes sizes = sizes_for<T>(cut_, lanes);
    const index_t at_once = cut_.split ? 1 : exec.threads;
    this->scratch_bytes_ = at_once * sizes.spectra() + exec.threads * sizes.own();
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    weights_.pack(transform_, weights, packed, exec);
  }
  PackingKey packing() const override { return weights_.key(); }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job = this->job(args);
    const index_t tasks = cut_.tasks(job.r);
    const Sizes sizes = sizes_for<T>(cut_, exec.kernels<T>().conv.gemm.lanes);
    const index_t at_once = cut_.split ? 1 : exec.threads;
    const auto task_of = [&](index_t task, index_t spectra, int thread) {
      return Task<T>(job, cut_, transform_, exec, scratch + spectra * sizes.spectra(),
                     scratch + at_once * sizes.spectra() + thread * sizes.own(), task);
    };
    if (cut_.split) {
      for (index_t i = 0; i < tasks; ++i)
        run_split([&](int thread) { return task_of(i, 0, thread); }, work_ / double(tasks), exec);
      return;
    }
    parallel_for(tasks, useful_threads(tasks, work_, exec.threads),
                 [&](index_t task, int thread) { task_of(task, thread, thread).run(); });
  }

 private:
  // All threads work on one task: each gets some four parts of each of its steps.
  template <class TaskOf>
  static void run_split(const TaskOf& task_of, double work, const Exec& exec) noexcept {
    const Team team = useful_threads(exec.threads, work, exec.threads);
    const Task<T> task = task_of(0);
    for (index_t s = 0; s < task.slices(); ++s) {
      const Range channels = task.slice(s);
      share_parts(task.vectors(channels), team,
                  [&](Range vectors, int thread) { task_of(thread).transform(channels, vectors); });
      share_parts(task.products(), team, [&](Range products, int thread) {
        task_of(thread).multiply(channels, products);
      });
    }
    share_parts(task.results(), team,
                [&](Range vectors, int thread) { task_of(thread).store(vectors); });
  }

  static constexpr double kFmas = 16;  // that a core does in a cycle
  const Transform<T>& transform_;
  SharedCut cut_;
  SharedWeights<T> weights_;
  double work_;
};

template <class T>
class Shared final : public PhaseAlgorithm<T> {
 public:
  Shared() : PhaseAlgorithm<T>("fft_rows", kFamily) {}

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    if (const char* reason = refused(r, request)) return refusal(reason);
    const Choice choice = cost(r, exec).best(request);
    return offered(choice.cycles, choice.packing, choice.weight_bytes, request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r,
                                                        const Request& request,
                                                        const Exec& exec) const override {
    const Choice choice = cost(r, exec).best(request);
    return std::make_unique<const PreparedShared<T>>(r, choice, exec);
  }

 private:
  static Cost<SharedCost> cost(const Correlation& r, const Exec& exec) {
    return {r, exec.kernels<T>().conv.gemm};
  }
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& shared() {
  static const Shared<T> entry;
  return entry;
}
template const PhaseAlgorithm<float>& shared();
template const PhaseAlgorithm<double>& shared();

}  // namespace fastconv::fft
