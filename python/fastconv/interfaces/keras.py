"""fastconv for Keras 3 on its NumPy backend: convolutions and pools by our kernels, not by JAX.

::

    import os
    os.environ["KERAS_BACKEND"] = "numpy"
    from fastconv.interfaces import keras as fast
    fast.install()

From then on ``keras.ops`` and every layer of Keras in this process calls fastconv for what it
takes: float32 and float64 in one and two dimensions. All else goes to Keras's own code: three
dimensions, other dtypes, arguments that Keras is to refuse.
"""

from __future__ import annotations

import inspect
from collections import Counter
from functools import wraps
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

import fastconv

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

__all__ = ["counts", "install", "uninstall"]

try:
    import keras
    from keras.src.backend.config import standardize_data_format
except ImportError as error:
    try:
        _found = f", got {version('keras')}"
    except PackageNotFoundError:
        _found = ""
    raise ImportError(
        f"fastconv.interfaces.keras needs keras 3.15 or later{_found}, and KERAS_BACKEND=numpy in "
        "the environment: pip install 'fastconv[keras]'"
    ) from error

# Where the functions of the NumPy backend are: Keras has the second one from version 3.16 on, and
# for a while both.
_MODULES = ("keras.src.backend.numpy.nn", "keras.src.backend.numpy.ops.nn")

_replaced: dict[tuple[str, str], Callable[..., Any]] = {}  # by module and name
_counts: Counter[tuple[str, bool]] = Counter()  # by name, and whether we took the call


def _floats(*arrays: Any) -> bool:
    """Whether all of them are arrays of one dtype that our functions compute in."""
    return all(
        isinstance(a, np.ndarray) and a.dtype == arrays[0].dtype and 0 not in a.shape[1:]
        for a in arrays
    ) and arrays[0].dtype in (np.float32, np.float64)


def _spatial(value: Any, rank: int) -> tuple[int, ...] | None:
    """An int or a sequence for each axis; None where only Keras may know what it is."""
    if isinstance(value, int):
        return (value,) * rank
    return tuple(value) if isinstance(value, tuple | list) and len(value) == rank else None


def _plain(value: Any) -> Any:
    """The array of a variable, or the array."""
    return value if isinstance(value, np.ndarray) or not hasattr(value, "numpy") else value.numpy()


def _geometry(
    inputs: Any, kernel: Sequence[int], strides: Any, padding: Any, dilation: Any, data_format: Any
) -> dict[str, Any] | None:
    """Return what convolutions and pools share in our words; None where Keras is to judge."""
    rank = len(kernel)
    stride, rate = _spatial(strides, rank), _spatial(dilation, rank)
    if stride is None or rate is None or padding not in ("valid", "same"):
        return None
    lengths = inputs.shape[1:-1] if data_format == "channels_last" else inputs.shape[2:]
    reach = [d * (k - 1) + 1 for d, k in zip(rate, kernel, strict=True)]
    if padding == "valid" and any(n < k for n, k in zip(lengths, reach, strict=True)):
        return None
    return {"stride": stride, "padding": padding, "dilation": rate, "data_format": data_format}


def _channels(inputs: Any, data_format: str) -> int:
    return int(inputs.shape[-1 if data_format == "channels_last" else 1])


def _weights_first(kernel: Any, rank: int) -> Any:
    """Keras's (*kernel, in, out) as our (out, in, *kernel)."""
    return kernel.transpose(rank + 1, rank, *range(rank))


def _conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", data_format: Any = None,
    dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    data_format = standardize_data_format(data_format)
    inputs, kernel = _plain(inputs), _plain(kernel)
    if not _floats(inputs, kernel) or inputs.ndim not in (3, 4) or kernel.ndim != inputs.ndim:
        return None
    rank, channels = inputs.ndim - 2, _channels(inputs, data_format)
    geometry = _geometry(inputs, kernel.shape[:rank], strides, padding, dilation_rate, data_format)
    groups, rest = divmod(channels, kernel.shape[rank])
    if geometry is None or rest or kernel.shape[-1] % groups:
        return None
    conv: Any = fastconv.conv1d if rank == 1 else fastconv.conv2d
    return conv(inputs, _weights_first(kernel, rank), groups=groups, **geometry)


