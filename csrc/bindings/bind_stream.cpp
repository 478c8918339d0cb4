// SPDX-License-Identifier: MIT
// The bindings of streams: a layer with its packed weights, and what it remembers of a signal.
// Calls change a stream, so that only one thread at a time may be in one.
#include <atomic>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "algorithms/stream/long.h"
#include "algorithms/stream/stream.h"
#include "bindings/bind.h"
#include "bindings/conv_call.h"
#include "bindings/fast_call.h"
#include "bindings/samples.h"
#include "bindings/unlocked.h"
#include "core/dispatch.h"
#include "core/require.h"

namespace fastconv {
namespace {

using stream::Desc;
using stream::Op;

struct Spec {
  Desc desc;
  DType dtype;
  bool channels_last;
};

// The only thread in a stream, or a ValueError: a lock would make others wait, which somebody who
// runs a live signal does not want, and to let two threads in would mix their signals up.
class Alone {
 public:
  explicit Alone(std::atomic<bool>& busy) : busy_(busy) {
    require(
        !busy_.exchange(true, std::memory_order_acquire),
        "a stream has one signal: another thread is in it now; copy the stream for each thread");
  }
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;
  ~Alone() { busy_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool>& busy_;
};

class Stream {
  // Calls f with the stream, which is of float or of double.
  template <class F>
  auto with_stream(const F& f) const {
    return with_float(spec_.dtype,
                      [&]<class T>() { return f(std::get<stream::Stream<T>>(stream_)); });
  }

 public:
  template <class T>
  Stream(const Spec& spec, const stream::Parameters<T>& parameters, const Exec& exec,
         const char* algorithm)
      : spec_(spec),
        stream_(std::in_place_type<stream::Stream<T>>, spec.desc,
                stream::make_engine(spec.desc, parameters, exec, algorithm,
                                    to_precision(py::none()) == Precision::highest)) {}
  Stream(const Stream& other) : spec_(other.spec_), stream_(other.stream_) {}
  Stream& operator=(const Stream&) = delete;

  std::unique_ptr<Stream> copy() const {
    const Alone alone(busy_);
    return std::make_unique<Stream>(*this);
  }

  py::object call(py::handle block, py::handle out) const {
    const Samples x = to_samples(block, "block", like(spec_.desc.c_in, -1), true);
    const Alone alone(busy_);
    return with_stream([&]<class T>(stream::Stream<T>& stream) {
      return results<T>(stream.outputs(x.n), x.batched, out, &x, [&](const stream::Block<T>& y) {
        const Unlocked unlocked(fmas(x.n));
        stream.run(x.n, x.as_block<T>(), y);
      });
    });
  }

  py::object finish(py::handle out) const {
    const Alone alone(busy_);
    return with_stream([&]<class T>(stream::Stream<T>& stream) {
      return results<T>(stream.owed(), true, out, nullptr,
                        [&](const stream::Block<T>& y) { stream.finish(y); });
    });
  }

  void reset(py::handle mask) const {
    std::unique_ptr<bool[]> items;
    if (!mask.is_none()) items = to_mask(mask, "mask", spec_.desc.batch);
    const Alone alone(busy_);
    with_stream([&](auto& stream) { stream.reset(items.get()); });
  }

  py::object state() const {
    const Alone alone(busy_);
    return with_stream([&]<class T>(stream::Stream<T>& stream) {
      const SamplesLike past = like(spec_.desc.c_in, stream.kept());
      const Result y(samples_dims(past, true), spec_.dtype, py::none());
      stream.read_state(dense_block(y.as<T>(), past));
      return y.finish();
    });
  }

  void set_state(py::handle value) const {
    const Samples x = to_samples(value, "state", like(spec_.desc.c_in, -1), false);
    const index_t least = spec_.desc.past(), most = least + spec_.desc.in_step() - 1;
    if (x.n < least || x.n > most)
      refuse("state must hold ", least == most ? "" : sentence("from ", least, " to "), most,
             most == 1 ? " sample" : " samples", ", got ", x.n);
    const Alone alone(busy_);
    with_stream(
        [&]<class T>(stream::Stream<T>& stream) { stream.write_state(x.n, x.as_block<T>()); });
  }

  // How many outputs come with n samples now.
  index_t outputs(py::handle samples) const {
    const index_t n = to_index(samples, "n");
    require(n >= 0, "n must be at least 0, got ", n);
    const Alone alone(busy_);
    return with_stream([&](const auto& stream) { return stream.outputs(n); });
  }
  bool begun() const {
    return with_stream([](const auto& stream) { return stream.begun(); });
  }
  index_t past() const { return spec_.desc.past(); }
  const char* engine() const {
    return with_stream([](const auto& stream) { return stream.engine().name(); });
  }
  index_t operations() const {
    return with_stream([](const auto& stream) { return stream.operations(); });
  }
  index_t memory_bytes() const {
    return with_stream([](const auto& stream) { return stream.engine().memory_bytes(); });
  }

