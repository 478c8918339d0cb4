// SPDX-License-Identifier: MIT
// Plans: a validated call with its weights packed. A plan is immutable once built, so any number of
// threads may call it; each call takes its own workspace.
#include <memory>
#include <sstream>
#include <utility>

#include "bindings/bind.h"
#include "bindings/conv_call.h"
#include "bindings/fast_call.h"
#include "core/memory.h"
#include "core/require.h"

namespace fastconv {
namespace {

class Plan {
 public:
  Plan(int rank, bool transposed, const Options& options, DType dtype, bool batched,
       const ConvDesc& d, const Request& request, const Exec& exec, ActivationSpec activation,
       const Operand& weight, const std::optional<Operand>& bias)
      : rank_(rank),
        transposed_(transposed),
        batched_(batched),
        options_(options),
        dtype_(dtype),
        desc_(d),
        request_(request),
        exec_(exec),
        activation_(activation),
        kernel_(weight.dims),
        has_bias_(bias.has_value()) {
    with_float(dtype, [&]<class T>() {
      weight_ = copy<T>(weight.as<T>(), weight.dims.size());
      if (has_bias_) bias_ = copy<T>(bias->as<T>(), channels());
      prepare<T>();
    });
  }

  // The same convolution, with the candidate of this label for each step.
  std::unique_ptr<Plan> with_candidate(const std::string& label) const {
    return with_float(dtype_, [&]<class T>() {
      Request request = request_;
      for (const Candidate& c : candidates<T>(lowered_.steps.at(0).r, request_, exec_))
        if (label_of(c) == label) {
          request.algorithm = c.algorithm;
          if (c.algorithm == Algorithm::winograd) request.form = c.form;
        }
      auto plan = std::unique_ptr<Plan>(new Plan(*this, request));
      plan->weight_ = copy<T>(weight_.as<T>(), kernel_.size());
      if (has_bias_) plan->bias_ = copy<T>(bias_.as<T>(), channels());
      plan->prepare<T>();
      return plan;
    });
  }

  // The gradient of the input as a plan of its own, on the same weights; none where padding has to
  // be folded back.
  std::unique_ptr<Plan> adjoint() const {
    if (desc_.mode != PadMode::zeros) return nullptr;
    return with_float(dtype_, [&]<class T>() {
      auto plan = std::unique_ptr<Plan>(
          new Plan(*this, Request{Algorithm::auto_, request_.plain_sums, request_.prepacked}));
      plan->transposed_ = !transposed_;
      plan->activation_ = {};
      plan->has_bias_ = false;
      plan->input_ = "grad_output";
      plan->weight_ = copy<T>(weight_.as<T>(), kernel_.size());
      plan->prepare<T>();
      return plan;
    });
  }

  // Labels of all that the first step could take; the steps of one plan are much alike.
  py::list labels() const {
    py::list labels;
    if (!lowered_.steps.empty())
      with_float(dtype_, [&]<class T>() {
        for (const Candidate& c : candidates<T>(lowered_.steps[0].r, request_, exec_))
          if (!c.refused) labels.append(label_of(c));
      });
    return labels;
  }

  py::object call(py::handle input, py::handle residual, py::handle out) const {
    const Image x = image(input, input_, source_dims());
    std::optional<Image> res;
    if (!residual.is_none()) {
      require(!transposed_, "residual: a transposed convolution takes none");
      res = image(residual, "residual", result_dims());
    }
    const Result y(result_dims(), rank_, batched_, options_, dtype_, out,
                   {&x, res ? &*res : nullptr}, res ? &*res : nullptr);
    with_float(dtype_, [&]<class T>() {
      const ConvArgs<T> args{.x = x.as<T>(),
                             .packed = packed_.as<T>(),
                             .weights = weight_.as<T>(),
                             .bias = bias_.as<T>(),
                             .residual = res ? res->as<T>() : nullptr,
                             .y = y.as<T>(),
                             .activation = activation_.kind,
                             .slope = static_cast<T>(activation_.slope)};
      const Scratch scratch(lowered_.scratch_bytes);
      const Unlocked unlocked(lowered_.fmas());
      run(lowered_, args, exec_, scratch.bytes());
    });
    return y.finish();
  }

  py::tuple output_shape() const {
    return as_tuple(caller_dims(result_dims(), rank_, batched_, options_.channels_last));
  }

