"""Convolution kernels for the CPU, on NumPy arrays.

Functions take and return NumPy arrays; names, argument order and semantics are those of
``torch.nn.functional``. Gradients are in `fastconv.grad`, layers in `fastconv.nn`, the
specification of it all in `fastconv.reference`.
"""

from __future__ import annotations

from fastconv._native import __version__
from fastconv.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from fastconv.runtime import (
    clear_pool,
    get_num_threads,
    isa,
    precision,
    set_isa,
    set_num_threads,
    show_config,
    supported_isas,
    threads,
)
