"""The hand-written stub of the native module has each function's true number of arguments.

Its names are checked by ``python -m mypy.stubtest``, which cannot see the arguments of compiled
functions; pybind11 writes them into their docstrings.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import fastconv
from fastconv import _native

STUB = Path(fastconv.__file__).with_name("_native.pyi")


def stub_arguments():
    """How many arguments each function of the stub has."""
    tree = ast.parse(STUB.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {f.name: len(f.args.posonlyargs) + len(f.args.args) for f in functions}


def native_arguments():
    """How many arguments each compiled function has."""
    functions = {
        name: value
        for name, value in vars(_native).items()
        if inspect.isroutine(value) and not name.startswith("_")
    }
    return {name: value.__doc__.split("\n")[0].count(": ") for name, value in functions.items()}


def test_stub_has_the_arguments_of_the_native_module():
    assert stub_arguments() == native_arguments()


def test_types_are_marked_as_part_of_the_package():
    assert STUB.with_name("py.typed").is_file()
