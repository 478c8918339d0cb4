// SPDX-License-Identifier: MIT
// The engine for long filters at stride 1, which transforms parts of them
// (algorithms/fft/long_cut.h).
#include "algorithms/stream/long.h"

#include <string_view>

#include "algorithms/fft/long_filter.h"
#include "core/parallel.h"
#include "core/require.h"

namespace fastconv::stream {
namespace {

fft::LongShape shape_of(const Desc& d) {
  return {d.groups, d.c_in / d.groups, d.c_out / d.groups, d.kernel};
}

template <class T>
class Long final : public Engine<T> {
 public:
  Long(const Desc& desc, const Parameters<T>& p, const Exec& exec)
      : desc_(desc),
        exec_(exec),
        filter_(shape_of(desc), p.weights, {p.bias, p.activation, p.slope, p.slopes}, exec) {
    this->memory_bytes_ = desc.batch * filter_.item_bytes();
  }

  const char* name() const override { return "fft"; }

  index_t operations(const std::byte* memory) const noexcept override {
    index_t sum = 0;
    for (index_t i = 0; i < desc_.batch * desc_.groups; ++i)
      sum += filter_.operations(memory + i / desc_.groups * filter_.item_bytes(), i % desc_.groups);
    return sum;
  }

  void reset(std::byte* memory, const bool* mask) const noexcept override {
    for (index_t item = 0; item < desc_.batch; ++item)
      if (mask == nullptr || mask[item]) filter_.reset(at(memory, item));
  }

  // Items and groups are independent of each other.
  void run(std::byte* memory, index_t, index_t n, const Block<const T>& x,
           const Block<T>& y) const noexcept override {
    const index_t tasks = desc_.batch * desc_.groups;
    const fft::LongShape shape = filter_.shape();
    // As if it were the head's sums alone, which are at least a quarter of the work.
    const double work = double(tasks) * double(n) * double(shape.c * shape.m) *
                        double(std::min(shape.k, index_t{1024}));
    parallel_for(tasks, useful_threads(tasks, work, exec_.threads), [&](index_t task, int) {
      const index_t item = task / desc_.groups;
      filter_.run(at(memory, item), task % desc_.groups, {x.at(item, 0), x.channel, x.sample},
                  {y.at(item, 0), y.channel, y.sample}, n);
    });
  }

  void read_past(const std::byte* memory, index_t n, const Block<T>& to) const noexcept override {
    for (index_t item = 0; item < desc_.batch; ++item)
      filter_.read_past(memory + item * filter_.item_bytes(), n,
                        {to.at(item, 0), to.channel, to.sample});
  }
  void write_past(std::byte* memory, index_t n,
                  const Block<const T>& from) const noexcept override {
    for (index_t item = 0; item < desc_.batch; ++item)
      filter_.write_past(at(memory, item), n, {from.at(item, 0), from.channel, from.sample});
  }

 private:
  std::byte* at(std::byte* memory, index_t item) const {
    return memory + item * filter_.item_bytes();
  }

  const Desc desc_;
  const Exec exec_;
  const fft::LongFilter<T> filter_;
};

// Why it does not take a stream, or null.
const char* refused(const Desc& d, bool plain_sums) {
  if (d.op != Op::conv) return "it takes convolutions only";
  if (d.stride != 1 || d.dilation != 1) return "it takes neither strides nor dilations";
  if (plain_sums) return "precision='highest' allows plain sums only";
  return nullptr;
}

}  // namespace

template <class T>
std::shared_ptr<const Engine<T>> make_engine(const Desc& d, const Parameters<T>& parameters,
                                             const Exec& exec, const char* algorithm,
                                             bool plain_sums) {
  const std::string_view name = algorithm ? algorithm : "auto";
  const char* reason = refused(d, plain_sums);
  if (name == "fft" && reason) refuse("algorithm 'fft' cannot take this stream: ", reason);
  require(name == "auto" || name == "direct" || name == "fft",
          "algorithm must be 'auto', 'direct' or 'fft' for a stream, got '", name, "'");
  const fft::LongShape s = shape_of(d);
  const bool pays = !reason && fft::long_pays(s.k, s.c, s.m, exec.kernels<T>().conv.gemm.lanes);
  if (name == "fft" || (name == "auto" && pays))
    return std::make_shared<const Long<T>>(d, parameters, exec);
  return make_direct_engine(d, parameters, exec);
}

template std::shared_ptr<const Engine<float>> make_engine(const Desc&, const Parameters<float>&,
                                                          const Exec&, const char*, bool);
template std::shared_ptr<const Engine<double>> make_engine(const Desc&, const Parameters<double>&,
                                                           const Exec&, const char*, bool);

}  // namespace fastconv::stream
