// SPDX-License-Identifier: MIT
// Images of integers become images of float32.
#include <algorithm>

#include "bindings/arrays.h"
#include "core/conv_desc.h"
#include "core/dispatch.h"
#include "core/parallel.h"
#include "core/require.h"

namespace fastconv {
namespace {

std::optional<Element> sample_of(DType dtype) {
  if (dtype == DType::u8) return Element::u8;
  if (dtype == DType::i16) return Element::i16;
  if (dtype == DType::u16) return Element::u16;
  return {};
}

}  // namespace

void make_floats(Image& image, int threads) {
  const auto element = sample_of(image.dtype);
  if (!element) return;
  const index_t each = image.c() * image.h() * image.w(), size = *element == Element::u8 ? 1 : 2;
  const index_t step = image.image_step == 0 ? each : image.image_step;
  Scratch floats(product("a copy of input", {image.dims.size(), index_t{sizeof(float)}}));
  float* const to = floats.as<float>();
  const auto* from = static_cast<const std::byte*>(image.data);
  const Exec exec = make_exec(threads);
  const auto widen = filters_of(*exec.table).f32.widen[static_cast<int>(*element)];
  constexpr index_t kPiece = 1 << 15;  // elements that a task converts
  const index_t pieces = ceil_div(each, kPiece), tasks = image.n() * pieces;
  const double work = double(image.n()) * double(each);
  parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
    const index_t n = task / pieces, at = task % pieces * kPiece;
    widen(from + (n * step + at) * size, std::min(kPiece, each - at), to + n * each + at);
  });
  image.copied = std::move(floats);
  image.data = to;
  image.dtype = DType::f32;
  image.image_step = 0;
}

}  // namespace fastconv