  // What the gradient functions need to be called with the plan's own weights.
  py::array weight() const {
    std::vector<py::ssize_t> shape(kernel_.at, kernel_.at + kernel_.rank);
    return with_float(
        dtype_, [&]<class T>() -> py::array { return py::array_t<T>(shape, weight_.as<T>()); });
  }

  std::string algorithm() const {
    std::string names;
    for (const Step& step : lowered_.steps)
      if (names.find(name_of(step.algorithm)) == std::string::npos)
        names += (names.empty() ? "" : "+") + std::string(name_of(step.algorithm));
    return names.empty() ? "fill" : names;  // no tap reaches any output
  }

  index_t flops() const { return static_cast<index_t>(2 * lowered_.fmas()); }
  // With channels last also the planes of input and result.
  index_t workspace_bytes() const {
    index_t planes = 0;
    for (const Dims& d : {source_dims(), result_dims()})
      if (options_.channels_last && d[1] > 1 && d[2] * d[3] > 1) planes += d.size();
    return lowered_.scratch_bytes + planes * item_bytes();
  }
  index_t weight_bytes() const {
    const index_t elements =
        lowered_.packed_elements + kernel_.size() + (has_bias_ ? channels() : 0);
    return elements * item_bytes();
  }

  std::string explain() const {
    std::ostringstream text;
    text << exec_.table->isa << ", " << name_of(dtype_) << ", up to " << exec_.threads
         << (exec_.threads == 1 ? " thread" : " threads") << ", " << double(flops()) / 1e6
         << " MFLOP, " << workspace_bytes() / 1024 << " KiB of workspace, " << weight_bytes() / 1024
         << " KiB of weights\n";
    with_float(dtype_, [&]<class T>() {
      for (std::size_t i = 0; i < lowered_.steps.size(); ++i) explain_step<T>(text, i);
    });
    if (lowered_.steps.empty()) text << "no tap reaches any output: filled with the bias\n";
    return text.str();
  }

 private:
  Plan(const Plan& other, const Request& request)  // without weights
      : rank_(other.rank_),
        transposed_(other.transposed_),
        batched_(other.batched_),
        options_(other.options_),
        dtype_(other.dtype_),
        desc_(other.desc_),
        request_(request),
        exec_(other.exec_),
        activation_(other.activation_),
        kernel_(other.kernel_),
        has_bias_(other.has_bias_) {}

  template <class T>
  void prepare() {
    lowered_ = transposed_ ? lower_adjoint<T>(desc_, request_, exec_)
                           : lower_forward<T>(desc_, request_, exec_);
    packed_ = Scratch(lowered_.packed_elements * index_t{sizeof(T)});
    const py::gil_scoped_release unlocked;
    pack(lowered_, weight_.as<T>(), packed_.as<T>(), exec_);
  }

  template <class T>
  static Scratch copy(const T* from, index_t n) {
    Scratch block(n * index_t{sizeof(T)});
    std::copy_n(from, n, block.as<T>());
    return block;
  }

  template <class T>
  void explain_step(std::ostringstream& text, std::size_t i) const {
    const Step& step = lowered_.steps[i];
    const Correlation& r = step.r;
    if (lowered_.steps.size() > 1)
      text << "phase " << i + 1 << " of " << lowered_.steps.size() << ", outputs from ("
           << r.h.out_start << ", " << r.w.out_start << ") in steps of (" << r.h.out_step << ", "
           << r.w.out_step << ")\n";
    text << "chosen: " << name_of(step.algorithm)
         << (lowered_.phases   ? (lowered_.phases->by_columns ? ", products of columns first"
                                                              : ", all phases from one strip")
             : lowered_.spread ? ", one product of all phases"
             : !lowered_.pairs.empty() ? ", both phases of a row together"
             : lowered_.turned         ? ", planes turned into pixels"
                                       : "")
         << ", for " << r.groups << " x " << r.m << " output channels, sums of " << r.k()
         << " terms, " << r.batch << " x " << r.h.count << " x " << r.w.count << " outputs\n";
    for (const Candidate& c : candidates<T>(r, request_, exec_)) {
      text << "  " << label_of(c) << ": ";
      if (c.refused)
        text << "not possible, " << c.refused << "\n";
      else
        text << "predicted " << std::max<index_t>(1, static_cast<index_t>(c.cycles / 1000))
             << " thousand cycles of one core"
             << (c.same_as(step.algorithm, step.form) ? " <-" : "") << "\n";
    }
  }

