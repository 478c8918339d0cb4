"""PReLU, the activation that learns its slopes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import fastconv as fc
from fastconv import grad
from fastconv._docs import completed_by
from fastconv.typing import Activation, DataFormat

from ._checks import DATA_FORMATS, Array, array, choice, float_dtype, integer, real
from .activations import Elementwise
from .layer import Weighted


@completed_by(fc.prelu, "data_format")
class PReLU(Elementwise, Weighted):
    """``x`` where positive, else ``weight * x``, with slopes that it learns [1]_.

    `fastconv.prelu` and its gradients. Channels are where `fastconv.prelu` looks for them: behind
    the batch axis, also where a convolution before it takes one sample without N.

    Parameters
    ----------
    num_parameters : int, default 1
        How many slopes: one for all channels, or as many as there are channels.
    init : float, default 0.25
        What the slopes are at first.
    dtype : float32 or float64, default float32
        The dtype of the slopes, and so of every input.

    Attributes
    ----------
    weight : (num_parameters,)

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import PReLU
    >>> prelu = PReLU(2)
    >>> prelu(np.float32([[-2, 2]]))
    array([[-0.5,  2. ]], dtype=float32)
    >>> prelu.backward(np.float32([[1, 1]])), prelu.grads["weight"]
    (array([[0.25, 1.  ]], dtype=float32), array([-2.,  0.], dtype=float32))
    """

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        *,
        data_format: DataFormat = "channels_first",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        self.num_parameters = integer(num_parameters, "num_parameters")
        self.init = real(init, "init", float("-inf"))
        self.data_format = choice(data_format, "data_format", DATA_FORMATS)
        slopes = np.full(self.num_parameters, self.init, float_dtype(dtype))
        self._add_parameter("weight", slopes)

    def forward(self, x: npt.ArrayLike) -> Array:
        slopes = self._values["weight"]
        x = array(x, "x", slopes.dtype)
        if self.training:
            self._saved = (x,)
        y: Array = fc.prelu(x, slopes, data_format=self.data_format)
        return y

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        (x,) = self._recall()
        dy = array(grad_output, "grad_output", x.dtype)
        dx: Array
        dx, d_weight = grad.prelu(dy, x, self._values["weight"], data_format=self.data_format)
        self._grads["weight"] += d_weight
        return dx

    def fused(self) -> Activation | None:
        """One slope is a leaky ReLU's; more of them only a convolution takes: `fused_behind`."""
        slopes = self._values["weight"]
        return ("leaky_relu", float(slopes[0])) if slopes.size == 1 else None

    def fused_behind(self, before: object) -> Activation | None:
        """As `fused`, also where there is a slope for each channel of a convolution."""
        slopes = self._values["weight"]
        known = [getattr(before, of, None) for of in ("out_channels", "data_format", "activation")]
        if slopes.size > 1 and known == [slopes.size, self.data_format, None]:
            return ("prelu", slopes)
        return self.fused()

    def _describe(self) -> str:
        parts = [str(self.num_parameters)] if self.num_parameters != 1 else []
        parts += [f"init={self.init:g}"] if self.init != 0.25 else []
        return ", ".join(parts)
