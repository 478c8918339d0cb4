// SPDX-License-Identifier: MIT
// Whole convolutions, their adjoints and weight gradients, by every algorithm that takes the shape,
// on one thread and on two. Inputs are whole numbers, so that results must be exactly what im2col
// gives on the scalar ISA; but for Winograd's algorithm, whose transforms round.
#include <map>
#include <stdexcept>
#include <string>

#include "algorithms/conv/mapping.h"
#include "algorithms/conv/table.h"
#include "algorithms/weight_grad/weight_grad.h"
#include "core/memory.h"
#include "isa/tables.h"
#include "selftest/check.h"

namespace fastconv::selftest {
namespace {

struct Case {
  index_t batch, c_in, c_out, groups, h, w, kh, kw, stride, dilation, pad;
  PadMode mode = PadMode::zeros;
};
constexpr Case kCases[] = {
    {1, 5, 13, 1, 9, 11, 3, 3, 1, 1, 1},
    {2, 17, 9, 1, 7, 7, 1, 1, 1, 1, 0},
    {2, 4, 6, 2, 10, 13, 3, 2, 2, 1, 1},
    {1, 6, 12, 6, 12, 9, 3, 3, 1, 1, 1},
    {1, 7, 7, 7, 11, 12, 5, 5, 2, 1, 2},
    {3, 3, 5, 1, 8, 9, 3, 3, 1, 2, 2},
    {2, 37, 37, 37, 5, 4, 3, 3, 1, 1, 1},
    {2, 19, 19, 19, 9, 6, 3, 3, 2, 1, 1},
    {5, 21, 26, 1, 3, 4, 1, 1, 1, 1, 0},
    {2, 20, 2, 1, 9, 21, 3, 5, 1, 1, 2},
    {1, 2, 17, 1, 14, 9, 4, 3, 2, 1, 1},
    {1, 8, 24, 1, 6, 6, 5, 5, 1, 1, 2},
    {1, 2, 3, 1, 9, 8, 3, 3, 3, 2, 1, PadMode::reflect},
    {1, 6, 4, 1, 7, 9, 3, 3, 1, 1, 1, PadMode::circular},
    {2, 4, 8, 1, 1, 40, 1, 3, 1, 1, 1, PadMode::replicate},
    {1, 33, 31, 1, 3, 2, 3, 3, 1, 1, 1},
    {2, 9, 14, 1, 6, 8, 2, 2, 2, 1, 0},
    {1, 6, 9, 1, 6, 20, 1, 5, 1, 1, 2},
    {1, 6, 9, 1, 12, 7, 3, 1, 1, 1, 0},
    {1, 6, 9, 1, 13, 7, 5, 1, 1, 1, 0},
    {1, 5, 8, 1, 9, 10, 5, 3, 1, 1, 1},
    {2, 5, 18, 1, 9, 10, 2, 2, 1, 1, 1},
    {1, 5, 8, 1, 9, 10, 2, 3, 1, 1, 1},
    {1, 5, 8, 1, 9, 10, 3, 2, 1, 1, 1},
    {1, 5, 8, 1, 9, 10, 2, 5, 1, 1, 1},
    {1, 5, 8, 1, 9, 10, 5, 2, 1, 1, 1},
    {1, 5, 8, 1, 9, 10, 1, 2, 1, 1, 1},
    {1, 5, 8, 1, 9, 10, 2, 1, 1, 1, 0},
    {2, 19, 37, 1, 15, 18, 3, 3, 2, 1, 1},
    {2, 16, 16, 8, 9, 12, 3, 3, 1, 1, 1},
    {1, 16, 16, 4, 9, 7, 3, 3, 2, 1, 1},
};

ConvDesc describe(const Case& c) {
  const Padding padding{.lo = c.pad, .hi = c.pad};
  const Padding none{};
  return validated(
      {.batch = c.batch,
       .c_in = c.c_in,
       .c_out = c.c_out,
       .groups = c.groups,
       .h = conv_axis("height", c.h, c.kh, c.stride, c.dilation, c.kh > 1 ? padding : none, c.mode),
       .w = conv_axis("width", c.w, c.kw, c.stride, c.dilation, padding, c.mode),
       .mode = c.mode});
}

index_t image_size(const ConvDesc& d) { return d.batch * d.c_in * d.in_plane(); }
index_t result_size(const ConvDesc& d) { return d.batch * d.c_out * d.out_plane(); }
index_t weight_size(const ConvDesc& d) { return d.c_out * d.depth(); }

template <class T>
void compute(const Mapping<T>& mapping, ConvArgs<T> args) {
  const index_t packed = mapping.packed_bytes();
  const Scratch scratch(packed + mapping.workspace_bytes());
  args.packed = scratch.as<T>();
  mapping.pack(args.weights, scratch.as<T>());
  mapping.run(args, scratch.bytes() + packed);
}

using Taken = std::map<std::string, int>;  // how many cases each entry took

template <class T>
class Comparison {
 public:
  Comparison(const ConvDesc& d, bool adjoint, Report& report)
      : d_(d),
        adjoint_(adjoint),
        report_(report),
        x_(adjoint ? result_size(d) : image_size(d)),
        w_(weight_size(d)),
        bias_(adjoint ? d.c_in : d.c_out),
        residual_(adjoint ? image_size(d) : result_size(d)),
        want_(residual_.size(), 77) {
    compute(mapping({.algorithm = "im2col"}, {&scalar::table, 1}), arguments(want_));
  }

