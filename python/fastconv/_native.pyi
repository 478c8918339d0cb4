"""Types of the compiled half of fastconv: every function takes all its arguments by position.

Arguments are checked there, so most of them are `object` here; the functions of the package have
the types that users see.
"""

from collections.abc import Callable
from contextvars import ContextVar
from types import ModuleType
from typing import Any, Literal, final, overload

import numpy as np
from numpy.typing import NDArray

# The dtype is that of the arguments; the functions of the package say so.
_Floats = NDArray[Any]
_F64 = NDArray[np.float64]

__version__: str
threads_variable: ContextVar[int]
precision_variable: ContextVar[str]
testing: ModuleType  # single tiles, for the tests
_C_API: object  # the capsule of fastconv.h

# fmt: off
# One argument per line, as the formatter has it, would hide the functions behind their lists.

# Runtime.
def check_threads(value: object, /) -> int: ...
def check_precision(value: object, /) -> str: ...
def set_num_threads(n: object, /) -> None: ...
def get_num_threads() -> int: ...
def supported_isas() -> list[str]: ...
def isa() -> str: ...
def set_isa(name: object, /) -> None: ...
def config() -> dict[str, Any]: ...
def clear_pool() -> None: ...

# Shapes.
def conv_output_shape(
    input_shape: object, weight_shape: object, stride: object, padding: object, dilation: object,
    groups: object, data_format: object, /
) -> tuple[int, ...]: ...
def conv_transpose_output_shape(
    input_shape: object, weight_shape: object, stride: object, padding: object,
    output_padding: object, groups: object, dilation: object, output_size: object,
    data_format: object, /
) -> tuple[int, ...]: ...
def resolve_padding(
    padding: object, length: object, kernel: object, stride: object, dilation: object, /
) -> tuple[int, int]: ...

# Convolution.
def conv(
    rank: int, input: object, weight: object, bias: object, stride: object, padding: object,
    dilation: object, groups: object, padding_mode: object, activation: object, residual: object,
    algorithm: object, threads: object, out: object, data_format: object, precision: object, /
) -> _Floats: ...
def conv_transpose(
    rank: int, input: object, weight: object, bias: object, stride: object, padding: object,
    output_padding: object, groups: object, dilation: object, output_size: object,
    activation: object, algorithm: object, threads: object, out: object, data_format: object,
    precision: object, /
) -> _Floats: ...
def conv_grad_input(
    rank: int, transposed: bool, input_size: object, weight: object, grad_output: object,
    stride: object, padding: object, dilation: object, groups: object, padding_mode: object,
    threads: object, out: object, data_format: object, precision: object, /
) -> _Floats: ...
def conv_grad_weight(
    rank: int, transposed: bool, input: object, weight_size: object, grad_output: object,
    stride: object, padding: object, dilation: object, groups: object, padding_mode: object,
    threads: object, out: object, data_format: object, precision: object, /
) -> _Floats: ...
def conv_grad_bias(
    rank: int, grad_output: object, threads: object, out: object, data_format: object, /
) -> _Floats: ...
def conv_grad(
    rank: int, transposed: bool, input: object, weight: object, grad_output: object, stride: object,
    padding: object, dilation: object, groups: object, padding_mode: object, output_mask: object,
    activation: object, output: object, threads: object, data_format: object, precision: object, /
) -> tuple[_Floats | None, _Floats | None, _Floats | None]: ...

class _PybindType(type): ...

@final
class Plan(metaclass=_PybindType):
    """A validated convolution with its weights packed; made by `make_plan` alone."""

    def __init__(self, *args: object, **kwargs: object) -> None: ...
    @property
    def run(self) -> Callable[[object, object, object], _Floats]: ...
    def explain(self) -> str: ...
    def labels(self) -> list[str]: ...
    def with_candidate(self, label: str, /) -> Plan: ...
    @property
    def weight(self) -> _Floats: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def output_shape(self) -> tuple[int, ...]: ...
    @property
    def flops(self) -> int: ...
    @property
    def workspace_bytes(self) -> int: ...
    @property
    def weight_bytes(self) -> int: ...

def make_plan(
    rank: int, transposed: bool, input_shape: object, weight: object, bias: object, stride: object,
    padding: object, dilation: object, groups: object, padding_mode: object, output_padding: object,
    output_size: object, activation: object, algorithm: object, threads: object,
    data_format: object, precision: object, /
) -> Plan: ...

