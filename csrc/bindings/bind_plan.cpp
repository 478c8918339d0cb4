// SPDX-License-Identifier: MIT
// The bindings of plans. A plan is a validated call with prepacked weights. It never changes once
// it is made, so that any number of threads may call it; each call takes its own workspace.
#include <atomic>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <variant>

#include "algorithms/conv/table.h"
#include "bindings/bind.h"
#include "bindings/conv_call.h"
#include "bindings/fast_call.h"
#include "bindings/plan_weights.h"
#include "core/memory.h"
#include "core/require.h"

namespace fastconv {
namespace {

// What a plan is made from, after all checks.
struct Spec {
  int rank;
  bool transposed, batched;
  Options options;
  DType dtype;
  ConvDesc desc;
  Request request;
  Exec exec;
  ActivationSpec activation;
  Dims kernel;
  bool has_bias, has_slopes;
  // What a plan for another shape is made from.
  ConvGeometry geometry;
  PerAxis output_padding;
  const char* asked_algorithm;  // by the caller; tune() asks for others
  const char* input = "x";      // the name of the input in messages
};

class Plan {
  // Calls f with the mapping, which is of float or of double.
  template <class F>
  auto with_mapping(const F& f) const {
    return with_float(spec_.dtype, [&]<class T>() { return f(std::get<Mapping<T>>(mapping_)); });
  }

 public:
  // A plan without relatives, which copies the weights.
  Plan(Spec spec, const void* weight, const void* bias, const void* slopes)
      : spec_(std::move(spec)) {
    spec_.request.layouts = layouts();
    with_float(spec_.dtype, [&]<class T>() {
      const auto& mapping =
          mapping_.emplace<Mapping<T>>(spec_.desc, pass(), spec_.request, spec_.exec);
      const index_t n = spec_.kernel.size();
      plain_ = std::make_shared<const Scratch>(copy<T>(weight, n));
      packed_ = pack<T>(*plain_);
      PlanWeights::Unpack unpack;
      if (!mapping.needs_weights())
        unpack = [mapping, packed = packed_, n] {
          Scratch plain(n * index_t{sizeof(T)});
          mapping.unpack(packed->template as<T>(), plain.as<T>());
          return plain;
        };
      weights_ = std::make_shared<PlanWeights>(
          plain_, std::move(unpack), spec_.has_bias ? copy<T>(bias, channels()) : Scratch(),
          spec_.has_slopes ? copy<T>(slopes, channels()) : Scratch());
      if (!mapping.needs_weights()) plain_ = nullptr;
    });
  }

  // A relative. It shares the packed weights of those that pack in the same way.
  Plan(Spec spec, const Plan& relative) : spec_(std::move(spec)), weights_(relative.weights_) {
    spec_.request.layouts = layouts();
    relative.show_packed();
    with_float(spec_.dtype, [&]<class T>() {
      const auto& mapping =
          mapping_.emplace<Mapping<T>>(spec_.desc, pass(), spec_.request, spec_.exec);
      const PackingKey key = mapping.prepared().packing();
      if (mapping.needs_weights()) plain_ = weights_->plain();
      packed_ = weights_->find(key);
      if (packed_ == nullptr)
        packed_ = weights_->add(key, pack<T>(plain_ ? *plain_ : *weights_->plain()));
    });
  }

  // The same convolution, computed by the entry of this name, which is one of takers().
  std::unique_ptr<Plan> with_algorithm(py::handle name) const {
    Spec spec = spec_;
    spec.request.algorithm = to_algorithm(name);
    return std::make_unique<Plan>(std::move(spec), *this);
  }

  // The same convolution for inputs of another shape. The algorithm is chosen anew among those that
  // the caller has allowed, and words of padding get new numbers.
  std::unique_ptr<Plan> with_shape(py::handle input_shape) const {
    const ImageSize size =
        to_image_size(input_shape, "input_shape", spec_.rank, spec_.options.channels_last);
    const index_t wanted = source_dims()[1];
    require(size.nchw[1] == wanted, "input_shape must have ", wanted,
            wanted == 1 ? " channel" : " channels", ", as the weights of the plan take, got ",
            caller_dims(size.nchw, spec_.rank, size.batched, spec_.options.channels_last).text());
    Spec spec = spec_;
    spec.batched = size.batched;
    spec.request.algorithm = spec_.asked_algorithm;
    const KernelShape kernel = kernel_shape(spec_.kernel, "weight", spec_.rank);
    try {
      spec.desc = spec_.transposed
                      ? transposed_desc(size.nchw, kernel, spec_.geometry, spec_.output_padding)
                      : conv_desc(size.nchw, kernel, spec_.geometry);
      auto plan = std::make_unique<Plan>(std::move(spec), *this);
      keep_packed();
      plan->keep_packed();
      return plan;
    } catch (const std::invalid_argument& error) {
      refuse("input_shape ", py::str(input_shape).cast<std::string>(), ": ", error.what());
    }
  }