  // Whether the algorithm takes the shape; if so, its results are compared.
  bool holds(const Request& request, const Exec& exec) {
    Fenced<T> got(want_.size(), 77);
    std::string family;
    try {
      const Mapping<T> asked = mapping(request, exec);
      family = asked.prepared().family();
      compute(asked, arguments(got));
    } catch (const std::invalid_argument&) {
      return false;
    }
    // Of a tile's largest sum: 5e-6 of a result of some hundreds, as the tests in Python have it.
    const auto is = [&](const char* name) { return family.find(name) != std::string::npos; };
    const bool exact = !is("winograd") && !is("fft");
    const double tolerance = exact ? 0 : 200 * std::numeric_limits<T>::epsilon();
    report_.expect_close(got, want_, tolerance, 1000, adjoint_ ? "adjoint" : "forward", " of ",
                         d_.c_in, "@", d_.h.in, "x", d_.w.in, " -> ", d_.c_out, " ", d_.h.kernel,
                         "x", d_.w.kernel, ", ", request.algorithm ? request.algorithm : "auto",
                         ", threads ", exec.threads);
    return true;
  }

 private:
  Mapping<T> mapping(const Request& request, const Exec& exec) const {
    return {d_, adjoint_ ? Pass::adjoint : Pass::forward, request, exec};
  }
  ConvArgs<T> arguments(Fenced<T>& y) const {
    return {.x = x_.data(),
            .packed = nullptr,
            .weights = w_.data(),
            .bias = bias_.data(),
            .residual = adjoint_ ? nullptr : residual_.data(),
            .y = y.data(),
            .activation = adjoint_ ? Activation::none : Activation::relu};
  }
  ConvDesc d_;
  bool adjoint_;
  Report& report_;
  const Integers<T> x_, w_, bias_, residual_;
  Fenced<T> want_;
};

template <class T>
void test_case(const KernelTable& isa, const ConvDesc& d, bool adjoint, Taken& taken,
               Report& report) {
  Comparison<T> comparison(d, adjoint, report);
  for (const int threads : {1, 2})
    for (const bool prepacked : {false, true}) {
      const Exec exec{&isa, threads};
      comparison.holds({.prepacked = prepacked}, exec);
      for (const Algorithm<T>* entry : table<T>())
        taken[entry->name()] += comparison.holds(
            {.algorithm = entry->name(), .precision = Precision::medium, .prepacked = prepacked},
            exec);
    }
}

template <class T>
void test_gradients(const KernelTable& isa, const ConvDesc& d, Report& report) {
  const Integers<T> x(image_size(d)), dy(result_size(d));
  Fenced<T> got(weight_size(d)), want(weight_size(d)), got_bias(d.c_out), want_bias(d.c_out);
  const auto compute = [&](const Exec& exec, Fenced<T>& dw, Fenced<T>& db) {
    const auto prepared = weight_grad::prepare<T>(d, {.precision = Precision::highest}, exec);
    const Scratch scratch(prepared->scratch_bytes());
    prepared->run({x.data(), dy.data(), dw.data()}, exec, scratch.bytes());
    weight_grad::bias_grad(d.batch, d.c_out, d.out_plane(), dy.data(), db.data(), exec);
  };
  compute({&scalar::table, 1}, want, want_bias);
  for (const int threads : {1, 2}) {
    compute({&isa, threads}, got, got_bias);
    report.expect_close(got, want, 0, 0, "weight gradient of ", d.c_in, " -> ", d.c_out, ", ",
                        threads, " threads");
    report.expect_close(got_bias, want_bias, 0, 0, "bias gradient of ", d.c_out);
  }
}

template <class T>
void test(const KernelTable& isa, Report& report) {
  Taken taken;
  const index_t lanes = Exec{&isa, 1}.kernels<T>().conv.gemm.lanes;
  for (const Case& c : kCases) {
    const ConvDesc d = describe(c);
    test_case<T>(isa, d, false, taken, report);
    if (d.mode == PadMode::zeros) test_case<T>(isa, d, true, taken, report);
    test_gradients<T>(isa, d, report);
  }
  for (const auto& [name, cases] : taken) {
    // Every case has taps that reach outputs. Whether phases differ in what is cheapest for them
    // depends on the ISA.
    if (name == "each_phase") continue;
    // A vector of two elements has no room for several groups of two channels.
    const bool none = name == "fill" || (name == "groups_in_place" && lanes <= 2);
    report.expect((cases > 0) == !none, name, " took ", cases, " cases");
  }
}

}  // namespace

void test_convolutions(const KernelTable& isa, Report& report) {
  test<float>(isa, report);
  test<double>(isa, report);
}

}  // namespace fastconv::selftest
