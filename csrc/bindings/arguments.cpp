// SPDX-License-Identifier: MIT
// The checks of scalars, words and sequences, and the sentences that refuse them.
#include "bindings/arguments.h"

#include <pybind11/numpy.h>

#include <cstring>

#include "core/require.h"
#include "core/threads.h"

namespace fastconv {
namespace {

PyObject* threads_variable = nullptr;
PyObject* precision_variable = nullptr;

bool is_text(py::handle value, const char* text) {
  return PyUnicode_Check(value.ptr()) && PyUnicode_CompareWithASCIIString(value.ptr(), text) == 0;
}

// The items of a list, tuple, array or other sequence; nothing for a text or what is no sequence. A
// tuple is its own items: as most sequences are tuples, that saves 100 ns for each.
std::optional<py::tuple> items_of(py::handle value) {
  PyObject* o = value.ptr();
  if (PyTuple_CheckExact(o)) return py::reinterpret_borrow<py::tuple>(value);
  if (PyUnicode_Check(o) || PyBytes_Check(o) || !PySequence_Check(o)) return {};
  // Every NumPy array has __index__, but only an array without axes is a number.
  const bool array = py::isinstance<py::array>(value);
  if (array ? py::reinterpret_borrow<py::array>(value).ndim() == 0 : PyIndex_Check(o) != 0)
    return {};
  PyObject* items = PySequence_Tuple(o);
  if (items == nullptr) {
    PyErr_Clear();
    return {};
  }
  return py::reinterpret_steal<py::tuple>(items);
}

template <class Value>
struct Word {
  const char* text;
  Value value;
};

template <class Value, std::size_t n>
std::optional<Value> find_word(py::handle value, const Word<Value> (&words)[n]) {
  for (const auto& word : words)
    if (is_text(value, word.text)) return word.value;
  return {};
}

constexpr Word<PadWord> kPadWords[] = {{"same", PadWord::same},
                                       {"valid", PadWord::valid},
                                       {"same_lower", PadWord::same_lower},
                                       {"causal", PadWord::causal},
                                       {"full", PadWord::full}};
constexpr Word<PadMode> kPadModes[] = {{"zeros", PadMode::zeros},
                                       {"reflect", PadMode::reflect},
                                       {"replicate", PadMode::replicate},
                                       {"circular", PadMode::circular},
                                       {"symmetric", PadMode::symmetric}};
constexpr Word<Activation> kActivations[] = {{"relu", Activation::relu},
                                             {"relu6", Activation::relu6},
                                             {"sigmoid", Activation::sigmoid},
                                             {"tanh", Activation::tanh},
                                             {"silu", Activation::silu},
                                             {"gelu", Activation::gelu},
                                             {"leaky_relu", Activation::leaky_relu},
                                             {"hardswish", Activation::hardswish},
                                             {"hardsigmoid", Activation::hardsigmoid},
                                             {"elu", Activation::elu},
                                             {"softplus", Activation::softplus}};

Padding pair_of(const py::tuple& pair, py::handle given) {
  if (pair.size() != 2)
    throw py::value_error(sentence("padding: a pair must be (lo, hi), got ", shown(given)));
  return {.lo = to_index(pair[0], "padding"), .hi = to_index(pair[1], "padding"), .is_pair = true};
}

// One entry of a padding sequence: an int for both sides, or a (lo, hi) pair.
Padding padding_entry(py::handle entry) {
  if (const auto pair = items_of(entry)) return pair_of(*pair, entry);
  const index_t both = to_index(entry, "padding");
  return {.lo = both, .hi = both};
}

PadWord pad_word(py::handle value) {
  if (const auto word = find_word(value, kPadWords)) return *word;
  throw py::value_error(
      sentence("padding must be ints, pairs or one of 'valid', 'same', 'same_lower', 'causal', "
               "'full', got ",
               shown(value)));
}

py::object context_value(PyObject* variable) {
  PyObject* value = nullptr;
  if (PyContextVar_Get(variable, nullptr, &value) < 0) throw py::error_already_set();
  return value ? py::reinterpret_steal<py::object>(value) : py::none();
}

}  // namespace

std::string shown(py::handle value) {
  std::string text = py::repr(value).cast<std::string>();
  constexpr std::size_t kMost = 80;
  if (text.size() > kMost) {
    std::size_t end = kMost;
    // The text must not end inside a character of several bytes.
    while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text = text.substr(0, end) + "...";
  }
  return text + " (" + Py_TYPE(value.ptr())->tp_name + ")";
}

index_t to_index(py::handle value, const char* name) {
  PyObject* o = value.ptr();
  if (PyLong_CheckExact(o)) {  // most are
    int overflow = 0;
    const long long result = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow == 0) return result;
  }
  const bool is_bool = PyBool_Check(o) || std::strcmp(Py_TYPE(o)->tp_name, "numpy.bool") == 0;
  if (is_bool || !PyIndex_Check(o))
    throw py::type_error(sentence(name, " must be an int, got ", shown(value)));
  PyObject* number = PyNumber_Index(o);
  if (number == nullptr) {  // an array of several elements has the slot but no value
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw py::error_already_set();
    PyErr_Clear();
    throw py::type_error(sentence(name, " must be an int, got ", shown(value)));
  }
  int overflow = 0;
  const long long result = PyLong_AsLongLongAndOverflow(number, &overflow);
  Py_DECREF(number);
  if (overflow != 0) refuse(name, " does not fit 64 bits: ", shown(value));
  return result;
}

