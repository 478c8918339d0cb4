// SPDX-License-Identifier: MIT
#include "bindings/samples.h"

#include "bindings/views.h"
#include "core/require.h"

namespace fastconv {
namespace {

// The shape that is wanted, as a message shows it, with the caller's word for what may be any.
std::string wanted_text(const SamplesLike& like, bool unbatched) {
  const auto text = [&](bool batched) {
    const std::string channels = std::to_string(like.channels);
    const std::string n = like.n < 0 ? "W" : std::to_string(like.n);
    const std::string item = like.channels_last ? n + ", " + channels : channels + ", " + n;
    return batched ? "(" + std::to_string(like.batch) + ", " + item + ")" : "(" + item + ")";
  };
  return unbatched && like.batch == 1 ? text(true) + " or " + text(false) : text(true);
}

bool fits(const py::array& array, const SamplesLike& like, bool batched) {
  const int lead = batched ? 1 : 0;
  if (array.ndim() != lead + 2 || (batched && array.shape(0) != like.batch)) return false;
  const index_t n = array.shape(lead + (like.channels_last ? 0 : 1));
  return array.shape(lead + (like.channels_last ? 1 : 0)) == like.channels &&
         (like.n < 0 || like.n == n);
}

}  // namespace

Dims samples_dims(const SamplesLike& like, bool batched) {
  const index_t a = like.channels_last ? like.n : like.channels;
  const index_t b = like.channels_last ? like.channels : like.n;
  return batched ? Dims{like.batch, a, b} : Dims{a, b};
}

Samples to_samples(py::handle value, const char* name, const SamplesLike& like, bool unbatched) {
  const py::array array = as_array(value, name);
  Samples x;
  x.dtype = dtype_of(array, name, Accept::floats);
  if (x.dtype != like.dtype)
    throw py::type_error(sentence(name, " must have dtype ", name_of(like.dtype),
                                  ", that of the stream, got ", name_of(x.dtype)));
  x.batched = !(unbatched && like.batch == 1 && array.ndim() == 2);
  if (!fits(array, like, x.batched))
    refuse(name, " must have shape ", wanted_text(like, unbatched), ", got ",
           text_of({array.shape(), static_cast<std::size_t>(array.ndim())}));
  const int lead = x.batched ? 1 : 0;
  const int time = lead + (like.channels_last ? 0 : 1),
            channel = lead + (like.channels_last ? 1 : 0);
  x.n = array.shape(time);
  const index_t item = array.itemsize();
  const index_t bytes[] = {x.batched ? array.strides(0) : 0, array.strides(channel),
                           array.strides(time)};
  const bool whole = bytes[0] % item == 0 && bytes[1] % item == 0 && bytes[2] % item == 0;
  if (whole && aligned(array.data(), item) && is_native(array)) {
    set_bounds(x, array);
    x.owner = array, x.data = array.data();
    x.item = bytes[0] / item, x.channel = bytes[1] / item, x.sample = bytes[2] / item;
    return x;
  }
  static_cast<Operand&>(x) = to_operand(value, name);
  SamplesLike dense = like;
  dense.n = x.n;
  const auto block = dense_block(static_cast<float*>(nullptr), dense);  // for its distances alone
  x.item = block.item, x.channel = block.channel, x.sample = block.sample;
  return x;
}

std::unique_ptr<bool[]> to_mask(py::handle value, const char* name, index_t items) {
  const py::array array = as_array(value, name);
  if (array.dtype().kind() != 'b')
    throw py::type_error(sentence(name, " must be an array of bools, got dtype ",
                                  py::str(array.dtype()).cast<std::string>()));
  if (array.ndim() != 1 || array.shape(0) != items)
    refuse(name, " must have shape (", items, ",), one for each item of the batch, got ",
           text_of({array.shape(), static_cast<std::size_t>(array.ndim())}));
  auto mask = std::make_unique<bool[]>(static_cast<std::size_t>(items));
  for (index_t i = 0; i < items; ++i)
    mask[static_cast<std::size_t>(i)] =
        *(static_cast<const char*>(array.data()) + i * array.strides(0)) != 0;
  return mask;
}

}  // namespace fastconv
