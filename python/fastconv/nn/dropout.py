"""Layers that leave out at random while training."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fastconv._docs import completed_by
from fastconv.typing import DataFormat

from ._checks import (
    DATA_FORMATS,
    Array,
    Shape,
    array,
    choice,
    generator,
    real,
    same_shape,
    shape_of,
)
from .layer import Layer


class _DropoutBase(Layer):
    """Masks of a random generator; subclasses say what one number of them covers."""

    def __init__(self, p: float, rng: np.random.Generator | int | None, inplace: bool) -> None:
        super().__init__()
        del inplace  # a layer never writes into what it is given
        self.p = real(p, "p", 0, 1)
        self._rng = generator(rng)

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        shape = self._mask_shape(x.shape)
        if not self.training:
            return x
        scale = 0.0 if self.p == 1 else 1 / (1 - self.p)
        dtype: Any = x.dtype.newbyteorder("=")
        mask = (self._rng.random(shape, dtype=np.float32) >= self.p).astype(dtype) * scale
        self._saved = (mask, x.shape)
        y: Array = x * mask
        return y

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        mask, shape = self._recall()
        dy = array(grad_output, "grad_output", mask.dtype)
        dx: Array = same_shape(dy, shape, "grad_output") * mask
        return dx

    def output_shape(self, input_shape: Shape) -> Shape:
        shape = shape_of(input_shape)
        self._mask_shape(shape)
        return shape

    def _mask_shape(self, shape: Shape) -> Shape:
        return shape

    def _describe(self) -> str:
        return f"{self.p:g}"


class Dropout(_DropoutBase):
    """Zero each element with probability `p` while training, and scale the rest by 1/(1-p).

    In evaluation mode it returns `x` itself.

    Parameters
    ----------
    p : float in [0, 1], default 0.5
        The probability.
    rng : numpy.random.Generator, int or None
        Source, or seed, of the masks.
    inplace : bool, default False
        Accepted for code that was written for torch. The result is the same, and in training mode
        always a new array: a layer never writes into what it is given.

    References
    ----------
    .. [1] Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from
       Overfitting", JMLR 15, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Dropout
    >>> dropout = Dropout(0.25).eval()
    >>> dropout(np.float32([1, 2]))
    array([1., 2.], dtype=float32)
    """

    def __init__(
        self,
        p: float = 0.5,
        rng: np.random.Generator | int | None = None,
        *,
        inplace: bool = False,
    ) -> None:
        super().__init__(p, rng, inplace)


class _ChannelDropout(_DropoutBase):
    """One number of the mask for each channel of each sample."""

    _rank: ClassVar[int]
    _other: ClassVar[str]

    def __init__(
        self,
        p: float = 0.5,
        rng: np.random.Generator | int | None = None,
        *,
        inplace: bool = False,
        data_format: DataFormat = "channels_first",
    ) -> None:
        super().__init__(p, rng, inplace)
        self.data_format = choice(data_format, "data_format", DATA_FORMATS)

    def _mask_shape(self, shape: Shape) -> Shape:
        if len(shape) != self._rank:
            raise ValueError(
                f"{type(self).__name__} takes {self._rank} axes, got shape {shape}; {self._other}"
            )
        ones = (1,) * (self._rank - 2)
        if self.data_format == "channels_first":
            return (*shape[:2], *ones)
        return (shape[0], *ones, shape[-1])


@completed_by(Dropout, "p", "rng", "inplace")
class Dropout2d(_ChannelDropout):
    """Zero each channel of ``(N, C, H, W)`` with probability `p` while training.

    The rest is scaled by 1/(1-p). Neighbouring pixels say much the same, so that single ones that
    are missing, as with `Dropout`, teach a convolution little [1]_. In evaluation mode it returns
    `x` itself.

    Parameters
    ----------
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        Which axis holds the channels: the second, or the last.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range, or an input has no four axes: with
        three it could be one sample, or a batch of signals, for which there is `Dropout1d`.

    References
    ----------
    .. [1] Tompson, Goroshin, Jain, LeCun and Bregler, "Efficient Object Localization Using
       Convolutional Networks", CVPR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Dropout2d
    >>> y = Dropout2d(0.5, rng=0)(np.ones((1, 4, 8, 8), np.float32))
    >>> y[0, :, 0, 0]
    array([2., 2., 2., 0.], dtype=float32)
    """

    _rank, _other = 4, "give one sample an axis of length 1, write Dropout1d for signals"


@completed_by(Dropout2d)
class Dropout1d(_ChannelDropout):
    """Zero each channel of ``(N, C, W)`` with probability `p` while training.

    As `Dropout2d`, for signals.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Dropout1d
    >>> Dropout1d().eval()(np.float32([[[1, 2]]]))
    array([[[1., 2.]]], dtype=float32)
    """

    _rank, _other = 3, "give one sample an axis of length 1, write Dropout2d for images"
