"""ncnn: float32 throughout, Winograd and packed layouts on, as it ships."""

from __future__ import annotations

import tempfile

import numpy as np

from ..items.layer import Layer
from .common import Call, Skip, only_float32

NARROW = ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage")
INT8 = ("int8_inference", "int8_packed", "int8_storage", "int8_arithmetic")


def session(layer: Layer, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """The input shares x; the result is NumPy's view of a matrix of its own for each call."""
    import ncnn

    only_float32(*arrays)
    x, w, b = arrays
    net = ncnn.Net()
    net.opt.num_threads = threads
    for name in (*NARROW, *INT8, "vulkan_compute"):
        if hasattr(net.opt, f"use_{name}"):
            setattr(net.opt, f"use_{name}", False)
    if net.load_param_mem(f"7767517\n2 2\nInput in 0 1 in\n{_layer(layer, w)}\n"):
        raise Skip("no such layer")
    if layer.transposed:  # it keeps output channels first
        parts = w.reshape(layer.groups, -1, layer.c_out // layer.groups, *layer.kernel)
        w = parts.swapaxes(1, 2)
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(4) + w.tobytes() + b.tobytes())  # 0: plain float32
        file.flush()
        if net.load_model(file.name):
            raise Skip("refuses the weights")
    # One image, or all with the batch as an axis of its own.
    matrix = ncnn.Mat(x[0]) if layer.n == 1 else ncnn.Mat(x, 0)

    def call() -> np.ndarray:
        extractor = net.create_extractor()
        extractor.input("in", matrix)
        result = extractor.extract("out")[1]
        return result.numpy()[None] if layer.n == 1 else result.numpy("f", 0)

    return {"ncnn": call}


def _layer(layer: Layer, w: np.ndarray) -> str:
    """The line of a .param file; keys ending in 1x are those of the height."""
    kind = "Deconvolution" if layer.transposed else "Convolution"
    if layer.groups > 1:
        kind += "DepthWise"
    kind += "1D" if layer.rank == 1 else ""
    pads = layer.pads
    keys = {0: layer.c_out, 1: layer.kernel[-1], 2: layer.dilation, 3: layer.strides[-1]}
    keys |= {4: pads[-1][0], 15: pads[-1][1], 5: 1, 6: w.size}
    if layer.groups > 1:
        keys[7] = layer.groups
    if layer.rank == 2:
        keys |= {11: layer.kernel[0], 14: pads[0][0], 16: pads[0][1]}
    if layer.output_padding:
        keys |= {18: layer.output_padding, 19: layer.output_padding}
    return f"{kind} conv 1 1 in out " + " ".join(f"{k}={v}" for k, v in keys.items())