def _depthwise_conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", data_format: Any = None,
    dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    data_format = standardize_data_format(data_format)
    inputs, kernel = _plain(inputs), _plain(kernel)
    if not _floats(inputs, kernel) or inputs.ndim not in (3, 4) or kernel.ndim != inputs.ndim:
        return None
    if kernel.shape[-2] != _channels(inputs, data_format):
        return None
    # (*kernel, channels, multiplier): the outputs of one channel are neighbours, as ours are.
    merged = kernel.reshape(*kernel.shape[:-2], 1, -1)
    return _conv(inputs, merged, strides, padding, data_format, dilation_rate)


def _separable_conv(
    inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1,
    padding: Any = "valid", data_format: Any = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    y = _depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return None if y is None else _conv(y, pointwise_kernel, 1, "valid", data_format)


def _cropped(
    kernel: int, stride: int, padding: str, output_padding: int | None
) -> tuple[int, int, int]:
    """Keras's padding of a transposed convolution as our (lo, hi) and output_padding.

    `kernel` is the length of the dilated kernel. Keras pads for a convolution over the input with
    zeros between its elements; we crop its full result, which has ``kernel - 1`` on either side.
    """
    if padding == "valid":
        left = kernel - 1
        right = left + (max(0, stride - kernel) if output_padding is None else output_padding)
    else:
        if output_padding is None:  # a result of n * stride
            total = stride + kernel - 2
        else:
            total = kernel + kernel % 2 - 2 + output_padding
        left = min(total - total // 2, kernel - 1)
        right = total - left
    return kernel - 1 - left, max(0, kernel - 1 - right), max(0, right - kernel + 1)


def _conv_transpose(
    inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", output_padding: Any = None,
    data_format: Any = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    data_format = standardize_data_format(data_format)
    inputs, kernel = _plain(inputs), _plain(kernel)
    if not _floats(inputs, kernel) or inputs.ndim not in (3, 4) or kernel.ndim != inputs.ndim:
        return None
    rank = inputs.ndim - 2
    stride, rate = _spatial(strides, rank), _spatial(dilation_rate, rank)
    more = (None,) * rank if output_padding is None else _spatial(output_padding, rank)
    known = padding in ("valid", "same") and stride is not None and rate is not None
    if not known or more is None or kernel.shape[-1] != _channels(inputs, data_format):
        return None
    assert stride is not None
    assert rate is not None
    axes = [
        _cropped(d * (k - 1) + 1, s, padding, o)
        for k, s, d, o in zip(kernel.shape[:rank], stride, rate, more, strict=True)
    ]
    if any(lo < 0 or o >= max(s, d) for (lo, _, o), s, d in zip(axes, stride, rate, strict=True)):
        return None
    conv: Any = fastconv.conv_transpose1d if rank == 1 else fastconv.conv_transpose2d
    return conv(
        inputs, _weights_first(kernel, rank), stride=stride, dilation=rate,
        padding=tuple((lo, hi) for lo, hi, _ in axes), output_padding=tuple(o for *_, o in axes),
        data_format=data_format,
    )  # fmt: skip


def _windows(
    inputs: Any, pool_size: Any, strides: Any, padding: Any, data_format: Any
) -> dict[str, Any] | None:
    data_format = standardize_data_format(data_format)
    if not _floats(inputs) or inputs.ndim not in (3, 4):
        return None
    sizes = _spatial(pool_size, inputs.ndim - 2)
    if sizes is None:
        return None
    step = sizes if strides is None else strides
    geometry = _geometry(inputs, sizes, step, padding, 1, data_format)
    return None if geometry is None else {"kernel_size": sizes, **geometry}


def _max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: Any = "valid",
    data_format: Any = None,
) -> Any:  # fmt: skip
    windows = _windows(inputs, pool_size, strides, padding, data_format)
    pool: Any = fastconv.max_pool1d if inputs.ndim == 3 else fastconv.max_pool2d
    return None if windows is None else pool(inputs, **windows)


def _average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: Any = "valid",
    data_format: Any = None,
) -> Any:  # fmt: skip
    windows = _windows(inputs, pool_size, strides, padding, data_format)
    pool: Any = fastconv.avg_pool1d if inputs.ndim == 3 else fastconv.avg_pool2d
    return None if windows is None else pool(inputs, **windows, count_include_pad=False)


_OURS: dict[str, Callable[..., Any]] = {
    "conv": _conv,
    "depthwise_conv": _depthwise_conv,
    "separable_conv": _separable_conv,
    "conv_transpose": _conv_transpose,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
}


def _joined(name: str, theirs: Callable[..., Any]) -> Callable[..., Any]:
    """A function that computes by ours, and by theirs where ours returns None."""
    ours = _OURS[name]

    @wraps(theirs)
    def call(*args: Any, **options: Any) -> Any:
        y = ours(*args, **options)
        _counts[name, y is not None] += 1
        return theirs(*args, **options) if y is None else y

    return call


def _backend_modules() -> list[ModuleType]:
    """The modules to patch; an ImportError if this Keras is not one that we know."""
    found = []
    for name in _MODULES:
        try:
            found.append(import_module(name))
        except ModuleNotFoundError as error:
            if not name.startswith(error.name or "?"):
                raise ImportError(
                    f"the NumPy backend of keras {keras.__version__} needs {error.name}: "
                    "pip install 'fastconv[keras]'"
                ) from error
    for module in found:
        for name, ours in _OURS.items():
            theirs = getattr(module, name, None)
            if theirs is None or list(inspect.signature(theirs).parameters) != list(
                inspect.signature(ours).parameters
            ):
                raise ImportError(
                    f"fastconv.interfaces.keras cannot patch keras {keras.__version__}, whose "
                    f"{module.__name__}.{name} is not as it was in 3.15"
                )
    if not found:
        raise ImportError(
            f"fastconv.interfaces.keras cannot patch keras {keras.__version__}, which has no "
            f"{' nor '.join(_MODULES)}"
        )
    return found


def install() -> None:
    """Let the NumPy backend of Keras call fastconv, in this process, until `uninstall`.

    Convolutions (also depthwise, separable and transposed ones), maximum and average pools in one
    and two dimensions, float32 and float64. Twice does nothing more than once.

    Raises
    ------
    RuntimeError
        If Keras runs on another backend. It is chosen by the environment variable KERAS_BACKEND
        before Keras is imported.
    ImportError
        If this version of Keras has not the functions that are replaced, or has others; nothing is
        changed then.

    See Also
    --------
    counts : What was taken since.

    Examples
    --------
    ::

        import os
        os.environ["KERAS_BACKEND"] = "numpy"
        import keras
        from fastconv.interfaces.keras import install
        install()
        y = keras.ops.conv(x, kernel, padding="same")
    """
    if _replaced:
        return
    if keras.config.backend() != "numpy":
        raise RuntimeError(
            "fastconv.interfaces.keras is for the NumPy backend: set KERAS_BACKEND=numpy before "
            f"keras is imported; it runs on {keras.config.backend()!r}"
        )
    _counts.clear()
    for module in _backend_modules():
        for name in _OURS:
            theirs = getattr(module, name)
            _replaced[module.__name__, name] = theirs
            setattr(module, name, _joined(name, theirs))


def uninstall() -> None:
    """Give Keras its own functions back; without `install` nothing happens."""
    while _replaced:
        (module, name), theirs = _replaced.popitem()
        setattr(import_module(module), name, theirs)


def counts() -> dict[str, tuple[int, int]]:
    """Return for each function how many calls fastconv took since `install`, and how many Keras.

    Returns
    -------
    counts : dict of str to (int, int)
        By the names of the backend's functions, such as ``"conv"``.
    """
    return {name: (_counts[name, True], _counts[name, False]) for name in _OURS}
