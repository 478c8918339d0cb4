// SPDX-License-Identifier: MIT
// Makes plain values of Python's scalars, words and sequences with a value for each axis.
// Everything here raises TypeError or ValueError with the argument's name, what was wanted and what
// came.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "core/conv_desc.h"
#include "core/types.h"

namespace fastconv {

namespace py = pybind11;

// What came, as a message shows it: repr(value), shortened.
std::string shown(py::handle value);

// to_index takes anything that has __index__ and is no bool.
index_t to_index(py::handle value, const char* name);
bool to_bool(py::handle value, const char* name);
double to_double(py::handle value, const char* name);

bool is_empty_sequence(py::handle value);
// Whether this is an array that cannot stand for a sequence of ints: it has several axes, or
// elements that are no integers. People pass the array itself where its shape is wanted.
bool is_data(py::handle value);
std::string shown_data(py::handle array);  // its shape and dtype

// The value for each axis of a function of `rank` spatial axes, from an int or from a sequence of
// one or of `rank` ints. In one dimension h becomes `trivial`.
struct PerAxis {
  index_t h, w;
};
PerAxis to_per_axis(py::handle value, const char* name, int rank, index_t trivial);

// The same where an item or the whole argument may be None, which becomes nullopt.
struct OptionalPerAxis {
  std::optional<index_t> h, w;
};
OptionalPerAxis to_optional_per_axis(py::handle value, const char* name, int rank);

// The padding of both axes, from an int, several ints, nested (lo, hi) pairs or a word. For a pool
// the words 'causal' and 'full' are refused.
struct PaddingPair {
  Padding h, w;
};
PaddingPair to_padding(py::handle value, int rank, bool pool = false);
Padding to_axis_padding(py::handle value);  // one axis: an int, a (lo, hi) pair or a word

// What stands in the padding. A constant of 0 is PadMode::zeros.
struct PadSpec {
  PadMode mode = PadMode::zeros;
  double value = 0;  // of PadMode::constant
};
PadSpec to_pad_spec(py::handle value);

struct ActivationSpec {
  Activation kind = Activation::none;
  double slope = 0.01;  // of leaky_relu below 0, or elu's alpha
  py::object slopes;    // of prelu, which is a leaky_relu, as they came; see to_slopes
};
// With `by_channel` also ("prelu", slopes), whose slopes the caller then has to look at.
ActivationSpec to_activation(py::handle value, bool by_channel = false);
// The other way, of a spec without slopes: None, a word, or a word and its parameter.
py::object activation_object(const ActivationSpec& spec);

// The keyword arguments that every function has.
struct Options {
  int threads = 1;
  bool channels_last = false;
  Precision precision = Precision::high;
};
int to_threads(py::handle value);  // None means the number of the context, or else the default
bool to_channels_last(py::handle data_format);
// None means the word of the context, or else "high".
Precision to_precision(py::handle precision);
Options to_options(py::handle threads, py::handle data_format, py::handle precision = py::none());

// Defines the context variables behind `with fastconv.threads(2):` and
// `with fastconv.precision("highest"):`.
void bind_context(py::module_& m);

}  // namespace fastconv
