"""Pools of a signal that comes in blocks of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastconv import _native
from fastconv._docs import completed_by
from fastconv._stream import BaseStream, align_of
from fastconv.stream import ConvStream1d
from fastconv.typing import Float

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import DTypeLike

    from fastconv.typing import DataFormat, PerAxis

    Align = Literal["causal", "stride"]

__all__ = ["AvgPoolStream1d", "MaxPoolStream1d"]

_MAX, _AVERAGE = 2, 3  # as csrc/algorithms/stream/desc.h numbers them


class _PoolStream(BaseStream[Float]):
    _op = _MAX

    def _make(self, divisor: object, arguments: dict[str, object]) -> None:
        kernel, stride, align = (arguments[k] for k in ("kernel_size", "stride", "align"))
        if stride is None or (isinstance(stride, tuple | list) and len(stride) == 0):
            stride = kernel
        last = align_of(align, stride)
        self._arguments = arguments | {"dtype": np.dtype(arguments["dtype"])}  # type: ignore[call-overload]
        self._adopt(_native.make_stream(
            self._op, None, None, kernel, stride, arguments["dilation"], 1, arguments["channels"],
            arguments["batch"], None, arguments["data_format"], last, divisor, "auto",
            arguments["threads"], self._arguments["dtype"],
        ))  # fmt: skip
        self._lags, self._sees = last, self._stream.past + 1


@completed_by(ConvStream1d)
class MaxPoolStream1d(_PoolStream[Float]):
    """The largest of the last samples, of a signal that comes in blocks of any length.

    Each output is the maximum of `kernel_size` samples, `dilation` apart, as `max_pool1d` gives it.
    Windows that begin before the signal hold what is there: as `max_pool1d` with a padding of
    ``dilation*(kernel_size - 1)`` on the left, or with ``align="stride"`` of `stride` less than
    the window is long. NaN wins over all.

    Parameters
    ----------
    kernel_size : int
        The samples of a window.
    stride : int, default kernel_size
        An output comes with every so many samples.
    dilation : int, default 1
        From one sample of a window to the next.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> stream = fastconv.MaxPoolStream1d(2, channels=1, align="stride")
    >>> stream(np.array([[1, 3, 2]], np.float32)), stream.finish()
    (array([[3.]], dtype=float32), array([[[2.]]], dtype=float32))
    """

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        dilation: PerAxis = 1,
        *,
        channels: int,
        batch: int = 1,
        data_format: DataFormat = "channels_first",
        align: Align = "causal",
        threads: int | None = 1,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self._make(1, {
            "kernel_size": kernel_size, "stride": stride, "dilation": dilation,
            "channels": channels, "batch": batch, "data_format": data_format, "align": align,
            "threads": threads, "dtype": dtype,
        })  # fmt: skip


@completed_by(MaxPoolStream1d)
class AvgPoolStream1d(_PoolStream[Float]):
    """The average of the last samples, of a signal that comes in blocks of any length.

    Each output is the sum of `kernel_size` samples, `dilation` apart, divided by their number, as
    `avg_pool1d` gives it. Zeros stand for what was before the signal, and count: as `avg_pool1d`
    with a padding of ``dilation*(kernel_size - 1)`` on the left, or with ``align="stride"`` of
    `stride` less than the window is long.

    Parameters
    ----------
    divisor_override : int, optional
        What sums are divided by instead.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> stream = fastconv.AvgPoolStream1d(2, 1, channels=1)
    >>> stream(np.array([[1, 3]], np.float32)), stream(np.array([[5]], np.float32))
    (array([[0.5, 2. ]], dtype=float32), array([[4.]], dtype=float32))
    """

    _op = _AVERAGE

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        *,
        dilation: PerAxis = 1,
        divisor_override: int | None = None,
        channels: int,
        batch: int = 1,
        data_format: DataFormat = "channels_first",
        align: Align = "causal",
        threads: int | None = 1,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self._make(divisor_override, {
            "kernel_size": kernel_size, "stride": stride, "dilation": dilation,
            "divisor_override": divisor_override, "channels": channels, "batch": batch,
            "data_format": data_format, "align": align, "threads": threads, "dtype": dtype,
        })  # fmt: skip