bool to_bool(py::handle value, const char* name) {
  if (value.ptr() == Py_True) return true;
  if (value.ptr() == Py_False) return false;
  if (std::strcmp(Py_TYPE(value.ptr())->tp_name, "numpy.bool") == 0)
    return PyObject_IsTrue(value.ptr()) == 1;
  throw py::type_error(sentence(name, " must be a bool, got ", shown(value)));
}

double to_double(py::handle value, const char* name) {
  if (PyBool_Check(value.ptr()) || PyUnicode_Check(value.ptr()))
    throw py::type_error(sentence(name, " must be a number, got ", shown(value)));
  const double result = PyFloat_AsDouble(value.ptr());
  if (result == -1.0 && PyErr_Occurred()) {
    PyErr_Clear();
    throw py::type_error(sentence(name, " must be a number, got ", shown(value)));
  }
  return result;
}

bool is_empty_sequence(py::handle value) {
  const auto items = items_of(value);
  return items && items->empty();
}

bool is_data(py::handle value) {
  if (!py::isinstance<py::array>(value)) return false;
  const auto array = py::reinterpret_borrow<py::array>(value);
  const char kind = array.dtype().kind();
  return array.ndim() > 1 || (array.ndim() == 1 && kind != 'i' && kind != 'u' && kind != 'O');
}

std::string shown_data(py::handle array) {
  return sentence("an array of shape ", py::str(array.attr("shape")).cast<std::string>(),
                  " and dtype ", py::str(array.attr("dtype")).cast<std::string>());
}

PerAxis to_per_axis(py::handle value, const char* name, int rank, index_t trivial) {
  if (PyLong_CheckExact(value.ptr())) {  // this is by far the most common type, and saves 100 ns
    const index_t both = to_index(value, name);
    return {rank == 1 ? trivial : both, both};
  }
  const char* wanted = rank == 1 ? " must be an int or a sequence of one int, got "
                                 : " must be an int or a sequence of one or two ints, got ";
  if (is_data(value)) throw py::type_error(sentence(name, wanted, shown_data(value)));
  if (const auto items = items_of(value)) {
    const auto n = static_cast<int>(items->size());
    if (n != 1 && n != rank) throw py::value_error(sentence(name, wanted, shown(value)));
    const index_t first = to_index((*items)[0], name);
    const index_t last = n == 1 ? first : to_index((*items)[1], name);
    return {rank == 1 ? trivial : first, last};
  }
  const index_t both = to_index(value, name);
  return {rank == 1 ? trivial : both, both};
}

OptionalPerAxis to_optional_per_axis(py::handle value, const char* name, int rank) {
  const auto entry = [&](py::handle item) {
    return item.is_none() ? std::nullopt : std::optional(to_index(item, name));
  };
  if (is_data(value))
    throw py::type_error(sentence(name, " must have one entry or one for each of ", rank,
                                  " axes, got ", shown_data(value)));
  OptionalPerAxis result;
  if (const auto items = items_of(value)) {
    const auto n = static_cast<int>(items->size());
    if (n != 1 && n != rank)
      throw py::value_error(sentence(name, " must have one entry or one for each of ", rank,
                                     " axes, got ", shown(value)));
    result = {entry((*items)[0]), entry((*items)[n == 1 ? 0 : 1])};
  } else {
    result = {entry(value), entry(value)};
  }
  if (rank == 1) result.h = 1;
  return result;
}

PaddingPair to_padding(py::handle value, int rank, bool pool) {
  PaddingPair result;
  if (PyLong_CheckExact(value.ptr())) {
    result.w = padding_entry(value);
    result.h = result.w;
  } else if (PyUnicode_Check(value.ptr())) {
    result.w.word = result.h.word = pad_word(value);
    if (pool && (result.w.word == PadWord::causal || result.w.word == PadWord::full))
      refuse("padding: ", shown(value),
             " is for convolutions; a pool takes ints, pairs, 'valid', "
             "'same' or 'same_lower'");
    if (result.w.word == PadWord::causal && rank != 1)
      refuse("padding: 'causal' is for one dimension only; got it with two");
  } else if (const auto items = items_of(value)) {
    const auto n = static_cast<int>(items->size());
    if (n != 1 && n != rank)
      throw py::value_error(
          sentence("padding must be an int, a word, ", rank, " ints or (lo, hi) pairs such as ",
                   rank == 1 ? "((1, 2),)" : "((1, 2), (3, 4))", ", got ", shown(value)));
    result.h = padding_entry((*items)[0]);
    result.w = n == 1 ? result.h : padding_entry((*items)[1]);
  } else {
    result.h = result.w = padding_entry(value);
  }
  if (rank == 1) result.h = {.word = PadWord::valid};
  return result;
}

