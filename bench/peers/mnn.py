"""MNN: converted from ONNX, precision "high" (float32)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from ..layers import Layer
from .common import Call, Skip, only_float32, quiet
from .onnx_model import model


def session(layer: Layer, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """The input is written once; `read` copies the result out."""
    with quiet():
        # The converter's own module: the package MNN.tools installs software when it is imported.
        import _tools
        import MNN

        only_float32(*arrays)
        x = arrays[0]
        config = {"backend": "CPU", "precision": "high", "numThread": threads}
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "conv.onnx"), Path(folder, "conv.mnn")
            source.write_bytes(model(layer, *arrays))
            _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", str(source),
                               "--MNNModel", str(target), "--bizCode", "MNN"])  # fmt: skip
            if not target.exists():
                raise Skip("cannot convert the layer")
            runtime = MNN.nn.create_runtime_manager((config,))
            net = MNN.nn.load_module_from_file(
                str(target), ["x"], ["y"], runtime_manager=runtime, shape_mutable=False
            )
        given = MNN.expr.placeholder(list(x.shape), MNN.expr.NCHW, MNN.expr.float)
        given.write(x)

    def call() -> np.ndarray:
        return net.forward([given])[0].read().reshape(layer.output_shape)  # 1-D comes as (..., 1)

    with quiet():
        call()
    return {"mnn": call}
