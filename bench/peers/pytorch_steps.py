"""Training steps in PyTorch: the modules of a `fastconv.nn` model, its weights, its optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv import nn

from ..items.steps import Step
from .common import Call


def steps(step: Step, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """A step in eager mode, contiguous and channels_last."""
    import torch

    torch.set_num_threads(threads)
    return {
        "torch": _step(step, arrays, torch.float32, torch.contiguous_format),
        "torch channels_last": _step(step, arrays, torch.float32, torch.channels_last),
    }


def losses(step: Step, arrays: tuple[np.ndarray, ...], count: int) -> list[float]:
    """The losses of the first steps in float64."""
    import torch

    call = _step(step, arrays, torch.float64, torch.contiguous_format)
    return [call() for _ in range(count)]


def translated(layer: nn.Layer) -> Any:
    """The module that computes what a layer does, with parameters of the same names."""
    from torch import nn as theirs

    class Residual(theirs.Module):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.layer = inner

        def forward(self, x: Any) -> Any:
            return x + self.layer(x)

    match layer:
        case nn.Sequential():
            return theirs.Sequential(*(translated(inner) for inner in layer))
        case nn.Residual():
            return Residual(translated(layer.layer))
        case nn.Conv2d():
            return theirs.Conv2d(
                layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride,
                layer.padding, layer.dilation, layer.groups, layer.bias is not None,
            )  # fmt: skip
        case nn.Linear():
            return theirs.Linear(layer.in_features, layer.out_features)
        case nn.BatchNorm2d():
            return theirs.BatchNorm2d(layer.weight.size, layer.eps, layer.momentum)
        case nn.MaxPool2d():
            return theirs.MaxPool2d(layer.kernel_size, layer.stride)
        case nn.GlobalAvgPool2d():
            return theirs.AdaptiveAvgPool2d(1)
        case nn.ReLU():
            return theirs.ReLU()
        case nn.Flatten():
            return theirs.Flatten()
    raise TypeError(f"no counterpart of {layer!r}")


def _step(step: Step, arrays: tuple[np.ndarray, ...], dtype: Any, layout: Any) -> Call:
    import torch

    ours = step.model()
    model = translated(ours)
    model.load_state_dict({k: torch.from_numpy(v) for k, v in ours.state_dict().items()})
    model = model.to(dtype=dtype, memory_format=layout)
    x = torch.from_numpy(arrays[0]).to(dtype).contiguous(memory_format=layout)
    target = torch.from_numpy(arrays[1])
    optimizer: Any
    options: dict[str, Any] = {"lr": step.rate, "weight_decay": step.decay, "fused": True}
    if step.adam:
        optimizer = torch.optim.Adam(model.parameters(), **options)
    else:
        optimizer = torch.optim.SGD(model.parameters(), momentum=0.9, **options)

    def call() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return call