Padding to_axis_padding(py::handle value) {
  if (PyUnicode_Check(value.ptr())) return {.word = pad_word(value)};
  if (const auto items = items_of(value); items && items->size() == 1)
    return padding_entry((*items)[0]);
  return padding_entry(value);
}

PadSpec to_pad_spec(py::handle value) {
  if (const auto mode = find_word(value, kPadModes)) return {*mode, 0};
  if (const auto items = items_of(value); items && items->size() == 2) {
    const py::object word = (*items)[0];
    if (is_text(word, "constant")) {
      const double constant = to_double((*items)[1], "padding_mode: the constant");
      if (constant == 0) return {};
      return {PadMode::constant, constant};
    }
  }
  throw py::value_error(
      sentence("padding_mode must be 'zeros', 'reflect', 'replicate', 'circular', 'symmetric' or "
               "('constant', value), got ",
               shown(value)));
}

ActivationSpec to_activation(py::handle value, bool by_channel) {
  if (value.is_none()) return {};
  ActivationSpec spec;
  if (const auto kind = find_word(value, kActivations)) {
    spec.kind = *kind;
    if (*kind == Activation::elu) spec.slope = 1;
    return spec;
  }
  if (const auto items = items_of(value); items && items->size() == 2) {
    const py::object name = (*items)[0], parameter = (*items)[1];
    if (is_text(name, "elu"))
      return {Activation::elu, to_double(parameter, "activation: elu's alpha"), {}};
    if (is_text(name, "leaky_relu"))
      return {Activation::leaky_relu, to_double(parameter, "activation: leaky_relu's slope"), {}};
    if (is_text(name, "prelu")) {
      require(by_channel,
              "activation: prelu can be fused into convolutions only; use fastconv.prelu");
      return {Activation::leaky_relu, 0, parameter};
    }
  }
  throw py::value_error(
      sentence("activation must be None, 'relu', 'relu6', 'leaky_relu', ('leaky_relu', slope), "
               "('prelu', slopes), 'sigmoid', 'tanh', 'silu', 'gelu', 'hardswish', 'hardsigmoid', "
               "'elu', ('elu', alpha) or 'softplus', got ",
               shown(value)));
}

py::object activation_object(const ActivationSpec& spec) {
  for (const auto& word : kActivations)
    if (word.value == spec.kind) {
      const bool has_parameter =
          spec.kind == Activation::leaky_relu || spec.kind == Activation::elu;
      if (!has_parameter) return py::str(word.text);
      return py::make_tuple(word.text, spec.slope);
    }
  return py::none();
}

int to_threads(py::handle value) {
  py::object asked = py::reinterpret_borrow<py::object>(value);
  if (asked.is_none()) asked = context_value(threads_variable);
  if (asked.is_none()) return default_threads();
  const index_t threads = to_index(asked, "threads");
  require(threads >= 1 && threads <= kMaxThreads, "threads must be from 1 to ", kMaxThreads,
          ", got ", threads);
  return static_cast<int>(threads);
}

bool to_channels_last(py::handle data_format) {
  if (is_text(data_format, "channels_first")) return false;
  if (is_text(data_format, "channels_last")) return true;
  throw py::value_error(sentence("data_format must be 'channels_first' or 'channels_last', got ",
                                 shown(data_format)));
}

Precision to_precision(py::handle precision) {
  py::object asked = py::reinterpret_borrow<py::object>(precision);
  if (asked.is_none()) asked = context_value(precision_variable);
  if (asked.is_none() || is_text(asked, "high")) return Precision::high;
  if (is_text(asked, "highest")) return Precision::highest;
  if (is_text(asked, "medium")) return Precision::medium;
  throw py::value_error(
      sentence("precision must be None, 'medium', 'high' or 'highest', got ", shown(asked)));
}

Options to_options(py::handle threads, py::handle data_format, py::handle precision) {
  return {to_threads(threads), to_channels_last(data_format), to_precision(precision)};
}

void bind_context(py::module_& m) {
  threads_variable = PyContextVar_New("fastconv.threads", nullptr);
  precision_variable = PyContextVar_New("fastconv.precision", nullptr);
  if (threads_variable == nullptr || precision_variable == nullptr) throw py::error_already_set();
  m.attr("threads_variable") = py::handle(threads_variable);
  m.attr("precision_variable") = py::handle(precision_variable);
  m.def("check_threads", [](py::handle value) { return to_threads(value); });
  m.def("check_precision", [](py::handle value) {
    const Precision precision = to_precision(value);
    return precision == Precision::high      ? "high"
           : precision == Precision::highest ? "highest"
                                             : "medium";
  });
}

}  // namespace fastconv