  index_t item_bytes() const { return dtype_ == DType::f32 ? sizeof(float) : sizeof(double); }
  index_t channels() const { return result_dims()[1]; }
  Dims source_dims() const { return transposed_ ? output_dims(desc_) : input_dims(desc_); }
  Dims result_dims() const { return transposed_ ? input_dims(desc_) : output_dims(desc_); }

  Image image(py::handle value, const char* name, const Dims& wanted) const {
    Image x = to_image(value, name, rank_, options_);
    if (x.dtype != dtype_)
      throw py::type_error(sentence(name, " must have the plan's dtype, ", name_of(dtype_),
                                    ", got ", name_of(x.dtype)));
    expect_image(x, name, wanted, rank_, batched_, options_.channels_last);
    return x;
  }

  const char* input_ = "x";  // its name
  int rank_;
  bool transposed_, batched_;
  Options options_;
  DType dtype_;
  ConvDesc desc_;
  Request request_;
  Exec exec_;
  ActivationSpec activation_;
  Dims kernel_;
  bool has_bias_;
  Lowered lowered_;
  Scratch packed_, weight_, bias_;
};

std::unique_ptr<Plan> make_plan(int rank, bool transposed, py::handle input_shape,
                                py::handle weight, py::handle bias, py::handle stride,
                                py::handle padding, py::handle dilation, py::handle groups,
                                py::handle padding_mode, py::handle output_padding,
                                py::handle output_size, py::handle activation, py::handle algorithm,
                                py::handle threads, py::handle data_format, py::handle precision) {
  const Options options = to_options(threads, data_format, precision);
  const bool last = options.channels_last;
  const ActivationSpec act = to_activation(activation);
  const Algorithm asked = to_algorithm(algorithm);
  const ConvGeometry geometry = to_geometry(rank, stride, padding, dilation, groups, padding_mode);
  const ImageSize size = to_image_size(input_shape, "input_shape", rank, last);
  const Operand w = to_operand(weight, "weight");
  const KernelShape kernel = kernel_shape(w.dims, "weight", rank);
  const ConvDesc d = transposed ? transposed_desc(size.nchw, size.batched, last, kernel, geometry,
                                                  output_padding, output_size)
                                : conv_desc(size.nchw, kernel, geometry);
  const auto b = to_bias(bias, w, transposed ? d.c_in : d.c_out);
  return std::make_unique<Plan>(rank, transposed, options, w.dtype, size.batched, d,
                                Request{asked, options.highest, true}, make_exec(options.threads),
                                act, w, b);
}

// Plan::call as a function: as a method of a class it takes twice as long to reach.
py::object run_of(const py::object& self) {
  using Call = FastMethod<Plan, py::handle, py::handle, py::handle>;
  static PyMethodDef method = fast_method(
      "run", &Call::call<&Plan::call>, "run(x: object, residual: object, out: object) -> object");
  PyObject* capsule = PyCapsule_New(self.cast<Plan*>(), nullptr, [](PyObject* ended) {
    Py_DECREF(static_cast<PyObject*>(PyCapsule_GetContext(ended)));
  });
  if (capsule == nullptr) throw py::error_already_set();
  const auto owner = py::reinterpret_steal<py::object>(capsule);
  if (PyCapsule_SetContext(capsule, py::object(self).release().ptr()) != 0)
    throw py::error_already_set();
  return new_function(&method, capsule, py::none());
}

}  // namespace

void bind_plan(py::module_& m) {
  py::class_<Plan>(m, "Plan")
      .def_property_readonly("run", &run_of)
      .def("explain", &Plan::explain)
      .def("labels", &Plan::labels)
      .def("with_candidate", &Plan::with_candidate)
      .def("adjoint", &Plan::adjoint)
      .def_property_readonly("weight", &Plan::weight)
      .def_property_readonly("algorithm", &Plan::algorithm)
      .def_property_readonly("output_shape", &Plan::output_shape)
      .def_property_readonly("flops", &Plan::flops)
      .def_property_readonly("workspace_bytes", &Plan::workspace_bytes)
      .def_property_readonly("weight_bytes", &Plan::weight_bytes);
  m.def("make_plan", &make_plan);
}

}  // namespace fastconv
