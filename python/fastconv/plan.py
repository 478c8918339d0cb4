"""Plans: a convolution whose weights are packed once and used for many inputs.

Plans for several shapes of one convolution share their weights: ``plan.with_shape(input_shape)``. A
plan belongs to its process: it neither pickles nor copies. Build it anew from the same arguments.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Generic

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.conv import conv1d, conv2d
from fastconv.conv_transpose import conv_transpose1d, conv_transpose2d
from fastconv.typing import Float

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self, SupportsIndex

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


class _Plan(Generic[Float]):
    """What all plans have: a call, its gradient, and what was decided."""

    _rank: int
    _transposed: bool
    _plan: _native.Plan
    _gradient: _native.Plan | None = None
    _run: Callable[[Any, Any, Any], Any]  # of the plan; looked up once
    _input_shape: tuple[int, ...]
    # Of the gradient: stride, padding, dilation, groups, padding_mode, threads.
    _geometry: tuple[Any, Any, Any, Any, Any, int]
    _layout: tuple[DataFormat, str]  # and precision

    def _adopt(self, plan: _native.Plan) -> None:
        self._plan, self._run = plan, plan.run

    def _remember(
        self,
        input_shape: Sequence[SupportsIndex],
        geometry: tuple[Any, Any, Any, Any, Any],
        threads: int | None,
        layout: tuple[DataFormat, Precision | None],
    ) -> None:
        """Keep what `input_grad` needs; the context is read now, as the native plan does."""
        self._input_shape = tuple(int(n) for n in input_shape)
        # A list may be changed by its owner later.
        self._geometry = (*deepcopy(geometry), _native.check_threads(threads))
        self._layout = (layout[0], _native.check_precision(layout[1]))

    def __call__(
        self,
        x: NDArray[Float],
        residual: NDArray[Float] | None = None,
        out: NDArray[Float] | None = None,
    ) -> NDArray[Float]:
        """Convolve `x`, of the plan's input shape and dtype; see the function of the same name."""
        y: NDArray[Float] = self._run(x, residual, out)
        return y

    @property
    def algorithm(self) -> str:
        """What runs; several names joined by ``+`` where phases of a stride differ."""
        return self._plan.algorithm

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return self._plan.output_shape

    @property
    def flops(self) -> int:
        """Floating-point operations of one call, two for each multiplication of the plain sum."""
        return self._plan.flops

    @property
    def workspace_bytes(self) -> int:
        """Bytes of scratch that one call takes while it runs, for all its threads.

        With channels last this includes the input's and the result's copies as planes; a residual
        is copied as well.
        """
        return self._plan.workspace_bytes

    @property
    def weight_bytes(self) -> int:
        """Bytes that the plan keeps: the packed weights, and the bias.

        Where its algorithm reads the plain weights as well, as Winograd's does for tiles that are
        not finite, a copy of these counts, too. All plans that `with_shape` makes share the plain
        copy and the bias, and those whose algorithms pack alike the packed weights as well: these
        bytes exist once, though each plan counts them.
        """
        return sum(plan.weight_bytes for plan in (self._plan, self._gradient) if plan)

    def with_shape(self, input_shape: Sequence[SupportsIndex]) -> Self:
        """Return a plan of the same convolution for inputs of another shape.

        It shares the weights of this plan and of all others that were made from it in this way.
        Packing them is what makes building a plan expensive; here it happens only if the shape's
        algorithm packs them in a way in which they are not packed yet, once for each way. What is
        packed is kept until the last of these plans is gone. Everything else is as if the plan had
        been built anew for this shape: the algorithm is chosen for it, a word as `padding` gets its
        numbers from it, and `fastconv.tune` and `input_grad` work on it alone. A plan that `tune`
        has changed passes its choice to no other shape. Threads may call this at once.

        Parameters
        ----------
        input_shape : sequence of ints
            Another batch, length or size, with or without the batch axis. The channels must be
            those of the weights.

        Returns
        -------
        plan
            Of the same class. For transposed convolutions it has the same output_padding; one that
            was built with `output_size` keeps the output_padding that this amounts to.

        Raises
        ------
        TypeError
            If `input_shape` is not a sequence of ints.
        ValueError
            If the convolution cannot take the shape, or the algorithm asked for cannot.

        Examples
        --------
        >>> import numpy as np, fastconv
        >>> plan = fastconv.Conv1dPlan((1, 2, 100), np.ones((4, 2, 3), np.float32), padding="same")
        >>> plan.with_shape((8, 2, 64)).output_shape
        (8, 4, 64)
        """
        other = object.__new__(type(self))
        other._adopt(self._plan.with_shape(input_shape))
        other._input_shape = tuple(int(n) for n in input_shape)
        other._geometry, other._layout = self._geometry, self._layout
        return other

    def explain(self) -> str:
        """Return in words what was chosen, what else was possible, and why."""
        return self._plan.explain()

    def input_grad(self, dy: NDArray[Float], out: NDArray[Float] | None = None) -> NDArray[Float]:
        """Return the gradient of the input for `dy`, the gradient before the activation.

        From the first such call on the plan keeps the weights packed for it as well; not where
        `padding_mode` is other than ``"zeros"``.
        """
        if self._gradient is None:
            self._gradient = self._plan.adjoint()
        dx: NDArray[Float]
        if self._gradient is not None:
            dx = self._gradient.run(dy, None, out)
        else:
            dx = _native.conv_grad_input(
                self._rank, self._transposed, self._input_shape, self._plan.weight, dy,
                *self._geometry, out, *self._layout,
            )  # fmt: skip
        return dx

    def __repr__(self) -> str:
        return (
            f"<fastconv.{type(self).__name__} {self._input_shape} -> {self.output_shape}, "
            f"{self.algorithm}>"
        )


class _ConvPlan(_Plan[Float]):
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


class _ConvTransposePlan(_Plan[Float]):
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
    called from any number of threads at once. It belongs to its process and neither pickles nor
    copies: build it anew from the same arguments.

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
    precision : {"high", "highest"}, optional
        ``"high"`` lets float32 be computed by Winograd's algorithm, whose errors are a little
        larger (`fastconv.precision` has the bounds); ``"highest"`` allows plain sums only. By
        default what `fastconv.precision` has set when the plan is built, else ``"high"``.

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
    precision : {"high", "highest"}, optional
        ``"high"`` lets float32 be computed by Winograd's algorithm, whose errors are a little
        larger (`fastconv.precision` has the bounds); ``"highest"`` allows plain sums only. By
        default what `fastconv.precision` has set when the plan is built, else ``"high"``.

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