# Activations.
def relu(x: object, threads: object, out: object, /) -> _Floats: ...
def relu6(x: object, threads: object, out: object, /) -> _Floats: ...
def sigmoid(x: object, threads: object, out: object, /) -> _Floats: ...
def tanh(x: object, threads: object, out: object, /) -> _Floats: ...
def silu(x: object, threads: object, out: object, /) -> _Floats: ...
def leaky_relu(x: object, slope: object, threads: object, out: object, /) -> _Floats: ...
def gelu(x: object, approximate: object, threads: object, out: object, /) -> _Floats: ...
def softmax(x: object, axis: object, threads: object, out: object, /) -> _Floats: ...
def relu_grad(dy: object, x: object, threads: object, out: object, /) -> _Floats: ...
def relu6_grad(dy: object, x: object, threads: object, out: object, /) -> _Floats: ...
def sigmoid_grad(dy: object, x: object, threads: object, out: object, /) -> _Floats: ...
def tanh_grad(dy: object, x: object, threads: object, out: object, /) -> _Floats: ...
def silu_grad(dy: object, x: object, threads: object, out: object, /) -> _Floats: ...
def leaky_relu_grad(
    dy: object, x: object, slope: object, threads: object, out: object, /
) -> _Floats: ...
def gelu_grad(
    dy: object, x: object, approximate: object, threads: object, out: object, /
) -> _Floats: ...
def softmax_grad(
    dy: object, x: object, axis: object, threads: object, out: object, /
) -> _Floats: ...
def batch_moments(x: object, threads: object, /) -> tuple[_F64, _F64]: ...
def normalize(
    x: object, mean: object, scale: object, shift: object, relu: object, threads: object, /
) -> _Floats: ...
def batch_norm_grad(
    dy: object, x: object, mean: object, inverse: object, weight: object, relu: object,
    threads: object, /,
) -> tuple[_Floats, _F64, _F64]: ...

# Columns.
def unfold(
    input: object, kernel_size: object, dilation: object, padding: object, stride: object,
    threads: object, out: object, data_format: object, /
) -> _Floats: ...
def fold(
    input: object, output_size: object, kernel_size: object, dilation: object, padding: object,
    stride: object, threads: object, out: object, data_format: object, /
) -> _Floats: ...
def unfold_input(
    grad_output: object, input_size: object, kernel_size: object, dilation: object, padding: object,
    stride: object, threads: object, out: object, data_format: object, /
) -> _Floats: ...
def fold_input(
    grad_output: object, kernel_size: object, dilation: object, padding: object, stride: object,
    threads: object, out: object, data_format: object, /
) -> _Floats: ...

# Pools. A geometry is (kernel_size, stride, padding, dilation, ceil_mode); results have the input's
# dtype, which for max, min and sum pools may be an integer's.
@overload
def extreme_pool(
    rank: int, smallest: bool, input: object, geometry: tuple[object, ...],
    return_indices: Literal[False], threads: object, out: object, data_format: object, /
) -> NDArray[Any]: ...
@overload
def extreme_pool(
    rank: int, smallest: bool, input: object, geometry: tuple[object, ...], return_indices: object,
    threads: object, out: object, data_format: object, /
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
def sum_pool(
    rank: int, input: object, geometry: tuple[object, ...], threads: object, out: object,
    data_format: object, /
) -> NDArray[Any]: ...
def avg_pool(
    rank: int, input: object, geometry: tuple[object, ...], count_include_pad: object,
    divisor_override: object, threads: object, out: object, data_format: object, /
) -> _Floats: ...
def lp_pool(
    rank: int, input: object, norm_type: object, geometry: tuple[object, ...], threads: object,
    out: object, data_format: object, /
) -> _Floats: ...
def adaptive_avg_pool(
    rank: int, input: object, output_size: object, threads: object, out: object,
    data_format: object, /
) -> _Floats: ...
@overload
def adaptive_max_pool(
    rank: int, input: object, output_size: object, return_indices: Literal[False], threads: object,
    out: object, data_format: object, /
) -> NDArray[Any]: ...
@overload
def adaptive_max_pool(
    rank: int, input: object, output_size: object, return_indices: object, threads: object,
    out: object, data_format: object, /
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
def global_sum_pool(
    rank: int, input: object, threads: object, out: object, data_format: object, /
) -> NDArray[Any]: ...
def max_unpool(
    rank: int, input: object, indices: object, kernel_size: object, stride: object, padding: object,
    output_size: object, threads: object, out: object, data_format: object, /
) -> NDArray[Any]: ...
def pool_output_shape(
    input_shape: object, geometry: tuple[object, ...], data_format: object, /
) -> tuple[int, ...]: ...
def indexed_pool_input(
    rank: int, grad_output: object, indices: object, input_size: object, threads: object,
    out: object, data_format: object, /
) -> _Floats: ...
def max_unpool_input(
    rank: int, grad_output: object, indices: object, threads: object, out: object,
    data_format: object, /
) -> _Floats: ...
def sum_pool_input(
    rank: int, grad_output: object, input_size: object, geometry: tuple[object, ...],
    threads: object, out: object, data_format: object, /
) -> _Floats: ...
def avg_pool_input(
    rank: int, grad_output: object, input_size: object, geometry: tuple[object, ...],
    count_include_pad: object, divisor_override: object, threads: object, out: object,
    data_format: object, /
) -> _Floats: ...
def adaptive_pool_input(
    rank: int, average: bool, grad_output: object, input_size: object, output_size: object,
    threads: object, out: object, data_format: object, /
) -> _Floats: ...
def global_max_pool_input(
    rank: int, grad_output: object, input: object, threads: object, out: object,
    data_format: object, /
) -> _Floats: ...
def lp_pool_input(
    rank: int, grad_output: object, input: object, output: object, norm_type: object,
    geometry: tuple[object, ...], threads: object, out: object, data_format: object, /
) -> _Floats: ...
