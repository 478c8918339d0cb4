"""A causal network as one stream: `Sequential.stream`."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from fractions import Fraction
from operator import index
from typing import Any, NoReturn, Self

import numpy as np

import fastconv as fc
from fastconv import _native

from ._checks import Array
from ._conv import ConvBase
from ._field import Field
from ._pool import AveragePool, ExtremePool, PoolBase, SumPool
from ._stages import Chain, Each, Stage, Sum, Window
from .activations import Elementwise, Softmax
from .dense import Linear
from .dropout import Dropout, Dropout1d
from .layer import Layer
from .norm import BatchNormBase

_CONV, _TRANSPOSED, _MAX, _AVERAGE = range(4)  # as csrc/algorithms/stream/desc.h numbers them


class SequentialStream:
    """A network with the state of all of its layers; see `Sequential.stream`, which makes it.

    Attributes
    ----------
    latency : int
        How many samples come before the one with which the first output comes.
    receptive_field : int
        How many samples an output depends on at most.
    """

    def __init__(self, model: Layer, channels: int, batch: int, threads: int | None) -> None:
        batch, channels = index(batch), index(channels)
        if channels < 1 or batch < 0:
            raise ValueError(f"channels must be positive, and batch not negative, got {channels} "
                             f"and {batch}")  # fmt: skip
        builder = _Builder(model, batch, channels, threads)
        self._stages = builder.stage(model, "")
        self._axis, self._dtype = builder.axis, builder.dtype
        self._shape, self._channels = (batch, channels), builder.channels
        self.latency = math.ceil(builder.latency)
        self.receptive_field = math.ceil(builder.field.sizes[0]) if builder.field.sizes else 1

    def __call__(self, block: Any, out: Array | None = None) -> Array:
        """Take the next samples, and return the outputs that come with them.

        Parameters
        ----------
        block : (batch, channels, W), or (channels, W) where batch is 1
            W samples, of the dtype of the network, in the order of its `data_format`; W may be 0.
        out : writable array of the result's shape and dtype, optional
            Written and returned.

        Returns
        -------
        y : (batch, C_out, W'), without its first axis if `block` has none
        """
        x = _native.as_array(block, "block")
        single = x.ndim == 2 and self._shape[0] == 1
        whole = x[None] if single else x
        if whole.ndim != 3 or (whole.shape[0], whole.shape[3 - self._axis]) != self._shape:
            raise ValueError(
                f"block must have shape {self._text(self._shape[1], 'W')}, got {x.shape}"
            )
        if whole.dtype.newbyteorder("=") != self._dtype:
            raise TypeError(f"block must have dtype {self._dtype}, got {x.dtype}")
        if out is not None:
            self._check_out(out, self._stages.outputs(whole.shape[self._axis]), single)
        y = self._stages(whole)
        if y is whole:  # of a network that changes nothing
            y = np.array(y, self._dtype)
        return _given(out, y[0] if single else y)

    def finish(self, out: Array | None = None) -> Array:
        """Return what a signal that ends here still has to give, and begin anew.

        Parameters
        ----------
        out : writable array of the result's shape and dtype, optional
            Written and returned.

        Returns
        -------
        y : (batch, C_out, W')
            W' is 0 where nothing is owed.
        """
        stages = copy.deepcopy(self._stages)
        y = stages.finish()
        if y is None:
            y = np.zeros(self._with(self._channels, 0), self._dtype)
        if out is not None:
            self._check_out(out, y.shape[self._axis], False)
        self.reset()
        return _given(out, y)

    def reset(self, mask: Array | None = None) -> None:
        """Forget the signal, or that of some items.

        Parameters
        ----------
        mask : (batch,) of bool, optional
            Which items begin anew, at the phases that the strides have; by default all do.
        """
        if mask is not None:
            mask = _native.as_array(mask, "mask")
            if mask.dtype != bool:
                raise TypeError(f"mask must be an array of bools, got dtype {mask.dtype}")
            if mask.shape != self._shape[:1]:
                raise ValueError(f"mask must have shape {self._shape[:1]}, got {mask.shape}")
        self._stages.reset(mask)

    @property
    def state(self) -> Any:
        """What the layers remember: arrays, in tuples that are nested as the layers are.

        Assigning what another stream of the same network had makes this one go on from there.
        """
        return self._stages.state

    @state.setter
    def state(self, value: Any) -> None:
        stages = copy.deepcopy(self._stages)
        try:
            stages.state = value
        except (TypeError, ValueError) as error:
            raise type(error)(f"state does not fit the network: {error}") from error
        self._stages = stages

    def __copy__(self) -> Self:
        """Return a stream that goes on from here by itself."""
        return copy.deepcopy(self)

    def _with(self, channels: Any, n: Any) -> tuple[Any, ...]:
        return (self._shape[0], *((n, channels) if self._axis == 1 else (channels, n)))

    def _text(self, channels: int, n: object) -> str:
        return "(" + ", ".join(map(str, self._with(channels, n))) + ")"

    def _check_out(self, out: object, n: int, single: bool) -> None:
        wanted = self._with(self._channels, n)[1 if single else 0 :]
        if not isinstance(out, np.ndarray):
            raise TypeError(f"out must be an array, got {out!r}")
        if out.dtype != self._dtype:
            raise TypeError(f"out must have dtype {self._dtype}, got {out.dtype}")
        if out.shape != wanted:
            raise ValueError(f"out must have shape {wanted}, got {out.shape}")
        if not out.flags.writeable:
            raise ValueError("out must be writable, got a read-only array")


def _given(out: Array | None, y: Array) -> Array:
    if out is None:
        return y
    out[...] = y
    return out


def _leaves(layer: Layer) -> Iterator[Layer]:
    children = [child for _, child in layer._children()]
    if not children:
        yield layer
    for child in children:
        yield from _leaves(child)


class _Builder:
    """Makes a stage of each layer in turn, and refuses those that no stream can have."""

    def __init__(self, model: Layer, batch: int, channels: int, threads: int | None) -> None:
        self.batch, self.channels, self.threads = batch, channels, threads
        leaves = list(_leaves(model))
        formats = {
            getattr(leaf, "data_format", None)
            for leaf in leaves
            if not isinstance(leaf, Elementwise)
        }
        formats -= {None}
        if len(formats) > 1:
            raise ValueError("the layers of a stream must agree in their data_format")
        self.format = formats.pop() if formats else "channels_first"
        self.axis = 1 if self.format == "channels_last" else 2
        dtypes = [value.dtype for leaf in leaves for value in leaf._values.values()]
        self.dtype = np.dtype(dtypes[0] if dtypes else np.float32)
        self.field, self.latency = Field(), Fraction(0)

    def stage(self, layer: Layer, name: str) -> Stage:
        """The stage of a layer; `name` is where it stands in `state_dict`."""
        from .containers import Residual, Sequential  # which import this module

        if isinstance(layer, Residual):
            return self._sum(layer.layer, layer.shortcut, name)
        if isinstance(layer, Sequential):
            return self._chain(dict(layer._children()), name)
        if isinstance(layer, ConvBase):
            return self._conv(layer, name, layer.activation)
        if isinstance(layer, PoolBase):
            return self._pool(layer, name)
        if isinstance(layer, Elementwise | BatchNormBase):
            return Each(copy.deepcopy(layer).eval())
        if isinstance(layer, Dropout | Dropout1d):
            return Each(_same)
        if isinstance(layer, Linear) and self.axis == 1:
            return self._linear(layer)
        if isinstance(layer, Softmax) and layer.axis % 3 == 3 - self.axis:
            return Each(_softmax_last if self.axis == 1 else _softmax_first)
        _refuse(layer, name, "it needs all samples at once")

    def _chain(self, children: dict[str, Layer], name: str) -> Stage:
        stages: list[Stage] = []
        waiting = list(children.items())
        while waiting:
            key, layer = waiting.pop(0)
            following = waiting[0][1] if waiting else None
            if isinstance(layer, ConvBase) and isinstance(following, Elementwise):
                fused = following.fused_behind(layer) if layer.activation is None else None
                if fused is not None:
                    stages.append(self._conv(layer, f"{name}{key}.", fused))
                    waiting.pop(0)
                    continue
            stages.append(self.stage(layer, f"{name}{key}."))
        return Chain(stages, self.axis)

    def _sum(self, layer: Layer, shortcut: Layer | None, name: str) -> Stage:
        before = self.channels, self.field, self.latency
        inner = self.stage(layer, f"{name}layer.")
        channels, field, lag = self.channels, self.field, self.latency
        self.channels, self.field, self.latency = before
        around = None if shortcut is None else self.stage(shortcut, f"{name}shortcut.")
        rates = [each.jumps or (Fraction(1),) for each in (field, self.field)]
        if self.channels != channels or rates[0] != rates[1]:
            wanted = "keep the shape" if shortcut is None else "give what the shortcut gives"
            _refuse(layer, f"{name}layer.", f"a layer inside Residual must {wanted}")
        self.field, self.latency = self.field.union(field), max(lag, self.latency)
        shape = (self.batch, *((0, channels) if self.axis == 1 else (channels, 0)))
        return Sum(inner, around, np.zeros(shape, self.dtype), self.axis)

    def _conv(self, layer: ConvBase, name: str, activation: Any) -> Stage:
        if layer._n != 1:
            _refuse(layer, name, "it has two spatial axes")
        stride, reach = layer.stride[0], layer.dilation[0] * (layer.kernel_size[0] - 1) + 1
        if layer._function.startswith("conv_transpose"):
            return self._transposed(layer, name, reach, activation)
        lo, hi = _pads(layer, name, reach)
        if lo + hi and layer.padding_mode != "zeros":  # type: ignore[attr-defined]
            _refuse(layer, name, "its padding is made of later samples, or of all")
        last = _last(layer, name, reach, lo, stride)
        op = self._options(_CONV, layer, activation, last)
        self._see(layer, last)
        self.channels = layer.out_channels
        return Window(op, self.axis, hi)

    def _transposed(self, layer: ConvBase, name: str, reach: int, activation: Any) -> Stage:
        stride, more = layer.stride[0], layer.output_padding[0]  # type: ignore[attr-defined]
        if isinstance(layer.padding, str):
            grown = max(reach - stride, 0)
            lo = (grown + (layer.padding == "same_lower")) // 2 if layer.padding != "valid" else 0
            hi = grown - lo if layer.padding != "valid" else 0
        else:
            lo, hi = _pads(layer, name, reach)
        if lo > 0:
            _refuse(layer, name, f"it looks ahead: it crops {lo} outputs at the start")
        owed = reach - stride + more - hi
        if owed < 0:
            _refuse(layer, name, f"it ends {-owed} outputs before its last sample's share is full")
        op = self._options(_TRANSPOSED, layer, activation, 0)
        self._see(layer, 0)
        self.channels = layer.out_channels
        return Window(op, self.axis, math.ceil(owed / stride), owed)

    def _pool(self, layer: PoolBase, name: str) -> Stage:
        if layer._n != 1:
            _refuse(layer, name, "it has two spatial axes")
        kernel, stride, dilation = layer.kernel_size[0], layer.stride[0], layer.dilation[0]
        reach = dilation * (kernel - 1) + 1
        divisor: int | None = None
        if isinstance(layer, ExtremePool) and layer._function == "max_pool1d":
            op = _MAX
        elif isinstance(layer, SumPool):
            op, divisor = _AVERAGE, 1
        elif isinstance(layer, AveragePool):
            op, divisor = _AVERAGE, layer.divisor_override
        else:
            _refuse(layer, name, "streams have no such pool")
        lo, hi = _pads(layer, name, reach)
        if layer.ceil_mode or hi:
            _refuse(layer, name, "it looks ahead: its last windows hang over the end")
        if op == _AVERAGE and lo and not getattr(layer, "count_include_pad", True):
            _refuse(layer, name, "its first averages count fewer samples")
        last = _last(layer, name, reach, lo, stride)
        self._see(layer, last)
        return Window(
            self._all(
                op, kernel=kernel, stride=stride, dilation=dilation, last=last, divisor=divisor
            ),
            self.axis,
        )

    def _linear(self, layer: Linear) -> Stage:
        values = layer._values
        op = self._all(_CONV, weight=values["weight"][..., None].copy(),
                       bias=_copy(values.get("bias")))  # fmt: skip
        self.channels = layer.out_features
        return Window(op, self.axis)

    def _options(self, op: int, layer: ConvBase, activation: Any, last: int) -> dict[str, Any]:
        values = layer._values
        return self._all(
            op, weight=values["weight"].copy(), bias=_copy(values.get("bias")),
            stride=layer.stride[0], dilation=layer.dilation[0], groups=layer.groups,
            activation=activation, last=last,
        )  # fmt: skip

    def _all(self, op: int, **known: Any) -> dict[str, Any]:
        """The arguments of `make_stream`, in its order."""
        every = {
            "op": op, "weight": None, "bias": None, "kernel": None, "stride": 1, "dilation": 1,
            "groups": 1, "channels": self.channels, "batch": self.batch, "activation": None,
            "data_format": self.format, "last": 0, "divisor": None, "algorithm": "auto",
            "threads": self.threads, "dtype": self.dtype,
        }  # fmt: skip
        return every | known

    def _see(self, layer: Layer, last: int) -> None:
        self.latency += last * (self.field.jumps[0] if self.field.jumps else 1)
        self.field = layer._see(self.field, ())


def _copy(array: Array | None) -> Array | None:
    return None if array is None else array.copy()


def _same(x: Array) -> Array:
    return x


def _softmax_last(x: Array) -> Array:
    y: Array = fc.softmax(np.ascontiguousarray(x), -1)
    return y


def _softmax_first(x: Array) -> Array:
    """Sample by sample, so that the order of its sums does not depend on their number."""
    return _softmax_last(x.swapaxes(1, 2)).swapaxes(1, 2)


def _pads(layer: Any, name: str, reach: int) -> tuple[int, int]:
    """The padding before and behind, in numbers."""
    words = {"valid": (0, 0), "causal": (reach - 1, 0), "full": (reach - 1, reach - 1)}
    padding = layer.padding
    if isinstance(padding, str):
        if padding in words:
            return words[padding]
        if reach == 1 and layer.stride[0] == 1:
            return 0, 0
        _refuse(layer, name, f"it looks ahead, or may do so: padding={padding!r}")
    entry = padding[0] if isinstance(padding, tuple) else padding
    return entry if isinstance(entry, tuple) else (entry, entry)


def _last(layer: Layer, name: str, reach: int, lo: int, stride: int) -> int:
    """Of each stride's samples the one with which a window ends."""
    last = reach - 1 - lo
    if last >= stride:
        _refuse(layer, name, f"it looks ahead: its windows end {last} samples behind the first "
                f"of their stride of {stride}; pad by {reach - stride} to {reach - 1}")  # fmt: skip
    if last < 0:
        _refuse(layer, name, f"it has {-last} windows before the first sample")
    return last


def _refuse(layer: Layer, name: str, why: str) -> NoReturn:
    place = f"layer {name.rstrip('.')} " if name else ""
    raise ValueError(f"{place}({layer!r}) cannot be streamed: {why}")
