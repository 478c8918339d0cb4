"""Streams: causal layers that remember their signal, and take it in blocks of any length.

Each output is a sum whose terms are added in an order that never changes, so that not one bit of it
depends on how the signal was cut into blocks; but for long filters, parts of which are transformed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastconv import _native
from fastconv._docs import completed_by
from fastconv._stream import BaseStream, align_of
from fastconv.typing import Float

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import DTypeLike, NDArray

    from fastconv.typing import Activation, Algorithm, DataFormat, PerAxis, Precision

    Align = Literal["causal", "stride"]

__all__ = ["ConvStream1d", "ConvTransposeStream1d", "causal_conv1d"]

_CONV, _TRANSPOSED = 0, 1  # as csrc/algorithms/stream/desc.h numbers them


def _copied(value: object, name: str) -> NDArray[Any]:
    return np.array(_native.as_array(value, name))


def _weight(value: object, dtype: DTypeLike) -> NDArray[Any]:
    """Return a copy of the weights, which must have the dtype of the stream."""
    weight, wanted = _copied(value, "weight"), np.dtype(dtype)
    if weight.dtype.newbyteorder("=") != wanted:
        raise TypeError(f"weight must have the argument dtype, {wanted}, got {weight.dtype}")
    return weight


class ConvStream1d(BaseStream[Float]):
    """A causal convolution of a signal that comes in blocks of any length.

    ``y = stream(block)`` gives the outputs that come with the samples of `block`. Joined, they are
    ``conv1d(x, weight, bias, stride, "causal", dilation, groups)`` of the joined blocks, and not
    one bit of them depends on how long the blocks were, unless the filter is so long that
    `algorithm` is "fft". In between, the stream keeps the end of
    the signal, `state`; it is packed, copied and pickled with it. Calls allocate nothing but their
    result. A stream has one signal, of `batch` items, and serves one thread at a time; a copy of
    it goes its own way.

    Parameters
    ----------
    weight : (C_out, channels // groups, K), float32 or float64
        The filters, as `conv1d` takes them. They are copied.
    bias : (C_out,), the dtype of weight, optional
        What is added to each output channel.
    stride : int, default 1
        An output comes with every so many samples.
    dilation : int, default 1
        From one element of the filter to the next, in samples.
    groups : int, default 1
        Splits the channels into independent blocks; ``groups == channels`` is depthwise.
    channels : int
        The channels of the signal.
    batch : int, default 1
        How many signals go through the layer side by side.
    activation : str or a pair of it and a parameter, optional
        The last step, as `conv2d` tells.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        ``"channels_last"`` means (batch, W, channels) for blocks, results and states.
    align : {"causal", "stride"}, default "causal"
        With which sample of each stride its output comes. ``"causal"``: with the first one, as
        `conv1d` with ``padding="causal"``, which puts ``dilation*(K - 1)`` zeros before the
        signal. ``"stride"``: with the last one, as if there were ``stride - 1`` zeros less; then a
        block of a multiple of the stride gives its share at once, and `finish` the output of a
        stride that is not full.
    algorithm : {"auto", "direct", "fft"}, default "auto"
        How outputs are computed: ``"direct"`` adds the terms of the sum, and ``"fft"`` transforms
        parts of long filters, without latency and in equal shares for all samples, at stride 1 and
        without dilation. Then outputs of signals that were cut otherwise are equal within the bound
        for transforms. ``"auto"`` takes it from some 700 elements on, but not at the precision
        "highest".
    threads : int, default 1
        OpenMP threads of each call, where a block has work for them. The result has the same bits
        whatever their number.
    dtype : dtype, default float32
        That of the stream and of all its arrays, float32 or float64.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be; by a call, if the block does not fit. The state is
        unchanged then.

    See Also
    --------
    causal_conv1d : The same as a function, whose caller keeps the state.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> stream = fastconv.ConvStream1d(np.ones((1, 1, 3)), channels=1, dtype=np.float64)
    >>> stream(np.array([[1.0, 1.0]])), stream(np.array([[1.0]])), stream(np.array([[1.0]]))
    (array([[1., 2.]]), array([[3.]]), array([[3.]]))
    >>> stream.state
    array([[[1., 1.]]])
    """

    def __init__(
        self,
        weight: NDArray[Float],
        bias: NDArray[Float] | None = None,
        stride: PerAxis = 1,
        dilation: PerAxis = 1,
        groups: int = 1,
        *,
        channels: int,
        batch: int = 1,
        activation: Activation | None = None,
        data_format: DataFormat = "channels_first",
        align: Align = "causal",
        algorithm: Algorithm | str = "auto",
        threads: int | None = 1,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self._arguments = {
            "weight": _weight(weight, dtype),
            "bias": None if bias is None else _copied(bias, "bias"),
            "stride": stride, "dilation": dilation, "groups": groups, "channels": channels,
            "batch": batch, "activation": activation, "data_format": data_format, "align": align,
            "algorithm": algorithm, "threads": threads, "dtype": np.dtype(dtype),
        }  # fmt: skip
        last = align_of(align, stride)
        self._adopt(_native.make_stream(
            _CONV, self._arguments["weight"], bias, None, stride, dilation, groups, channels, batch,
            activation, data_format, last, None, algorithm, threads, None,
        ))  # fmt: skip
        self._lags, self._sees = last, self._stream.past + 1


@completed_by(ConvStream1d)
class ConvTransposeStream1d(BaseStream[Float]):
    """A transposed convolution of a signal that comes in blocks of any length.

    Each sample brings `stride` outputs, which later ones no longer change. Joined, with those of
    `finish` at the end, they are ``conv_transpose1d(x, weight, bias, stride, groups=groups,
    dilation=dilation)`` of the joined blocks; where the kernel is shorter than the stride, the
    outputs behind the last one that it reaches are there, too, as with an `output_padding`. Not one
    bit of them depends on how long the blocks were. Without `finish` they are what a causal decoder
    gives, whose last ``dilation*(K - 1) + 1 - stride`` outputs are cropped.

    Parameters
    ----------
    weight : (channels, C_out // groups, K), float32 or float64
        The filters, as `conv_transpose1d` takes them. They are copied.
    stride : int, default 1
        From one sample to the next, in outputs.
    dilation : int, default 1
        From one element of the filter to the next, in outputs.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> stream = fastconv.ConvTransposeStream1d(
    ...     np.ones((1, 1, 3)), stride=2, channels=1, dtype=np.float64)
    >>> stream(np.array([[1.0, 1.0]])), stream.finish()
    (array([[1., 1., 2., 1.]]), array([[[1.]]]))
    """

    def __init__(
        self,
        weight: NDArray[Float],
        bias: NDArray[Float] | None = None,
        stride: PerAxis = 1,
        groups: int = 1,
        dilation: PerAxis = 1,
        *,
        channels: int,
        batch: int = 1,
        activation: Activation | None = None,
        data_format: DataFormat = "channels_first",
        algorithm: Algorithm | str = "auto",
        threads: int | None = 1,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self._arguments = {
            "weight": _weight(weight, dtype),
            "bias": None if bias is None else _copied(bias, "bias"),
            "stride": stride, "groups": groups, "dilation": dilation, "channels": channels,
            "batch": batch, "activation": activation, "data_format": data_format,
            "algorithm": algorithm, "threads": threads, "dtype": np.dtype(dtype),
        }  # fmt: skip
        self._adopt(_native.make_stream(
            _TRANSPOSED, self._arguments["weight"], bias, None, stride, dilation, groups, channels,
            batch, activation, data_format, 0, None, algorithm, threads, None,
        ))  # fmt: skip
        self._lags, self._sees = 0, self._stream.past + 1


@completed_by(ConvStream1d, "bias", "stride", "dilation", "groups", "activation")
def causal_conv1d(
    input: NDArray[Float],
    weight: NDArray[Float],
    bias: NDArray[Float] | None = None,
    state: NDArray[Float] | None = None,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    activation: Activation | None = None,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> tuple[NDArray[Float], NDArray[Float]]:
    """Convolve the next samples of a signal whose end the caller keeps.

    It computes what a new `ConvStream1d` with ``algorithm="direct"`` would that is given `state`,
    bit for bit, and packs the weights for each call: where one signal goes on for long, make a
    stream.

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W), float32 or float64
        The next W samples; W may be 0.
    weight : (C_out, C_in // groups, K), the dtype of input
        The filters.
    state : (N, C_in, S), the dtype of input, optional
        The end of the signal so far, as the last call returned it; without N if `input` has none.
        By default the signal begins here. S is ``dilation*(K - 1)``, and more by the number of
        samples that have come since the last multiple of the stride.
    threads : int, optional
        OpenMP threads of this call; by default `fastconv.get_num_threads()`.
    out : writable array of the shape and dtype of y, optional
        Written and returned.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        ``"channels_last"`` means (N, W, C) for input, state and results.
    precision : {"high", "highest"}, optional
        The sums are plain ones with either.

    Returns
    -------
    y : (N, C_out, W'), the dtype of input
        The outputs that come with `input`: with every `stride`-th sample of the signal, the first
        included.
    new_state : (N, C_in, S')
        The `state` of the next call.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> w = np.ones((1, 1, 3))
    >>> y, state = fastconv.causal_conv1d(np.ones((1, 2)), w)
    >>> fastconv.causal_conv1d(np.ones((1, 2)), w, None, state)
    (array([[3., 3.]]), array([[1., 1.]]))
    """
    x, w = _native.as_array(input, "input"), _native.as_array(weight, "weight")
    if x.ndim not in (2, 3):
        raise ValueError(f"input must have shape (N, C, W) or (C, W), got {x.shape}")
    if x.dtype.newbyteorder("=") != w.dtype.newbyteorder("="):
        raise TypeError(f"weight must have the dtype of input, {x.dtype}, got {w.dtype}")
    _native.check_precision(precision)
    single = x.ndim == 2
    if single:
        x, out = x[None], out[None] if isinstance(out, np.ndarray) else out
    channels = x.shape[2 if data_format == "channels_last" else 1]
    stream = _native.make_stream(
        _CONV, w, bias, None, stride, dilation, groups, channels, x.shape[0], activation,
        data_format, 0, None, "direct", _native.check_threads(threads), None,
    )  # fmt: skip
    if state is not None:
        past = _native.as_array(state, "state")
        if past.ndim != (2 if single else 3):
            raise ValueError(f"state must have as many axes as input, got shape {past.shape}")
        stream.state = past[None] if single else past
    y, new = stream.run(x, out), stream.state
    return (y[0], new[0]) if single else (y, new)
