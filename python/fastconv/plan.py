"""Plans: a convolution whose weights are packed once and used for many inputs.

Plans for several shapes of one convolution share their weights: ``plan.with_shape(input_shape)``.
So do copies; a pickle holds the plain weights, which are packed anew where it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by
from fastconv._plan import BasePlan
from fastconv.conv import conv1d, conv2d
from fastconv.conv_transpose import conv_transpose1d, conv_transpose2d
from fastconv.typing import Float

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import SupportsIndex

    from numpy.typing import NDArray

    from fastconv.typing import (
        Activation,
        Algorithm,
        ConvPadding1d,
        DataFormat,
        Padding,
        PaddingMode,
        PerAxis,
        Precision,
    )

__all__ = ["Conv1dPlan", "Conv2dPlan", "ConvTranspose1dPlan", "ConvTranspose2dPlan"]


class _ConvPlan(BasePlan[Float]):
    _transposed = False

    def __init__(
        self,
        input_shape: Sequence[SupportsIndex],
        weight: NDArray[Float],
        bias: NDArray[Float] | None = None,
        stride: PerAxis = 1,
        padding: ConvPadding1d = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        *,
        padding_mode: PaddingMode = "zeros",
        activation: Activation | None = None,
        algorithm: Algorithm | str = "auto",
        threads: int | None = None,
        data_format: DataFormat = "channels_first",
        precision: Precision | None = None,
    ) -> None:
        self._adopt(_native.make_plan(
            self._rank, False, input_shape, weight, bias, stride, padding, dilation, groups,
            padding_mode, 0, None, activation, algorithm, threads, data_format, precision,
        ))  # fmt: skip
        self._remember(input_shape, (stride, padding, dilation, groups, padding_mode), threads,
                       (data_format, precision))  # fmt: skip


class _ConvTransposePlan(BasePlan[Float]):
    _transposed = True

    def __init__(
        self,
        input_shape: Sequence[SupportsIndex],
        weight: NDArray[Float],
        bias: NDArray[Float] | None = None,
        stride: PerAxis = 1,
        padding: Padding = 0,
        output_padding: PerAxis = 0,
        groups: int = 1,
        dilation: PerAxis = 1,
        *,
        output_size: PerAxis | None = None,
        activation: Activation | None = None,
        algorithm: Algorithm | str = "auto",
        threads: int | None = None,
        data_format: DataFormat = "channels_first",
        precision: Precision | None = None,
    ) -> None:
        self._adopt(_native.make_plan(
            self._rank, True, input_shape, weight, bias, stride, padding, dilation, groups,
            "zeros", output_padding, output_size, activation, algorithm, threads, data_format,
            precision,
        ))  # fmt: skip
        self._remember(input_shape, (stride, padding, dilation, groups, "zeros"), threads,
                       (data_format, precision))  # fmt: skip


@completed_by(conv2d)
class Conv2dPlan(_ConvPlan[Float]):
    """A `conv2d` of one input shape with its weights packed once, for many inputs.

    ``y = plan(x)``, ``plan(x, residual)`` or ``plan(x, residual, out)`` gives what
    ``conv2d(x, weight, bias, ...)`` with the arguments of the plan gives, without what needs doing
    only once: checking the geometry, choosing an algorithm and packing the weights. A plan may be
    called from any number of threads at once. Copies share its packed weights; a pickle holds the
    plain ones, and the algorithm that was chosen, or found by `fastconv.tune`.

    Parameters
    ----------
    input_shape : (N, C_in, H, W) or (C_in, H, W)
        The shape of every input, in the order of `data_format`.
    weight : (C_out, C_in // groups, KH, KW), float32 or float64
        The filters, whose dtype is that of the plan. They are copied: changing the array later
        changes nothing.
    bias : (C_out,), the dtype of weight, optional
        What is added to each output channel. It is copied, too.
    threads : int, optional
        OpenMP threads of each call, from 1 to 1024; by default what `fastconv.get_num_threads()`
        tells when the plan is built. The result has the same bits whatever their number.
    precision : {"medium", "high", "highest"}, optional
        ``"high"`` lets sums be computed by transforms, whose errors are a little larger, and
        ``"medium"`` by some that err more (`fastconv.precision` has the bounds); ``"highest"``
        allows plain sums only. By default what `fastconv.precision` has set when the plan is built,
        else ``"high"``.

    Raises
    ------
    TypeError, ValueError
        When the plan is built, as `conv2d` does; when it is called, if an array has not the shape
        and dtype of the plan.

    See Also
    --------
    fastconv.tune : Measure all algorithms that take the shape, and keep the fastest.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> w = np.ones((8, 3, 3, 3), np.float32)
    >>> plan = fastconv.Conv2dPlan((1, 3, 32, 32), w, padding="same", activation="relu")
    >>> plan.output_shape
    (1, 8, 32, 32)
    >>> plan(np.ones((1, 3, 32, 32), np.float32)).max()
    np.float32(27.0)
    """

    _rank = 2


@completed_by(conv1d)
class Conv1dPlan(_ConvPlan[Float]):
    """A `conv1d` of one input shape with its weights packed once: as `Conv2dPlan`, with one axis.

    Parameters
    ----------
    input_shape : (N, C_in, W) or (C_in, W)
        The shape of every input, in the order of `data_format`.
    weight : (C_out, C_in // groups, K), float32 or float64
        The filters, whose dtype is that of the plan; they are copied.
    bias : (C_out,), the dtype of weight, optional
        What is added to each output channel; it is copied, too.
    threads : int, optional
        OpenMP threads of each call; by default what `fastconv.get_num_threads()` tells when the
        plan is built.

    Raises
    ------
    TypeError, ValueError
        When the plan is built, as `conv1d` does; when it is called, if an array has not the shape
        and dtype of the plan.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> w = np.ones((4, 2, 3), np.float32)
    >>> plan = fastconv.Conv1dPlan((1, 2, 100), w, padding="causal")
    >>> plan(np.ones((1, 2, 100), np.float32)).shape
    (1, 4, 100)
    """

    _rank = 1


@completed_by(conv_transpose2d)
class ConvTranspose2dPlan(_ConvTransposePlan[Float]):
    """A `conv_transpose2d` of one input shape with its weights packed once, for many inputs.

    As `Conv2dPlan`, in the other direction: ``y = plan(x)`` or ``plan(x, out=y)``. It takes no
    residual.

    Parameters
    ----------
    input_shape : (N, C_in, H, W) or (C_in, H, W)
        The shape of every input, in the order of `data_format`.
    weight : (C_in, C_out // groups, KH, KW), float32 or float64
        The filters, whose dtype is that of the plan. They are copied: changing the array later
        changes nothing.
    bias : (C_out,), the dtype of weight, optional
        What is added to each output channel. It is copied, too.
    threads : int, optional
        OpenMP threads of each call, from 1 to 1024; by default what `fastconv.get_num_threads()`
        tells when the plan is built. The result has the same bits whatever their number.
    precision : {"medium", "high", "highest"}, optional
        ``"high"`` lets sums be computed by transforms, whose errors are a little larger, and
        ``"medium"`` by some that err more (`fastconv.precision` has the bounds); ``"highest"``
        allows plain sums only. By default what `fastconv.precision` has set when the plan is built,
        else ``"high"``.

    Raises
    ------
    TypeError, ValueError
        When the plan is built, as `conv_transpose2d` does; when it is called, if an array has not
        the shape and dtype of the plan.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> w = np.ones((8, 4, 2, 2), np.float32)
    >>> fastconv.ConvTranspose2dPlan((1, 8, 14, 14), w, stride=2).output_shape
    (1, 4, 28, 28)
    """

    _rank = 2


@completed_by(conv_transpose1d)
class ConvTranspose1dPlan(_ConvTransposePlan[Float]):
    """A `conv_transpose1d` of one input shape with its weights packed once.

    As `ConvTranspose2dPlan`, with one axis.

    Parameters
    ----------
    input_shape : (N, C_in, W) or (C_in, W)
        The shape of every input, in the order of `data_format`.
    weight : (C_in, C_out // groups, K), float32 or float64
        The filters, whose dtype is that of the plan; they are copied.
    bias : (C_out,), the dtype of weight, optional
        What is added to each output channel; it is copied, too.
    threads : int, optional
        OpenMP threads of each call; by default what `fastconv.get_num_threads()` tells when the
        plan is built.

    Raises
    ------
    TypeError, ValueError
        When the plan is built, as `conv_transpose1d` does; when it is called, if an array has not
        the shape and dtype of the plan.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> plan = fastconv.ConvTranspose1dPlan((1, 2, 50), np.ones((2, 4, 4)), stride=2, padding=1)
    >>> plan.output_shape
    (1, 4, 100)
    """

    _rank = 1
