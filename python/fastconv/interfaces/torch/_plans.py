"""A plan from a layer of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fastconv.plan import Conv1dPlan, Conv2dPlan, ConvTranspose1dPlan, ConvTranspose2dPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastconv.typing import Activation, Algorithm, DataFormat, Precision

    Plan = Conv1dPlan[Any] | Conv2dPlan[Any] | ConvTranspose1dPlan[Any] | ConvTranspose2dPlan[Any]

__all__ = ["load_plan"]

_PLANS: dict[Any, Any] = {
    nn.Conv1d: Conv1dPlan,
    nn.Conv2d: Conv2dPlan,
    nn.ConvTranspose1d: ConvTranspose1dPlan,
    nn.ConvTranspose2d: ConvTranspose2dPlan,
}


def load_plan(
    module: Any,
    input_shape: Sequence[int] | None = None,
    *,
    activation: Activation | None = None,
    algorithm: Algorithm | str = "auto",
    threads: int | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> Plan:
    """Make a plan of a convolution layer of torch: its weights are copied and packed.

    The plan computes what the layer computes, on NumPy arrays and without torch: for inference,
    where torch need not even be installed. Later changes of the layer do not reach it.

    Parameters
    ----------
    module : nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d or nn.ConvTranspose2d
        The layer, on the CPU, in float32 or float64.
    input_shape : sequence of ints, optional
        The shape of the inputs, in the order of `data_format`. By default one sample of the least
        lengths that the layer takes: ``plan.with_shape(shape)`` then makes, in a few microseconds,
        a plan for any other shape, which shares the packed weights. A layer of torch does not know
        its input's size, but a plan must.
    activation, algorithm, threads, data_format, precision
        As `fastconv.Conv2dPlan` takes them.

    Returns
    -------
    fastconv.Conv1dPlan, Conv2dPlan, ConvTranspose1dPlan or ConvTranspose2dPlan
        For ``y = plan(x)`` with NumPy arrays.

    Raises
    ------
    TypeError
        If `module` is none of these layers, computes something of its own in `forward`, or is in
        another dtype.
    ValueError
        If `module` is not on the CPU, has no weights yet, or does not take `input_shape`.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from fastconv.interfaces import torch as fct
    >>> plan = fct.load_plan(torch.nn.Conv2d(3, 8, 3, padding=1), (1, 3, 32, 32))
    >>> plan(np.ones((1, 3, 32, 32), np.float32)).shape
    (1, 8, 32, 32)
    >>> plan.with_shape((4, 3, 20, 20)).output_shape
    (4, 8, 20, 20)
    """
    kind = next((kind for kind in _PLANS if isinstance(module, kind)), None)
    names = ", ".join(f"nn.{kind.__name__}" for kind in _PLANS)
    if kind is None:
        raise TypeError(f"module must be one of {names}, got {type(module).__name__}")
    if type(module).forward is not kind.forward:
        raise TypeError(
            f"module must compute what nn.{kind.__name__} does; {type(module).__name__} has a "
            "forward of its own"
        )
    weight, bias = _weights(module)
    common = {
        "stride": module.stride, "padding": module.padding, "dilation": module.dilation,
        "groups": module.groups, "activation": activation, "algorithm": algorithm,
        "threads": threads, "data_format": data_format, "precision": precision,
    }  # fmt: skip
    if kind in (nn.ConvTranspose1d, nn.ConvTranspose2d):
        common["output_padding"] = module.output_padding
    else:
        common["padding_mode"] = module.padding_mode
    shape = _least_shape(module, data_format) if input_shape is None else input_shape
    plan: Plan = _PLANS[kind](shape, weight, bias, **common)
    return plan


def _weights(module: Any) -> tuple[Any, Any]:
    """The layer's arrays."""
    found: list[Any] = []
    for name, tensor in (("weight", module.weight), ("bias", module.bias)):
        if tensor is None:
            found.append(None)
            continue
        if isinstance(tensor, nn.UninitializedParameter):
            raise ValueError(f"module must have its weights; its {name} is not initialised")
        if tensor.device.type != "cpu":
            raise ValueError(f"module must be on the CPU; its {name} is on {tensor.device}")
        if tensor.dtype not in (torch.float32, torch.float64):
            raise TypeError(
                f"module must be in float32 or float64; its {name} is in "
                f"{str(tensor.dtype).removeprefix('torch.')}"
            )
        found.append(tensor.detach().numpy())
    return found[0], found[1]


def _least_shape(module: Any, data_format: str) -> tuple[int, ...]:
    """One sample of the least lengths for which the layer has an output."""
    padding = module.padding
    lengths = []
    for i, kernel in enumerate(module.kernel_size):
        extent = module.dilation[i] * (kernel - 1) + 1
        if isinstance(padding, str):
            lengths.append(extent)
        elif isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d)):
            missing = 2 * padding[i] + 1 - extent - module.output_padding[i]
            lengths.append(1 + max(0, -(-missing // module.stride[i])))
        else:
            # Modes other than zeros repeat the input: it must be longer than the padding.
            least = padding[i] + 1 if module.padding_mode != "zeros" else 1
            lengths.append(max(least, extent - 2 * padding[i]))
    if data_format == "channels_last":
        return (1, *lengths, module.in_channels)
    return (1, module.in_channels, *lengths)
