"""MNN: converted from ONNX, precision "high" (float32).

By default its Winograd takes tiles so large that answers lose two to three digits, which may put it
beyond the bound of this suite; so it also runs restricted to small tiles, where that differs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..items.layer import Layer
from .common import Call, Skip, only_float32, quiet
from .onnx_model import model

WINOGRAD_MEMORY_LEVEL = 3
"""MNN's number for the hint; its level 1 means the smallest Winograd tiles."""


def session(layer: Layer, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """The input is written once; `read` copies the result out."""
    with quiet():
        # The converter's own module: the package MNN.tools installs software when it is imported.
        import _tools
        import MNN

        only_float32(*arrays)
        x = MNN.expr.placeholder(list(arrays[0].shape), MNN.expr.NCHW, MNN.expr.float)
        x.write(arrays[0])
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "conv.onnx"), Path(folder, "conv.mnn")
            source.write_bytes(model(layer, *arrays))
            _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", str(source),
                               "--MNNModel", str(target), "--bizCode", "MNN"])  # fmt: skip
            if not target.exists():
                raise Skip("cannot convert the layer")
            call = _load(MNN, target, threads, x, layer.output_shape)
            small = _load(MNN, target, threads, x, layer.output_shape, small_tiles=True)
        if np.array_equal(call(), small()):
            return {"mnn": call}
        return {"mnn": call, "mnn small tiles": small}


def _load(
    MNN: Any,
    path: Path,
    threads: int,
    x: Any,
    shape: tuple[int, ...],
    *,
    small_tiles: bool = False,
) -> Call:
    config = {"backend": "CPU", "precision": "high", "numThread": threads}
    runtime = MNN.nn.create_runtime_manager((config,))
    if small_tiles:
        runtime.set_hint(WINOGRAD_MEMORY_LEVEL, 1)
    net = MNN.nn.load_module_from_file(
        str(path), ["x"], ["y"], runtime_manager=runtime, shape_mutable=False
    )
    return lambda: net.forward([x])[0].read().reshape(shape)  # 1-D comes as (..., 1)
