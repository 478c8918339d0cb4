"""Peers on long kernels: SciPy, OpenCV, transforms by PyTorch, and what runs any layer.

SciPy and OpenCV prepare nothing, so that their kernels are turned outside of the timed call only.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..items.layer import Layer
from ..items.signals import FORWARD, Signal
from . import mnn, ncnn, onnxruntime, openvino, pytorch
from .common import Call, Skip

Arrays = tuple[np.ndarray, ...]
MOST = 10e9
"""Operations, beyond which PyTorch's direct gradients would take minutes a call."""


def scipy_calls(item: Signal, arrays: Arrays, threads: int) -> dict[str, Call]:
    """oaconvolve and fftconvolve along the axes of one filter for each channel; one thread."""
    layer = _filter(item)
    from scipy import signal

    x, w, _ = arrays
    flipped = np.ascontiguousarray(np.flip(w[:, 0], tuple(range(1, w.ndim - 1))))
    (mode, cut), axes = _mode(layer), tuple(range(-layer.rank, 0))

    def call(function: Any) -> Call:
        return lambda: function(x[0], flipped, mode=mode, axes=axes)[None, ..., :cut]

    return {name: call(getattr(signal, name)) for name in ("oaconvolve", "fftconvolve")}


def opencv_calls(item: Signal, arrays: Arrays, threads: int) -> dict[str, Call]:
    """filter2D of an image, which transforms tiles from kernels of 11x11 on."""
    layer = _filter(item)
    if layer.rank == 1 or layer.c_in > 1:
        raise Skip("images of one channel only")
    import cv2

    cv2.setNumThreads(threads)
    x, w, _ = arrays
    image, kernel = x[0, 0], w[0, 0]

    def call() -> np.ndarray:
        found: np.ndarray = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_CONSTANT)
        return found[None, None]

    return {"opencv": call}


def transforms(item: Signal, arrays: Arrays, threads: int) -> dict[str, Call]:
    """rfft, product, irfft: what PyTorch's users write for one filter for each channel."""
    layer = _filter(item)
    if layer.rank > 1:
        raise Skip("signals only")
    import torch

    torch.set_num_threads(threads)
    x, w = torch.from_numpy(arrays[0]), torch.from_numpy(arrays[1])
    n, k = layer.size[0], layer.kernel[0]
    length, lo, outputs = n + k - 1, k - 1 - layer.pads[0][0], layer.output_shape[-1]

    def call() -> np.ndarray:
        with torch.inference_mode():
            spectrum = torch.fft.rfft(x, length) * torch.fft.rfft(w[:, 0].flip(-1), length)
            found: np.ndarray = torch.fft.irfft(spectrum, length)[..., lo : lo + outputs].numpy()
            return found

    return {"torch.fft": call}


def torch_calls(item: Signal, arrays: Arrays, threads: int) -> dict[str, Call]:
    """The function of a layer with many channels, or the gradient of any."""
    if item.what == FORWARD:
        return pytorch.functions(_dense(item), arrays, threads)
    layer = item.layer
    if 2 * prod(layer.output_shape) * layer.depth > MOST:
        raise Skip("its direct sums take too long")
    return pytorch.gradients(item, arrays, threads)  # type: ignore[arg-type]


def _filter(item: Signal) -> Layer:
    """The layer, if it has one filter for each channel."""
    if item.what != FORWARD or item.layer.groups != item.layer.c_in:
        raise Skip("one filter for each channel only")
    return item.layer


def _dense(item: Signal) -> Layer:
    """The layer, if a session can prepare it."""
    if not item.prepared or item.what != FORWARD:
        raise Skip("layers of many channels only")
    return item.layer


def _mode(layer: Layer) -> tuple[str, int | None]:
    """SciPy's word for a padding, and where its result is cut off."""
    ((lo, hi), *_), k = layer.pads, layer.kernel[0]
    if lo == hi == 0:
        return "valid", None
    return ("same", None) if lo == hi == (k - 1) / 2 else ("full", layer.size[-1])


def _session(build: Any) -> Any:
    return lambda item, arrays, threads: build(_dense(item), arrays, threads)


BUILDERS = {
    "scipy": scipy_calls,
    "opencv": opencv_calls,
    "torch.fft": transforms,
    "torch": torch_calls,
    "onnxruntime": _session(onnxruntime.session),
    "openvino": _session(openvino.session),
    "ncnn": _session(ncnn.session),
    "mnn": _session(mnn.session),
}
