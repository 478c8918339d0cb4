// SPDX-License-Identifier: MIT
// Python's scalars, words and per-axis sequences into plain values. Everything here raises
// TypeError or ValueError with the argument's name, what was wanted and what came.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "core/conv_desc.h"
#include "core/types.h"

namespace fastconv {

namespace py = pybind11;

// repr(value), shortened: what came, in a message.
std::string shown(py::handle value);

// Anything with __index__ but a bool.
index_t to_index(py::handle value, const char* name);
bool to_bool(py::handle value, const char* name);
double to_double(py::handle value, const char* name);

bool is_empty_sequence(py::handle value);
// Whether this is an array that cannot stand for a sequence of ints: it has several axes, or
// elements that are no integers. People pass the array itself where its shape is wanted.
bool is_data(py::handle value);
std::string shown_data(py::handle array);  // its shape and dtype

// Per-axis values of a function of `rank` spatial axes: an int, or a sequence of one or of `rank`.
// In one dimension h keeps `trivial`.
struct PerAxis {
  index_t h, w;
};
PerAxis to_per_axis(py::handle value, const char* name, int rank, index_t trivial);

// As to_per_axis, where an entry or the whole may be None: nullopt.
struct OptionalPerAxis {
  std::optional<index_t> h, w;
};
OptionalPerAxis to_optional_per_axis(py::handle value, const char* name, int rank);

// An int, ints, nested (lo, hi) pairs or a word; `pool` refuses 'causal' and 'full'.
struct PaddingPair {
  Padding h, w;
};
PaddingPair to_padding(py::handle value, int rank, bool pool = false);
Padding to_axis_padding(py::handle value);  // one axis: an int, a (lo, hi) pair or a word

PadMode to_pad_mode(py::handle value);

struct ActivationSpec {
  Activation kind = Activation::none;
  double slope = 0.01;  // leaky_relu's
};
ActivationSpec to_activation(py::handle value);

// The keyword arguments that every function has.
struct Options {
  int threads = 1;
  bool channels_last = false;
  bool highest = false;  // precision: plain sums only
};
int to_threads(py::handle value);  // None: the context's, else the default
bool to_channels_last(py::handle data_format);
bool to_highest(py::handle precision);
Options to_options(py::handle threads, py::handle data_format, py::handle precision = py::none());

// Context variables behind `with fastconv.threads(2):` and `with fastconv.precision("highest"):`.
void bind_context(py::module_& m);

}  // namespace fastconv