  // A plan for the gradient of the input, with the same weights. There is none for padding modes
  // other than zeros, whose padding has to be folded back.
  std::unique_ptr<Plan> adjoint() const {
    if (spec_.desc.mode != PadMode::zeros) return nullptr;
    Spec spec = spec_;
    spec.transposed = !spec.transposed;
    spec.request.algorithm = nullptr;
    spec.activation = {};
    spec.has_bias = spec.has_slopes = false;
    spec.input = "grad_output";
    auto plan = std::make_unique<Plan>(std::move(spec), *this);
    if (kept_) plan->keep_packed();
    return plan;
  }

  // Whether both plans read the same packed weights.
  bool shares_weights(const Plan& other) const { return packed_ == other.packed_; }

  // The names of all entries that take the shape.
  py::list takers() const {
    py::list names;
    with_float(spec_.dtype, [&]<class T>() {
      for (const std::string& name : fastconv::takers<T>(problem(), spec_.exec)) names.append(name);
    });
    return names;
  }

  py::object call(py::handle input, py::handle residual, py::handle out) const {
    const Layouts lie = spec_.request.layouts;
    const Image x = image(input, spec_.input, source_dims(), lie.x_pixels);
    std::optional<Image> res;
    if (!residual.is_none()) {
      require(!spec_.transposed, "residual: a transposed convolution takes none");
      res = image(residual, "residual", result_dims(), lie.y_pixels);
    }
    const Result y(result_dims(), spec_.rank, spec_.batched, spec_.options, spec_.dtype, out,
                   {&x, res ? &*res : nullptr}, res ? &*res : nullptr, gaps_of(lie.y_pixels));
    with_float(spec_.dtype, [&]<class T>() {
      const auto& mapping = std::get<Mapping<T>>(mapping_);
      const Scratch scratch(mapping.workspace_bytes());
      const Unlocked unlocked(mapping.fmas());
      ConvArgs<T> args = args_of<T>(x, res ? &*res : nullptr, y);
      args.packed = packed_->as<T>();
      args.weights = plain_ ? plain_->as<T>() : nullptr;
      args.bias = spec_.has_bias ? weights_->bias().as<T>() : nullptr;
      args.activation = spec_.activation.kind;
      args.slope = static_cast<T>(spec_.activation.slope);
      args.slopes = spec_.has_slopes ? weights_->slopes().as<T>() : nullptr;
      mapping.run(args, scratch.bytes());
    });
    return y.finish();
  }

  py::tuple output_shape() const {
    return as_tuple(
        caller_dims(result_dims(), spec_.rank, spec_.batched, spec_.options.channels_last));
  }

  // A copy of the weights, with which the gradient functions can be called.
  py::array weight() const {
    std::vector<py::ssize_t> shape(spec_.kernel.at, spec_.kernel.at + spec_.kernel.rank);
    return with_float(spec_.dtype, [&]<class T>() -> py::array {
      return py::array_t<T>(shape, weights_->plain()->as<T>());
    });
  }

  // What a plan like this one is made from, beside the weights and the geometry: the bias, the
  // activation, the output_padding, the algorithm that was asked for, and the entry that runs.
  py::tuple parts() const {
    const py::object bias = spec_.has_bias ? py::object(vector(weights_->bias())) : py::none();
    const py::object activation = spec_.has_slopes
                                      ? py::make_tuple("prelu", vector(weights_->slopes()))
                                      : activation_object(spec_.activation);
    const PerAxis more = spec_.output_padding;
    return py::make_tuple(
        bias, activation, py::make_tuple(more.h, more.w),
        spec_.asked_algorithm ? spec_.asked_algorithm : "auto",
        with_mapping([](const auto& mapping) { return mapping.algorithm().name(); }));
  }

