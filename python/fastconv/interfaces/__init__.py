"""Other libraries and fastconv: a module for each of them.

Each imports its library when it is imported itself, never before; where the library is missing,
its ImportError names the extra that installs it.

- `fastconv.interfaces.autograd`: primitives of HIPS autograd.
- `fastconv.interfaces.dask`: arrays in chunks, larger than the memory.
- `fastconv.interfaces.keras`: Keras on its NumPy backend.
- `fastconv.interfaces.onnx`: operators for ``onnx.reference``.
- `fastconv.interfaces.scipy_ndimage`: the filters of ``scipy.ndimage``.
- `fastconv.interfaces.scipy_signal`: the convolutions and filters of `scipy.signal`.
- `fastconv.interfaces.skimage_feature`: template matching, as in scikit-image.
- `fastconv.interfaces.threadpoolctl`: ``threadpool_limits`` reaches fastconv.
- `fastconv.interfaces.torch`: PyTorch's functions on CPU tensors, and its models, on our kernels.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastconv.interfaces import (
        autograd,
        dask,
        keras,
        onnx,
        scipy_ndimage,
        scipy_signal,
        skimage_feature,
        threadpoolctl,
        torch,
    )

__all__ = [
    "autograd",
    "dask",
    "keras",
    "onnx",
    "scipy_ndimage",
    "scipy_signal",
    "skimage_feature",
    "threadpoolctl",
    "torch",
]


def __getattr__(name: str) -> Any:
    """Import a module of this package when it is first used."""
    if name in __all__:
        return import_module(f"fastconv.interfaces.{name}")
    raise AttributeError(f"module 'fastconv.interfaces' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
