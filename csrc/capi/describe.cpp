// SPDX-License-Identifier: MIT
// The checks of C's descriptors.
#include "capi/describe.h"

#include <cmath>
#include <cstring>
#include <iterator>

#include "algorithms/conv/table.h"
#include "core/dispatch.h"
#include "core/threads.h"

namespace fastconv::capi {
namespace {

constexpr const char* kAxes[] = {"height", "width"};

// The words of fastconv.h have the same numbers as the core's.
static_assert(int{FASTCONV_CONSTANT} == int(PadMode::constant));
static_assert(int{FASTCONV_SOFTPLUS} == int(Activation::softplus));
static_assert(int{FASTCONV_PRELU} == int(Activation::softplus) + 1);
static_assert(int{FASTCONV_STREAM_AVERAGE} == int(stream::Op::average));

static_assert(int{FASTCONV_PRECISION_HIGHEST} == int(Precision::highest));
static_assert(int{FASTCONV_PRECISION_MEDIUM} == int(Precision::medium));

// The family of each fastconv_algorithm; null stands for AUTO.
constexpr const char* kFamilies[] = {nullptr,     "direct",    "im2col",   "channel_lanes",
                                     "pointwise", "depthwise", "winograd", "fft"};
static_assert(std::size(kFamilies) == FASTCONV_FFT + 1);

// The family's name as the table has it: shapes are remembered by this very pointer.
const char* family_at(std::int32_t algorithm) {
  const char* name = kFamilies[algorithm];
  return name == nullptr ? nullptr : known_name(name);
}

template <class Desc>
void check_version(const Desc* desc) {
  expect_pointer(desc, "desc");
  expect(desc->size == sizeof(Desc), FASTCONV_BAD_VERSION, "desc->size must be ", sizeof(Desc),
         ", got ", desc->size);
}

// The descriptor with the fields that its version does not have at their defaults: in version 1 it
// ended before alpha, in version 2 before pad_value.
fastconv_conv_desc current(const fastconv_conv_desc* desc) {
  constexpr std::size_t kOlder[] = {offsetof(fastconv_conv_desc, alpha),
                                    offsetof(fastconv_conv_desc, pad_value)};
  expect_pointer(desc, "desc");
  fastconv_conv_desc whole = fastconv_conv_defaults();
  for (const std::size_t size : kOlder)
    if (desc->size == size) {
      std::memcpy(&whole, desc, size);
      return whole;
    }
  check_version(desc);
  return *desc;
}

void check_word(const char* name, std::int32_t word, int most) {
  expect(word >= 0 && word <= most, FASTCONV_BAD_VALUE, name, " must be from 0 to ", most, ", got ",
         word);
}

Exec exec_for(std::int32_t threads) {
  check_word("threads", threads, kMaxThreads);
  return make_exec(threads == 0 ? default_threads() : threads);
}

void check_count(const char* name, std::int64_t n) {
  require(n >= 1, name, " must be positive, got ", n);
}

Padding pair(std::int64_t lo, std::int64_t hi) { return {PadWord::explicit_, lo, hi, true}; }

// A descriptor comes without arrays, so that no memory bounds its kernel. Its lists of taps must
// stay small all the same: kMostTaps of the kernel, and kMostListed of all phases of the adjoint,
// of which each may list all taps.
constexpr index_t kMostTaps = index_t{1} << 20, kMostListed = index_t{1} << 24;

void check_taps(const ConvDesc& d) {
  const index_t phases = std::min(d.h.stride, d.h.kernel) * std::min(d.w.stride, d.w.kernel);
  if (d.taps() > kMostTaps || phases > kMostListed / d.taps())
    fail(FASTCONV_TOO_LARGE, "a kernel of ", d.h.kernel, " by ", d.w.kernel, " at stride ",
         d.h.stride, " by ", d.w.stride, " has too many taps");
}

ConvDesc geometry(const fastconv_conv_desc& desc) {
  check_count("batch", desc.batch);
  check_count("c_in", desc.c_in);
  check_count("c_out", desc.c_out);
  require(desc.groups >= 1 && desc.groups <= kMaxExtent, "groups must be from 1 to ", kMaxExtent,
          ", got ", desc.groups);
  const bool transposed = desc.transposed != 0;
  ConvDesc d{.batch = desc.batch,
             .c_in = transposed ? desc.c_out : desc.c_in,
             .c_out = transposed ? desc.c_in : desc.c_out,
             .groups = desc.groups,
             .h = {},
             .w = {},
             .mode = static_cast<PadMode>(desc.padding_mode)};
  if (d.mode == PadMode::constant && desc.pad_value == 0) d.mode = PadMode::zeros;
  if (d.mode == PadMode::constant) d.pad_value = desc.pad_value;
  Axis* const axes[] = {&d.h, &d.w};
  for (int i = 0; i < 2; ++i) {
    const Padding padding = pair(desc.pad_lo[i], desc.pad_hi[i]);
    if (transposed) {
      *axes[i] = transposed_axis(kAxes[i], desc.in[i], desc.kernel[i], desc.stride[i],
                                 desc.dilation[i], padding, desc.output_padding[i], {});
    } else {
      require(desc.output_padding[i] == 0, kAxes[i],
              ": output_padding is for transposed convolutions, got ", desc.output_padding[i]);
      *axes[i] = conv_axis(kAxes[i], desc.in[i], desc.kernel[i], desc.stride[i], desc.dilation[i],
                           padding, d.mode);
    }
  }
  validated(d);
  check_taps(d);
  return d;
}

PoolDesc geometry(const fastconv_pool_desc& desc) {
  check_count("batch", desc.batch);
  PoolDesc d{.batch = desc.batch, .channels = desc.channels};
  Axis* const axes[] = {&d.h, &d.w};
  for (int i = 0; i < 2; ++i) {
    if (desc.adaptive == 0) {
      *axes[i] = pool_axis(kAxes[i], desc.in[i], desc.kernel[i], desc.stride[i], desc.dilation[i],
                           pair(desc.pad_lo[i], desc.pad_hi[i]), desc.ceil_mode != 0);
      continue;
    }
    require(desc.kernel[i] >= 1, kAxes[i], ": kernel size must be positive, got ", desc.kernel[i]);
    require(desc.stride[i] == 1 && desc.dilation[i] == 1 && desc.pad_lo[i] == 0 &&
                desc.pad_hi[i] == 0 && desc.ceil_mode == 0,
            kAxes[i], ": an adaptive pool has no stride, dilation, padding or ceil_mode");
    *axes[i] = adaptive_axis(kAxes[i], desc.in[i], desc.kernel[i]);
  }
  return validated(d);
}

pool::Pooling pooling_of(const fastconv_pool_desc& desc) {
  switch (desc.op) {
    case FASTCONV_MAX:
      return {.op = PoolOp::max};
    case FASTCONV_MIN:
      return {.op = PoolOp::min};
    case FASTCONV_SUM:
      return {.op = PoolOp::sum};
    case FASTCONV_AVERAGE:
      return {.op = PoolOp::sum,
              .average = true,
              .include_pad = desc.count_include_pad != 0,
              .divisor = desc.divisor};
    default:
      expect(desc.norm > 0, FASTCONV_BAD_VALUE, "norm must be positive, got ", desc.norm);
      return pool::p_norm(desc.norm);
  }
}

}  // namespace

Convolution describe(const fastconv_conv_desc* given) {
  const fastconv_conv_desc whole = current(given), *desc = &whole;
  check_word("dtype", desc->dtype, FASTCONV_FLOAT64);
  check_word("transposed", desc->transposed, 1);
  check_word("padding_mode", desc->padding_mode, FASTCONV_CONSTANT);
  check_word("activation", desc->activation, FASTCONV_PRELU);
  check_word("algorithm", desc->algorithm, FASTCONV_FFT);
  check_word("highest", desc->highest, FASTCONV_PRECISION_MEDIUM);
  check_word("reserved", desc->reserved, 0);
  const Exec exec = exec_for(desc->threads);
  expect(desc->transposed == 0 || desc->padding_mode == FASTCONV_ZEROS, FASTCONV_UNSUPPORTED,
         "a transposed convolution has no padding_mode but zeros");
  const bool prelu = desc->activation == FASTCONV_PRELU;
  return {.d = geometry(*desc),
          .transposed = desc->transposed != 0,
          .is_double = desc->dtype == FASTCONV_FLOAT64,
          .request = {.algorithm = family_at(desc->algorithm),
                      .precision = static_cast<Precision>(desc->highest)},
          .activation = prelu ? Activation::leaky_relu : static_cast<Activation>(desc->activation),
          .slope = desc->activation == FASTCONV_ELU ? desc->alpha : desc->slope,
          .slopes = prelu ? desc->slopes : nullptr,
          .lacks_slopes = prelu && desc->slopes == nullptr,
          .exec = exec};
}

Convolution describe_forward(const fastconv_conv_desc* desc) {
  const Convolution c = describe(desc);
  expect(!c.lacks_slopes, FASTCONV_NULL_POINTER, "slopes must not be NULL for FASTCONV_PRELU");
  return c;
}

Pool describe(const fastconv_pool_desc* desc) {
  check_version(desc);
  check_word("dtype", desc->dtype, FASTCONV_FLOAT64);
  check_word("op", desc->op, FASTCONV_NORM);
  check_word("adaptive", desc->adaptive, 1);
  check_word("ceil_mode", desc->ceil_mode, 1);
  check_word("count_include_pad", desc->count_include_pad, 1);
  const Exec exec = exec_for(desc->threads);
  const pool::Pooling pooling = pooling_of(*desc);
  return {.d = geometry(*desc),
          .pooling = pooling,
          .is_double = desc->dtype == FASTCONV_FLOAT64,
          .exec = exec};
}

Streaming describe(const fastconv_stream_desc* desc) {
  check_version(desc);
  check_word("dtype", desc->dtype, FASTCONV_FLOAT64);
  check_word("op", desc->op, FASTCONV_STREAM_AVERAGE);
  check_word("activation", desc->activation, FASTCONV_PRELU);
  check_word("channels_last", desc->channels_last, 1);
  check_word("algorithm", desc->algorithm, FASTCONV_DIRECT);
  check_count("batch", desc->batch);
  const Exec exec = exec_for(desc->threads);
  const bool pools = desc->op >= FASTCONV_STREAM_MAX;
  const bool prelu = desc->activation == FASTCONV_PRELU;
  expect(!pools || desc->activation == FASTCONV_NO_ACTIVATION, FASTCONV_UNSUPPORTED,
         "a pool has no activation");
  expect(!prelu || desc->slopes != nullptr, FASTCONV_NULL_POINTER,
         "slopes must not be NULL for FASTCONV_PRELU");
  const std::int64_t divisor = desc->divisor == 0 ? desc->kernel : desc->divisor;
  stream::Desc d{.op = static_cast<stream::Op>(desc->op),
                 .batch = desc->batch,
                 .c_in = desc->c_in,
                 .c_out = pools ? desc->c_in : desc->c_out,
                 .groups = pools ? desc->c_in : desc->groups,
                 .kernel = desc->kernel,
                 .stride = desc->stride,
                 .dilation = desc->dilation,
                 .last = desc->last,
                 .divisor = static_cast<double>(divisor)};
  return {.d = stream::validated(d),
          .is_double = desc->dtype == FASTCONV_FLOAT64,
          .channels_last = desc->channels_last != 0,
          .activation = prelu ? Activation::leaky_relu : static_cast<Activation>(desc->activation),
          .slope = desc->activation == FASTCONV_ELU ? desc->alpha : desc->slope,
          .slopes = prelu ? desc->slopes : nullptr,
          .exec = exec};
}

std::byte* checked_workspace(void* workspace, std::size_t bytes, index_t needed) {
  if (needed == 0) return nullptr;
  expect_pointer(workspace, "workspace");
  expect(bytes >= workspace_for(needed), FASTCONV_SMALL_WORKSPACE, "the workspace must have ",
         workspace_for(needed), " bytes, got ", bytes);
  return aligned(workspace);
}

}  // namespace fastconv::capi