  std::string algorithm() const {
    return with_mapping([](const auto& mapping) { return mapping.prepared().family(); });
  }
  index_t flops() const {
    return with_mapping([](const auto& m) { return static_cast<index_t>(2 * m.fmas()); });
  }
  // The workspace of a call, with what is transposed for the algorithm.
  index_t workspace_bytes() const {
    return with_mapping([](const auto& mapping) { return mapping.workspace_bytes(); });
  }
  index_t weight_bytes() const {
    const index_t plain = plain_ ? spec_.kernel.size() : 0;
    const index_t vectors = channels() * (index_t{spec_.has_bias} + index_t{spec_.has_slopes});
    return with_mapping([&](const auto& mapping) {
      return (mapping.prepared().packed_elements() + plain + vectors) * item_bytes();
    });
  }

  std::string explain() const {
    const Problem all = problem();
    std::ostringstream text;
    text << spec_.exec.table->isa << ", " << name_of(spec_.dtype) << ", up to "
         << spec_.exec.threads << (spec_.exec.threads == 1 ? " thread" : " threads") << ", "
         << double(flops()) / 1e6 << " MFLOP, " << workspace_bytes() / 1024 << " KiB of workspace, "
         << weight_bytes() / 1024 << " KiB of weights\n";
    for (std::size_t i = 0; i < all.phases.size(); ++i) describe(text, all, i);
    with_mapping([&]<class T>(const Mapping<T>& mapping) {
      text << "chosen: " << mapping.algorithm().name() << " (" << mapping.prepared().family()
           << ")\n"
           << list_offers(all, spec_.exec, mapping.algorithm());
    });
    return text.str();
  }

 private:
  // An array of a number for each channel.
  py::array vector(const Scratch& values) const {
    return with_float(spec_.dtype, [&]<class T>() -> py::array {
      return py::array_t<T>(channels(), values.as<T>());
    });
  }

  template <class T>
  static Scratch copy(const void* from, index_t n) {
    Scratch block(n * index_t{sizeof(T)});
    std::copy_n(static_cast<const T*>(from), n, block.as<T>());
    return block;
  }

  // The weights as this plan's algorithm packs them.
  template <class T>
  PlanWeights::Packed pack(const Scratch& plain) const {
    const auto& mapping = std::get<Mapping<T>>(mapping_);
    const PlanWeights::Packed packed = std::make_shared<const Scratch>(mapping.packed_bytes());
    const Unlocked unlocked;
    mapping.pack(plain.as<T>(), packed->as<T>());
    return packed;
  }

  // Lets relatives find this plan's packed weights; keeps them for relatives to come.
  void show_packed() const {
    with_mapping(
        [&](const auto& mapping) { weights_->add(mapping.prepared().packing(), packed_); });
  }
  void keep_packed() const {
    if (kept_) return;
    with_mapping(
        [&](const auto& mapping) { weights_->keep(mapping.prepared().packing(), packed_); });
    kept_ = true;
  }

  // Writes a line that says what phase i of the problem computes.
  static void describe(std::ostringstream& text, const Problem& all, std::size_t i) {
    const Correlation& r = all.phases[i];
    if (all.phases.size() > 1)
      text << "phase " << i + 1 << " of " << all.phases.size() << ", outputs from ("
           << r.h.out_start << ", " << r.w.out_start << ") in steps of (" << r.h.out_step << ", "
           << r.w.out_step << "): ";
    text << r.groups << " x " << r.m << " output channels, sums of " << r.k() << " terms, "
         << r.batch << " x " << r.h.count << " x " << r.w.count << " outputs\n";
  }

  Pass pass() const { return spec_.transposed ? Pass::adjoint : Pass::forward; }
  Problem problem() const {
    return with_float(spec_.dtype, [&]<class T>() {
      return problem_of<T>(spec_.desc, pass(), spec_.request, spec_.exec);
    });
  }
  index_t item_bytes() const { return spec_.dtype == DType::f32 ? sizeof(float) : sizeof(double); }
  index_t channels() const { return result_dims()[1]; }
  Dims source_dims() const {
    return spec_.transposed ? output_dims(spec_.desc) : input_dims(spec_.desc);
  }
  Dims result_dims() const {
    return spec_.transposed ? input_dims(spec_.desc) : output_dims(spec_.desc);
  }

