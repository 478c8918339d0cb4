"""Pools over windows as layers: max, min, average, sum and p-norm."""

from __future__ import annotations

import fastconv as fc
from fastconv._docs import completed_by

from ._pool import AveragePool, ExtremePool, NormPool, SumPool

# What a pool's layer has in common with its function.
_SHARED = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")


@completed_by(fc.max_pool2d, *_SHARED)
class MaxPool2d(ExtremePool):
    """Largest element of each window of ``(N, C, H, W)``, or of one sample without N.

    `fastconv.max_pool2d` and `fastconv.grad.max_pool2d_input`.

    Parameters
    ----------
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        The order of axes. ``"channels_last"`` means (N, H, W, C) for input and result.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range, a word is unknown, or the input of a call does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import MaxPool2d
    >>> MaxPool2d(2)(np.arange(16, dtype=np.float32).reshape(1, 4, 4))
    array([[[ 5.,  7.],
            [13., 15.]]], dtype=float32)
    """

    _n, _function = 2, "max_pool2d"


@completed_by(MaxPool2d)
@completed_by(fc.max_pool1d, *_SHARED)
class MaxPool1d(ExtremePool):
    """Largest element of each window of ``(N, C, W)``: as `MaxPool2d`, with one axis.

    Parameters
    ----------
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        ``"channels_last"`` means (N, W, C) for input and result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import MaxPool1d
    >>> MaxPool1d(2)(np.float32([[3, -4, 0, 5]]))
    array([[3., 5.]], dtype=float32)
    """

    _n, _function = 1, "max_pool1d"


@completed_by(MaxPool2d)
class MinPool2d(ExtremePool):
    """Smallest element of each window of ``(N, C, H, W)``, or of one sample without N.

    `fastconv.min_pool2d` and `fastconv.grad.min_pool2d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import MinPool2d
    >>> MinPool2d(2)(np.arange(16, dtype=np.float32).reshape(1, 4, 4))
    array([[[ 0.,  2.],
            [ 8., 10.]]], dtype=float32)
    """

    _n, _function = 2, "min_pool2d"


@completed_by(MaxPool1d)
class MinPool1d(ExtremePool):
    """Smallest element of each window of ``(N, C, W)``: as `MinPool2d`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import MinPool1d
    >>> MinPool1d(2)(np.float32([[3, -4, 0, 5]]))
    array([[-4.,  0.]], dtype=float32)
    """

    _n, _function = 1, "min_pool1d"


@completed_by(MaxPool2d)
@completed_by(fc.avg_pool2d, "ceil_mode", "count_include_pad", "divisor_override")
class AvgPool2d(AveragePool):
    """Mean of each window of ``(N, C, H, W)``, or of one sample without N.

    `fastconv.avg_pool2d` and `fastconv.grad.avg_pool2d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import AvgPool2d
    >>> AvgPool2d(2)(np.arange(16, dtype=np.float32).reshape(1, 4, 4))
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]], dtype=float32)
    """

    _n, _function = 2, "avg_pool2d"


@completed_by(MaxPool1d)
@completed_by(fc.avg_pool1d, "ceil_mode", "count_include_pad", "divisor_override")
class AvgPool1d(AveragePool):
    """Mean of each window of ``(N, C, W)``: as `AvgPool2d`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import AvgPool1d
    >>> AvgPool1d(2)(np.float32([[3, -4, 0, 5]]))
    array([[-0.5,  2.5]], dtype=float32)
    """

    _n, _function = 1, "avg_pool1d"


@completed_by(AvgPool2d)
class SumPool2d(SumPool):
    """Sum of each window of ``(N, C, H, W)``, or of one sample without N.

    `fastconv.sum_pool2d` and `fastconv.grad.sum_pool2d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SumPool2d
    >>> SumPool2d(2)(np.arange(16, dtype=np.float32).reshape(1, 4, 4))
    array([[[10., 18.],
            [42., 50.]]], dtype=float32)
    """

    _n, _function = 2, "sum_pool2d"


@completed_by(AvgPool1d)
class SumPool1d(SumPool):
    """Sum of each window of ``(N, C, W)``: as `SumPool2d`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SumPool1d
    >>> SumPool1d(2)(np.float32([[3, -4, 0, 5]]))
    array([[-1.,  5.]], dtype=float32)
    """

    _n, _function = 1, "sum_pool1d"


@completed_by(AvgPool2d)
@completed_by(fc.lp_pool2d, "norm_type")
class LPPool2d(NormPool):
    """p-norm ``(sum |x|**p) ** (1/p)`` of each window of ``(N, C, H, W)``, or of one sample.

    `fastconv.lp_pool2d` and `fastconv.grad.lp_pool2d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import LPPool2d
    >>> LPPool2d(2, 2)(np.float32([[[3, 0], [0, -4]]]))
    array([[[5.]]], dtype=float32)
    """

    _n, _function = 2, "lp_pool2d"


@completed_by(AvgPool1d)
@completed_by(fc.lp_pool1d, "norm_type")
class LPPool1d(NormPool):
    """p-norm of each window of ``(N, C, W)``: as `LPPool2d`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import LPPool1d
    >>> LPPool1d(2, 2)(np.float32([[3, -4, 0, 5]]))
    array([[5., 5.]], dtype=float32)
    """

    _n, _function = 1, "lp_pool1d"
