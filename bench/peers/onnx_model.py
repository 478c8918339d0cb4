"""An ONNX model of one convolution or pool, written without the `onnx` package.

A protocol buffer is a run of fields, each a key (number and kind) and a value; the numbers are
those of onnx.proto. Three of the peers read such a model.
"""

from __future__ import annotations

import numpy as np

from ..items.layer import Layer

IR_VERSION, OPSET = 8, 13
ELEMENT = {np.dtype(np.float32): 1, np.dtype(np.float64): 11}


def model(layer: Layer, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> bytes:
    """The serialised ModelProto of ``y = conv(x, w, b)`` with constant w and b."""
    graph = [
        _bytes(1, _node(layer)),
        _bytes(2, b"graph"),
        _bytes(5, _tensor("w", w)),
        _bytes(5, _tensor("b", b)),
        _bytes(11, _value("x", x.dtype, x.shape)),
        _bytes(12, _value("y", x.dtype, layer.output_shape)),
    ]
    opset = _bytes(1, b"") + _int(2, OPSET)
    return _int(1, IR_VERSION) + _bytes(7, b"".join(graph)) + _bytes(8, opset)


def operator(
    name: str,
    x: np.ndarray,
    lists: dict[str, tuple[int, ...]] | None = None,
    ints: dict[str, int] | None = None,
) -> bytes:
    """The serialised ModelProto of ``y = name(x)``, whose result's shape is left to be inferred."""
    graph = [
        _bytes(1, _operator(("x",), name, lists or {}, ints or {})),
        _bytes(2, b"graph"),
        _bytes(11, _value("x", x.dtype, x.shape)),
        _bytes(12, _bytes(1, b"y") + _bytes(2, _bytes(1, _int(1, ELEMENT[x.dtype])))),
    ]
    opset = _bytes(1, b"") + _int(2, OPSET)
    return _int(1, IR_VERSION) + _bytes(7, b"".join(graph)) + _bytes(8, opset)


def _node(layer: Layer) -> bytes:
    lists = {
        "kernel_shape": layer.kernel,
        "strides": layer.strides,
        "dilations": (layer.dilation,) * layer.rank,
        "pads": (*(lo for lo, _ in layer.pads), *(hi for _, hi in layer.pads)),
    }
    if layer.output_padding:
        lists["output_padding"] = (layer.output_padding,) * layer.rank
    name = "ConvTranspose" if layer.transposed else "Conv"
    return _operator(("x", "w", "b"), name, lists, {"group": layer.groups})


def _operator(
    inputs: tuple[str, ...], name: str, lists: dict[str, tuple[int, ...]], ints: dict[str, int]
) -> bytes:
    fields = [_bytes(1, word.encode()) for word in inputs]
    fields += [_bytes(2, b"y"), _bytes(4, name.encode())]
    for word, values in lists.items():
        integers = b"".join(_int(8, value) for value in values)
        fields.append(_bytes(5, _bytes(1, word.encode()) + integers + _int(20, 7)))
    for word, value in ints.items():
        fields.append(_bytes(5, _bytes(1, word.encode()) + _int(3, value) + _int(20, 2)))
    return b"".join(fields)


def _tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(_int(1, n) for n in array.shape)
    kind = _int(2, ELEMENT[array.dtype])
    return dims + kind + _bytes(8, name.encode()) + _bytes(9, array.tobytes())


def _value(name: str, dtype: np.dtype, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_bytes(1, _int(1, n)) for n in shape)
    tensor = _int(1, ELEMENT[dtype]) + _bytes(2, dims)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value
