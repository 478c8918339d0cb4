"""What all plans are: a call, its gradient, copies, and what was decided."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Generic

from fastconv import _native
from fastconv.typing import Float

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self, SupportsIndex

    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Precision

__all__ = ["BasePlan"]


class BasePlan(Generic[Float]):
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

    def __copy__(self) -> Self:
        """Return a plan that shares the weights; `fastconv.tune` changes one of them alone."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return what ``copy.copy`` returns: nobody can change the weights."""
        return self.__copy__()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the plain weights and what was decided, not what was packed for this CPU."""
        return _rebuilt, (
            type(self), self._input_shape, self._plan.weight, self._geometry, self._layout,
            self._plan.parts,
        )  # fmt: skip

    def __repr__(self) -> str:
        return (
            f"<fastconv.{type(self).__name__} {self._input_shape} -> {self.output_shape}, "
            f"{self.algorithm}>"
        )


def _rebuilt(
    kind: type[BasePlan[Any]], input_shape: Any, weight: Any, geometry: Any, layout: Any, parts: Any
) -> BasePlan[Any]:
    """Make a plan from a pickle: with the entry that ran there, as far as this CPU has it."""
    bias, activation, output_padding, asked, entry = parts
    stride, padding, dilation, groups, padding_mode, threads = geometry
    native = _native.make_plan(
        kind._rank, kind._transposed, input_shape, weight, bias, stride, padding, dilation, groups,
        padding_mode, output_padding[2 - kind._rank :], None, activation, asked, threads, *layout,
    )  # fmt: skip
    if native.parts[-1] != entry and entry in native.takers():
        native = native.with_algorithm(entry)
    plan = object.__new__(kind)
    plan._adopt(native)
    plan._input_shape, plan._geometry, plan._layout = input_shape, geometry, layout
    return plan
