"""What to write here for what other libraries' users are used to write.

Only names that a layer does not have are looked up: what it takes means what it means there.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Any, Self

_NUMPY = "fastconv computes on NumPy arrays of the CPU: leave {name} out"

# Keywords of torch.nn and keras.layers, and the sentence for each.
KEYWORDS = {
    "device": _NUMPY,
    "dim": "the axis is called axis, as in NumPy: write axis=",
    "axis": "{owner} works on the axis of channels that data_format tells: leave axis out",
    "affine": "{owner} always scales and shifts: leave affine out",
    "track_running_stats": "{owner} always tracks its statistics: leave track_running_stats out",
    "return_indices": "layers return one array: call fastconv.max_pool2d(..., return_indices=True)",
    "filters": "the number of filters is called out_channels, behind in_channels",
    "units": "write Linear(in_features, out_features)",
    "strides": "the stride is called stride: write stride=",
    "dilation_rate": "the dilation is called dilation: write dilation=",
    "pool_size": "the window is called kernel_size: write kernel_size=",
    "use_bias": "write bias=",
    "rate": "the probability is called p: write p=",
    "seed": "write rng=, with the seed or a numpy.random.Generator",
    "input_shape": "sizes follow from in_channels or in_features, or from the first call",
    "kernel_initializer": "assign to layer.weight after the layer is made",
}

# Names of classes of torch.nn and keras.layers that are called otherwise here.
NAMES = {
    "Activation": "a layer for each: ReLU, Tanh and so on, or activation= of a convolution",
    "BCEWithLogitsLoss": "BCEWithLogits",
    "Conv3d": "Conv2d, with the depth as a part of the channels: there are no three axes here",
    "CrossEntropyLoss": "SoftmaxCrossEntropy",
    "Identity": "Sequential(), without layers",
    "LazyBatchNorm1d": "BatchNorm1d: it learns its channels from the first call",
    "LazyBatchNorm2d": "BatchNorm2d: it learns its channels from the first call",
    "MSELoss": "MSE",
    "Module": "Layer, of which layers are made",
    "ModuleList": "a list, or Sequential",
    "Parameter": "Layer, which keeps its parameters itself",
    "ReLU6": "the activation='relu6' of a convolution, or fastconv.relu6",
    "UpsamplingBilinear2d": "Upsample(mode='bilinear', align_corners=True)",
    "UpsamplingNearest2d": "Upsample(mode='nearest')",
    "functional": "fastconv itself: its functions have the names of torch.nn.functional",
    "init": "an assignment to layer.weight",
}


class Welcome:
    """What makes a layer answer to keywords of other libraries.

    A class of its own, so that `inspect.signature` finds a layer's `__init__` before this.
    """

    def __new__(cls, *_: object, **keywords: object) -> Self:
        _refuse_foreign(cls, keywords)
        return super().__new__(cls)


def _refuse_foreign(owner: type, keywords: Iterable[str]) -> None:
    """Raise a TypeError that says what to write, if a keyword is another library's."""
    init = owner.__init__  # type: ignore[misc]
    if not isinstance(init, FunctionType) or init.__code__.co_flags & 8:  # takes any keyword
        return
    code = init.__code__
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    for name in keywords:
        if name not in known and name in KEYWORDS:
            advice = KEYWORDS[name].format(owner=owner.__name__, name=name)
            raise TypeError(f"{owner.__name__} takes no argument {name}; {advice}")


def missing(name: str) -> AttributeError:
    """The error for a name that `fastconv.nn` does not have."""
    text = f"module 'fastconv.nn' has no attribute {name!r}"
    return AttributeError(f"{text}; use {NAMES[name]}" if name in NAMES else text)


def list_of(layers: tuple[Any, ...]) -> bool:
    """Whether layers were given as one list, as Keras takes them."""
    return len(layers) == 1 and isinstance(layers[0], list | tuple | dict)
