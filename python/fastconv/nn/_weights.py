"""Where weights come from: files, models and mappings of other libraries, as named arrays."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fastconv._native import as_array

from ._checks import Array

Named = dict[str, Array]


def torch_arrays(state: Any) -> Named:
    """The arrays of a torch module, of a mapping, or of a file, by their names."""
    if isinstance(state, str | os.PathLike):
        return _of_file(state)
    if not isinstance(state, Mapping) and hasattr(state, "state_dict"):
        state = state.state_dict()
    if not isinstance(state, Mapping):
        raise TypeError(
            "state must be a mapping of names to arrays, a torch module or the path of a file, "
            f"got {type(state).__name__}"
        )
    return {name: _array(value, f"state[{name!r}]") for name, value in state.items()}


def keras_arrays(weights: Any) -> Named:
    """The arrays of a Keras model, of what its ``get_weights`` gives, a mapping, or a file."""
    if isinstance(weights, str | os.PathLike):
        return _of_file(weights)
    if not isinstance(weights, Mapping | list | tuple) and hasattr(weights, "weights"):
        variables = list(weights.weights)
        by_path = {getattr(variable, "path", ""): variable for variable in variables}
        weights = by_path if len(by_path) == len(variables) else variables
    if isinstance(weights, Mapping):
        return {name: _array(value, f"weights[{name!r}]") for name, value in weights.items()}
    if isinstance(weights, str) or not isinstance(weights, Iterable):
        raise TypeError(
            "weights must be a Keras model, a list of arrays, a mapping of names to arrays or the "
            f"path of a file, got {type(weights).__name__}"
        )
    return {str(i): _array(value, f"weights[{i}]") for i, value in enumerate(weights)}


def _array(value: Any, name: str) -> Array:
    """A tensor or variable of any library as an array."""
    if hasattr(value, "detach"):  # torch hands out no memory of what it differentiates
        value = value.detach()
    elif not isinstance(value, np.ndarray) and hasattr(value, "numpy"):
        value = value.numpy()
    return as_array(value, name)


def _of_file(path: str | os.PathLike[str]) -> Named:
    kind = Path(path).suffix
    if kind == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    if kind == ".safetensors":
        try:
            from safetensors.numpy import load_file
        except ImportError as error:
            raise ImportError(
                "fastconv.nn needs safetensors 0.4 or later for such files: "
                "pip install 'fastconv[safetensors]'"
            ) from error
        found: Named = load_file(path)
        # The format keeps no order: names such as features.2 come before features.10.
        return dict(sorted(found.items(), key=lambda item: _natural(item[0])))
    raise ValueError(f"the file must be .npz or .safetensors, got {os.fspath(path)!r}")


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """What sorts numbers in names by their value, and a layer's weight before its bias."""
    *layer, leaf = re.split(r"[./]", name)
    parts = [p for part in layer for p in re.split(r"(\d+)", part)]
    order = [leaf for leaf, _ in _LEAVES]
    last = order.index(leaf) if leaf in order else len(order)
    return [(not p.isdigit(), int(p) if p.isdigit() else 0, p) for p in parts] + [
        (True, last, leaf)
    ]


# The last parts of names, in the order in which a layer has them, and what we call them.
_LEAVES = (
    ("weight", "weight"),
    ("depthwise_kernel", "weight"),
    ("pointwise_kernel", "weight"),
    ("kernel", "weight"),
    ("alpha", "weight"),
    ("gamma", "weight"),
    ("bias", "bias"),
    ("beta", "bias"),
    ("running_mean", "running_mean"),
    ("moving_mean", "running_mean"),
    ("running_var", "running_var"),
    ("moving_variance", "running_var"),
    ("num_batches_tracked", "num_batches_tracked"),
)


def role_of(name: str) -> str | None:
    """What an entry is for in our words; None if its name does not tell."""
    return dict(_LEAVES).get(re.split(r"[./]", name)[-1])


def layer_of(name: str) -> str:
    """The name without its last part."""
    return re.sub(r"[./]?[^./]*$", "", name)