 private:
  SamplesLike like(index_t channels, index_t n) const {
    return {spec_.dtype, spec_.desc.batch, channels, n, spec_.channels_last};
  }
  // An array of n outputs, or `out`, which `write` fills.
  template <class T, class F>
  py::object results(index_t n, bool batched, py::handle out, const Samples* x,
                     const F& write) const {
    const SamplesLike shape = like(spec_.desc.c_out, n);
    const Result y(samples_dims(shape, batched), spec_.dtype, out, {x});
    write(dense_block(y.as<T>(), shape));
    return y.finish();
  }
  double fmas(index_t n) const {
    const Desc& d = spec_.desc;
    return double(d.batch) * double(n) * double(d.kernel) * double(d.c_in / d.groups) *
           double(d.c_out) / double(d.in_step());
  }

  const Spec spec_;
  mutable std::variant<stream::Stream<float>, stream::Stream<double>> stream_;
  mutable std::atomic<bool> busy_ = false;
};

struct StreamCall {
  py::handle op, weight, bias, kernel, stride, dilation, groups, channels, batch, activation,
      data_format, last, divisor, algorithm, threads, dtype;
};

// An int, or a sequence of one.
index_t to_extent(py::handle value, const char* name) {
  const index_t n = to_per_axis(value, name, 1, 1).w;
  require(n >= 1 && n <= kMaxExtent, name, " must be from 1 to ", kMaxExtent, ", got ", n);
  return n;
}

// The channels from the shape of the weights, with which the argument `channels` has to agree.
void set_channels(Desc& d, const Dims& weight, py::handle channels) {
  if (weight.rank != 3) refuse("weight must have 3 dimensions, got shape ", weight.text());
  for (int i = 0; i < 3; ++i)
    if (weight[i] < 1) refuse("weight must have no axis of length 0, got shape ", weight.text());
  d.kernel = weight[2];
  d.c_in = d.transposed() ? weight[0] : product("weight", {weight[1], d.groups});
  d.c_out = d.transposed() ? product("weight", {weight[1], d.groups}) : weight[0];
  if (!channels.is_none()) {
    const index_t wanted = to_extent(channels, "channels");
    if (wanted != d.c_in)
      refuse("channels must be the ", d.c_in, " that weight of shape ", weight.text(), " takes in ",
             d.groups, d.groups == 1 ? " group" : " groups", ", got ", wanted);
  }
}

py::object make_stream(const StreamCall& call) {
  Spec spec{};
  Desc& d = spec.desc;
  d.op = static_cast<Op>(to_index(call.op, "op"));
  // First, since a pool's stride may be its kernel's size.
  if (!call.kernel.is_none()) d.kernel = to_extent(call.kernel, "kernel_size");
  d.stride = to_extent(call.stride, "stride"), d.dilation = to_extent(call.dilation, "dilation");
  d.groups = to_extent(call.groups, "groups"), d.batch = to_index(call.batch, "batch");
  d.last = to_index(call.last, "last");
  spec.channels_last = to_channels_last(call.data_format);
  const char* algorithm = to_algorithm(call.algorithm);
  ActivationSpec act = to_activation(call.activation, true);
  const Exec exec = make_exec(to_threads(call.threads));
  if (d.op == Op::average || d.op == Op::max) {
    d.c_in = d.c_out = d.groups = to_extent(call.channels, "channels");
    const index_t divisor =
        call.divisor.is_none() ? d.kernel : to_index(call.divisor, "divisor_override");
    require(divisor != 0, "divisor_override must not be 0");
    d.divisor = static_cast<double>(divisor);
    const std::vector<py::ssize_t> none{0};
    const auto dtype = py::dtype::from_args(py::reinterpret_borrow<py::object>(call.dtype));
    spec.dtype = dtype_of(py::array(dtype, none), "dtype", Accept::floats);
    validated(d);
    return with_float(spec.dtype, [&]<class T>() {
      return py::cast(std::make_unique<Stream>(spec, stream::Parameters<T>{}, exec, algorithm));
    });
  }
  const Operand w = to_operand(call.weight, "weight");
  spec.dtype = w.dtype;
  set_channels(d, w.dims, call.channels);
  validated(d);
  const auto b = to_bias(call.bias, w, d.c_out), s = to_slopes(act, w, d.c_out);
  return with_float(spec.dtype, [&]<class T>() {
    const stream::Parameters<T> parameters{.weights = w.as<T>(),
                                           .bias = b ? b->as<T>() : nullptr,
                                           .activation = act.kind,
                                           .slope = static_cast<T>(act.slope),
                                           .slopes = s ? s->as<T>() : nullptr};
    return py::cast(std::make_unique<Stream>(spec, parameters, exec, algorithm));
  });
}

py::object run_of(const py::object& self) {
  using Call = FastMethod<Stream, py::handle, py::handle>;
  return bound_function<Call, &Stream::call>(self, self.cast<Stream*>(), "run",
                                             "run(block: object, out: object) -> object");
}

}  // namespace

void bind_stream(py::module_& m) {
  py::class_<Stream>(m, "Stream")
      .def_property_readonly("run", &run_of)
      .def("finish", &Stream::finish)
      .def("reset", &Stream::reset)
      .def("copy", &Stream::copy)
      .def("outputs", &Stream::outputs)
      .def_property("state", &Stream::state, &Stream::set_state)
      .def_property_readonly("engine", &Stream::engine)
      .def_property_readonly("begun", &Stream::begun)
      .def_property_readonly("past", &Stream::past)
      .def_property_readonly("operations", &Stream::operations)
      .def_property_readonly("memory_bytes", &Stream::memory_bytes);
  def_fast<&make_stream>(m, "make_stream");
}

}  // namespace fastconv
