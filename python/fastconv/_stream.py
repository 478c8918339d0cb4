"""What all streams are: a call, its state, and copies."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any, Generic

from fastconv.typing import Float

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from fastconv import _native

__all__ = ["BaseStream", "align_of"]


def align_of(align: object, stride: object) -> int:
    """Return the phase, from 0 to stride - 1, of the input with which a window ends."""
    if align == "causal":
        return 0
    if align != "stride":
        raise ValueError(f"align must be 'causal' or 'stride', got {align!r}")
    if isinstance(stride, tuple | list) and len(stride) == 1:
        stride = stride[0]
    try:
        return max(index(stride), 1) - 1  # type: ignore[arg-type]
    except TypeError:
        return 0  # the binding tells what is wrong with the stride


class BaseStream(Generic[Float]):
    """What all streams have; see `ConvStream1d`."""

    _stream: _native.Stream
    _run: Callable[[Any, Any], Any]  # of the stream; looked up once
    _arguments: dict[str, Any]  # that make another one
    _lags: int  # what `latency` tells
    _sees: int  # what `receptive_field` tells

    def _adopt(self, stream: _native.Stream) -> None:
        self._stream, self._run = stream, stream.run

    def __call__(self, block: NDArray[Float], out: NDArray[Float] | None = None) -> NDArray[Float]:
        """Take the next samples of the signal, and return the outputs that come with them.

        Parameters
        ----------
        block : (batch, channels, W), or (channels, W) where batch is 1
            W samples, of the dtype of the stream; W may be 0, and differ from call to call. In the
            order of `data_format`.
        out : writable array of the result's shape and dtype, optional
            Written and returned.

        Returns
        -------
        y : (batch, C_out, W'), without its first axis if `block` has none
            The outputs that `block` completes; W' may be 0.
        """
        y: NDArray[Float] = self._run(block, out)
        return y

    def finish(self, out: NDArray[Float] | None = None) -> NDArray[Float]:
        """Return the outputs that a signal which ends here still has to give, and begin anew.

        Parameters
        ----------
        out : writable array of the result's shape and dtype, optional
            Written and returned.

        Returns
        -------
        y : (batch, C_out, W'), in the order of `data_format`
            W' is 0 where nothing is owed.
        """
        y: NDArray[Float] = self._stream.finish(out)
        return y

    def reset(self, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget the signal: the next sample is the first one.

        Parameters
        ----------
        mask : (batch,) of bool, optional
            Which items of the batch begin anew; by default all do. Where the stride is more than
            1, the others go on with the stride that has begun, and so do those that begin anew: as
            if zeros had come before.
        """
        self._stream.reset(mask)

    @property
    def state(self) -> NDArray[Float]:
        """The end of the signal so far, on which later outputs depend: (batch, channels, W).

        W is ``receptive_field - 1``, and more by the number of samples that have come since the
        last multiple of the stride. Zeros stand for what was before the signal. Assigning such an
        array, for instance one that another stream had, makes the stream go on from there.
        """
        state: NDArray[Float] = self._stream.state
        return state

    @state.setter
    def state(self, value: NDArray[Float]) -> None:
        self._stream.state = value

    @property
    def latency(self) -> int:
        """How many samples an output comes later than the first that it could have waited for.

        It is 0 with ``align="causal"``, and ``stride - 1`` with ``align="stride"``.
        """
        return self._lags

    @property
    def receptive_field(self) -> int:
        """How many inputs an output depends on at most, from the oldest to the newest."""
        return self._sees

    def __copy__(self) -> Self:
        """Return a stream that goes on from here by itself; they share the packed weights."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._adopt(self._stream.copy())
        return other

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self.__copy__()

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        state = self.state if self._stream.begun else None
        return _restored, (type(self), self._arguments, state)


def _restored(kind: type[BaseStream[Any]], arguments: dict[str, Any], state: Any) -> object:
    stream = kind(**arguments)
    if state is not None:
        stream.state = state
    return stream
