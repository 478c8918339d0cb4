// SPDX-License-Identifier: MIT
// Functions that Python calls by position only, without pybind11's dispatcher: for a call with 16
// arguments this saves 0.2 of 1.1 us. Arguments come unchecked; bindings/arguments checks them.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <type_traits>
#include <utility>

namespace fastconv {

namespace py = pybind11;

// Casts an argument that Python's half of fastconv fills in, and not the user.
template <class T>
T given(PyObject* value) {
  if constexpr (std::is_same_v<T, py::handle>)
    return value;
  else
    return py::handle(value).cast<T>();
}

inline PyObject* wrong_count(std::size_t wanted, Py_ssize_t got) {
  PyErr_Format(PyExc_TypeError, "wanted %zu positional arguments, got %zd", wanted, got);
  return nullptr;
}

using FastFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t) noexcept;

inline PyMethodDef fast_method(const char* name, FastFunction function, const char* doc) {
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function)),
          METH_FASTCALL, doc};
}

// A docstring like pybind11's.
inline std::string signature(const char* name, std::size_t arguments) {
  std::string text = name + std::string("(");
  for (std::size_t i = 0; i < arguments; ++i)
    text += (i ? ", arg" : "arg") + std::to_string(i) + ": object";
  return text + ") -> object";
}

inline py::object new_function(PyMethodDef* method, PyObject* self, py::handle module) {
  PyObject* function = PyCFunction_NewEx(method, self, module.ptr());
  if (function == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(function);
}

// The arguments of a call as the named fields of an aggregate, in the order in which Python passes
// them: each field is initialised by the argument at its place.
struct Argument {
  PyObject* value;
  template <class T>
  operator T() const {
    return given<T>(value);
  }
};
template <class Fields, std::size_t... i>
constexpr bool takes_arguments(std::index_sequence<i...>) {
  return requires { Fields{(void(i), Argument{})...}; };
}
// How many fields an aggregate has: the most arguments that it takes.
template <class Fields, std::size_t n = 0>
constexpr std::size_t count_fields() {
  if constexpr (takes_arguments<Fields>(std::make_index_sequence<n + 1>()))
    return count_fields<Fields, n + 1>();
  else
    return n;
}

template <auto kFunction>
struct FastCall;

template <class R, class Fields, R (*kFunction)(const Fields&)>
  requires std::is_aggregate_v<Fields>
struct FastCall<kFunction> {
  static constexpr std::size_t arguments = count_fields<Fields>();
  static PyObject* call(PyObject*, PyObject* const* args, Py_ssize_t n) noexcept {
    if (n != Py_ssize_t{arguments}) return wrong_count(arguments, n);
    try {
      return run(args, std::make_index_sequence<arguments>());
    } catch (...) {
      py::detail::try_translate_exceptions();
      return nullptr;
    }
  }

 private:
  template <std::size_t... i>
  static PyObject* run(PyObject* const* args, std::index_sequence<i...>) {
    return kFunction(Fields{Argument{args[i]}...}).release().ptr();
  }
};

template <class R, class... Args, R (*kFunction)(Args...)>
  requires(!(std::is_aggregate_v<std::decay_t<Args>> || ...))
struct FastCall<kFunction> {
  static constexpr std::size_t arguments = sizeof...(Args);
  static PyObject* call(PyObject*, PyObject* const* args, Py_ssize_t n) noexcept {
    if (n != sizeof...(Args)) return wrong_count(sizeof...(Args), n);
    try {
      return run(args, std::index_sequence_for<Args...>());
    } catch (...) {
      py::detail::try_translate_exceptions();
      return nullptr;
    }
  }

 private:
  template <std::size_t... i>
  static PyObject* run(PyObject* const* args, std::index_sequence<i...>) {
    return kFunction(given<std::decay_t<Args>>(args[i])...).release().ptr();
  }
};

// The same for an object: PyCFunction's self is a capsule of the object's address, which keeps
// `owner` alive.
template <class Object, class... Args>
struct FastMethod {
  template <py::object (Object::*kMethod)(Args...) const>
  static PyObject* call(PyObject* self, PyObject* const* args, Py_ssize_t n) noexcept {
    if (n != sizeof...(Args)) return wrong_count(sizeof...(Args), n);
    try {
      const auto* object = static_cast<const Object*>(PyCapsule_GetPointer(self, nullptr));
      return run<kMethod>(*object, args, std::index_sequence_for<Args...>());
    } catch (...) {
      py::detail::try_translate_exceptions();
      return nullptr;
    }
  }

 private:
  template <py::object (Object::*kMethod)(Args...) const, std::size_t... i>
  static PyObject* run(const Object& object, PyObject* const* args, std::index_sequence<i...>) {
    return (object.*kMethod)(given<std::decay_t<Args>>(args[i])...).release().ptr();
  }
};

// A method as a function of the module, bound to the object `self`: Python takes twice as long to
// reach a method.
template <class Call, auto kMethod>
py::object bound_function(const py::object& self, void* object, const char* name, const char* doc) {
  static PyMethodDef method = fast_method(name, &Call::template call<kMethod>, doc);
  PyObject* capsule = PyCapsule_New(object, nullptr, [](PyObject* ended) {
    Py_DECREF(static_cast<PyObject*>(PyCapsule_GetContext(ended)));
  });
  if (capsule == nullptr) throw py::error_already_set();
  const auto owner = py::reinterpret_steal<py::object>(capsule);
  if (PyCapsule_SetContext(capsule, py::object(self).release().ptr()) != 0)
    throw py::error_already_set();
  return new_function(&method, capsule, py::none());
}

template <auto kFunction>
void def_fast(py::module_& m, const char* name) {
  static const std::string doc = signature(name, FastCall<kFunction>::arguments);
  static PyMethodDef method = fast_method(name, &FastCall<kFunction>::call, doc.c_str());
  m.attr(name) = new_function(&method, nullptr, m.attr("__name__"));
}

}  // namespace fastconv