  // How arrays in the plan's data_format lie.
  Layouts layouts() const {
    const bool last = spec_.options.channels_last;
    return {last && may_be_pixels(source_dims()), last && may_be_pixels(result_dims())};
  }

  Image image(py::handle value, const char* name, const Dims& wanted, bool pixels) const {
    Image x = to_conv_image(value, name, spec_.rank, spec_.options, pixels);
    if (x.dtype != spec_.dtype)
      throw py::type_error(sentence(name, " must have the plan's dtype, ", name_of(spec_.dtype),
                                    ", got ", name_of(x.dtype)));
    expect_image(x, name, wanted, spec_.rank, spec_.batched, spec_.options.channels_last);
    return x;
  }

  Spec spec_;
  std::variant<std::monostate, Mapping<float>, Mapping<double>> mapping_;
  std::shared_ptr<PlanWeights> weights_;
  PlanWeights::Packed packed_;
  PlanWeights::Plain plain_;  // where the algorithm reads the caller's weights, too
  // Whether this plan's packed weights are kept for relatives to come. The first plan for another
  // shape sets it.
  mutable std::atomic<bool> kept_ = false;
};

struct PlanCall {
  int rank;
  bool transposed;
  py::handle input_shape, weight, bias, stride, padding, dilation, groups, padding_mode,
      output_padding, output_size, activation, algorithm, threads, data_format, precision;
};

py::object make_plan(const PlanCall& call) {
  const Options options = options_of(call);
  const bool last = options.channels_last;
  ActivationSpec act = to_activation(call.activation, true);
  const Request request{to_algorithm(call.algorithm), options.precision, true};
  const ConvGeometry geometry = geometry_of(call);
  const ImageSize size = to_image_size(call.input_shape, "input_shape", call.rank, last);
  const Operand w = to_operand(call.weight, "weight");
  const KernelShape kernel = kernel_shape(w.dims, "weight", call.rank);
  const ConvDesc d = call.transposed
                         ? transposed_desc(size.nchw, size.batched, last, kernel, geometry,
                                           call.output_padding, call.output_size)
                         : conv_desc(size.nchw, kernel, geometry);
  const index_t channels = call.transposed ? d.c_in : d.c_out;
  const auto b = to_bias(call.bias, w, channels), s = to_slopes(act, w, channels);
  Spec spec{.rank = call.rank,
            .transposed = call.transposed,
            .batched = size.batched,
            .options = options,
            .dtype = w.dtype,
            .desc = d,
            .request = request,
            .exec = make_exec(options.threads),
            .activation = act,
            .kernel = w.dims,
            .has_bias = b.has_value(),
            .has_slopes = s.has_value(),
            .geometry = geometry,
            .output_padding = call.transposed ? output_padding_of(d, geometry) : PerAxis{0, 0},
            .asked_algorithm = request.algorithm};
  return py::cast(std::make_unique<Plan>(std::move(spec), w.data, b ? b->data : nullptr,
                                         s ? s->data : nullptr));
}

py::object run_of(const py::object& self) {
  using Call = FastMethod<Plan, py::handle, py::handle, py::handle>;
  return bound_function<Call, &Plan::call>(
      self, self.cast<Plan*>(), "run", "run(x: object, residual: object, out: object) -> object");
}

}  // namespace

void bind_plan(py::module_& m) {
  py::class_<Plan>(m, "Plan")
      .def_property_readonly("run", &run_of)
      .def("explain", &Plan::explain)
      .def("takers", &Plan::takers)
      .def("with_algorithm", &Plan::with_algorithm)
      .def("with_shape", &Plan::with_shape)
      .def("shares_weights", &Plan::shares_weights)
      .def("adjoint", &Plan::adjoint)
      .def_property_readonly("weight", &Plan::weight)
      .def_property_readonly("parts", &Plan::parts)
      .def_property_readonly("algorithm", &Plan::algorithm)
      .def_property_readonly("output_shape", &Plan::output_shape)
      .def_property_readonly("flops", &Plan::flops)
      .def_property_readonly("workspace_bytes", &Plan::workspace_bytes)
      .def_property_readonly("weight_bytes", &Plan::weight_bytes);
  def_fast<&make_plan>(m, "make_plan");
}

}  // namespace fastconv
