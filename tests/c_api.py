"""The C API through ctypes: the table behind the capsule, called without a line of C."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_void_p

import numpy as np

from fastconv import _native

(OK, NULL_POINTER, BAD_VERSION, BAD_VALUE, BAD_SHAPE, TOO_LARGE, UNSUPPORTED, SMALL_WORKSPACE,
 BAD_INDEX, NO_MEMORY) = range(10)  # fmt: skip
FORWARD, INPUT_GRAD, WEIGHT_GRAD = range(3)
MAX, MIN, SUM, AVERAGE, NORM = range(5)

PAIR = c_int64 * 2


class ConvDesc(ctypes.Structure):
    """fastconv_conv_desc."""

    _fields_ = (
        ("size", c_size_t), ("dtype", c_int32), ("transposed", c_int32), ("batch", c_int64),
        ("c_in", c_int64), ("c_out", c_int64), ("groups", c_int64), ("in_", PAIR),
        ("kernel", PAIR), ("stride", PAIR), ("dilation", PAIR), ("pad_lo", PAIR), ("pad_hi", PAIR),
        ("output_padding", PAIR), ("padding_mode", c_int32), ("activation", c_int32),
        ("slope", c_double), ("algorithm", c_int32), ("highest", c_int32), ("threads", c_int32),
        ("reserved", c_int32), ("alpha", c_double), ("slopes", c_void_p), ("pad_value", c_double),
    )  # fmt: skip


class PoolDesc(ctypes.Structure):
    """fastconv_pool_desc."""

    _fields_ = (
        ("size", c_size_t), ("dtype", c_int32), ("op", c_int32), ("batch", c_int64),
        ("channels", c_int64), ("in_", PAIR), ("kernel", PAIR), ("stride", PAIR),
        ("dilation", PAIR), ("pad_lo", PAIR), ("pad_hi", PAIR), ("divisor", c_int64),
        ("norm", c_double), ("adaptive", c_int32), ("ceil_mode", c_int32),
        ("count_include_pad", c_int32), ("threads", c_int32),
    )  # fmt: skip


class StreamDesc(ctypes.Structure):
    """fastconv_stream_desc."""

    _fields_ = (
        ("size", c_size_t), ("dtype", c_int32), ("op", c_int32), ("batch", c_int64),
        ("c_in", c_int64), ("c_out", c_int64), ("groups", c_int64), ("kernel", c_int64),
        ("stride", c_int64), ("dilation", c_int64), ("last", c_int64), ("divisor", c_int64),
        ("slope", c_double), ("alpha", c_double), ("slopes", c_void_p), ("activation", c_int32),
        ("channels_last", c_int32), ("algorithm", c_int32), ("threads", c_int32),
    )  # fmt: skip


CONV, POOL, P, N = POINTER(ConvDesc), POINTER(PoolDesc), c_void_p, c_size_t
STREAM = POINTER(StreamDesc)
FUNCTIONS = {
    "last_error": (c_char_p,),
    "fail": (c_int, c_int, c_char_p),
    "take": (P, N),
    "give": (None, P),
    "conv_output_shape": (c_int, CONV, P),
    "conv_workspace": (c_int, CONV, c_int, P),
    "conv": (c_int, CONV, P, P, P, P, P, P, N),
    "conv_input_grad": (c_int, CONV, P, P, P, P, N),
    "conv_weight_grad": (c_int, CONV, P, P, P, P, N),
    "conv_bias_grad": (c_int, CONV, P, P),
    "plan_create": (c_int, CONV, c_int, P, P, P),
    "plan_workspace": (c_size_t, P),
    "plan_run": (c_int, P, P, P, P, P, N),
    "plan_destroy": (None, P),
    "pool_output_shape": (c_int, POOL, P),
    "pool_workspace": (c_int, POOL, c_int, P),
    "pool": (c_int, POOL, P, P, P, P, N),
    "pool_input_grad": (c_int, POOL, P, P, P, P, P, P, N),
    "stream_create": (c_int, STREAM, P, P, P),
    "stream_copy": (c_int, P, P),
    "stream_outputs": (c_int64, P, c_int64),
    "stream_run": (c_int, P, P, c_int64, P),
    "stream_owed": (c_int64, P),
    "stream_finish": (c_int, P, P),
    "stream_reset": (c_int, P, P),
    "stream_kept": (c_int64, P),
    "stream_get_state": (c_int, P, P),
    "stream_set_state": (c_int, P, P, c_int64),
    "stream_destroy": (None, P),
}


class Table(ctypes.Structure):
    """fastconv_api, its functions as addresses."""

    _fields_ = (("size", c_size_t), ("version", c_int32), ("reserved", c_int32),
                *((name, c_void_p) for name in FUNCTIONS))  # fmt: skip


def read_table():
    """The table that the capsule points to."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = c_void_p, (ctypes.py_object, c_char_p)
    return Table.from_address(pointer(_native._C_API, b"fastconv._native._C_API"))


class Api:
    """The functions of the table as attributes."""

    def __init__(self):
        self.table = read_table()
        for name, signature in FUNCTIONS.items():
            setattr(self, name, ctypes.CFUNCTYPE(*signature)(getattr(self.table, name)))

    def message(self):
        """The sentence of this thread's last error."""
        return self.last_error().decode()


def conv_desc(x, w, **changes):
    """A descriptor of the convolution of x with w; pairs may be given as one int."""
    transposed, groups = changes.get("transposed", 0), changes.get("groups", 1)
    desc = ConvDesc(
        size=ctypes.sizeof(ConvDesc), dtype=int(x.dtype == np.float64), batch=x.shape[0],
        c_in=x.shape[1], c_out=w.shape[1] * groups if transposed else w.shape[0], groups=1,
        in_=PAIR(*x.shape[2:]), kernel=PAIR(*w.shape[2:]), stride=PAIR(1, 1), dilation=PAIR(1, 1),
        slope=0.01, threads=1, alpha=1.0,
    )  # fmt: skip
    return changed(desc, **changes)


def pool_desc(x, kernel, **changes):
    """A descriptor of the pool of x over windows of `kernel`."""
    desc = PoolDesc(
        size=ctypes.sizeof(PoolDesc), dtype=int(x.dtype == np.float64), batch=x.shape[0],
        channels=x.shape[1], in_=PAIR(*x.shape[2:]), stride=PAIR(1, 1), dilation=PAIR(1, 1),
        norm=2.0, count_include_pad=1, threads=1,
    )  # fmt: skip
    return changed(desc, kernel=kernel, **changes)


def stream_desc(w, **changes):
    """A descriptor of the stream of a convolution with w, or of a pool if w is None."""
    desc = StreamDesc(size=ctypes.sizeof(StreamDesc), batch=1, c_in=1, c_out=1, groups=1, kernel=1,
                      stride=1, dilation=1, slope=0.01, alpha=1.0, threads=1)  # fmt: skip
    if w is not None:
        groups, transposed = changes.get("groups", 1), changes.get("op", 0) == 1
        desc.dtype, desc.kernel = int(w.dtype == np.float64), w.shape[2]
        desc.c_in = w.shape[0] if transposed else w.shape[1] * groups
        desc.c_out = w.shape[1] * groups if transposed else w.shape[0]
    return changed(desc, **changes)


def changed(desc, **changes):
    """The descriptor with these fields; `pad` is both of pad_lo and pad_hi."""
    if "pad" in changes:
        changes["pad_lo"] = changes["pad_hi"] = changes.pop("pad")
    for name, value in changes.items():
        is_pair = isinstance(getattr(desc, name), PAIR)
        wanted = (value, value) if is_pair and isinstance(value, int) else value
        setattr(desc, name, PAIR(*wanted) if is_pair else wanted)
    return desc


def address(array):
    """Where an array's elements are, or None for None."""
    return None if array is None else array.ctypes.data


def workspace(n):
    """`n` bytes at an odd address, and those bytes beyond them that must stay as they are."""
    return np.full(n + 65, 0xA5, np.uint8)[1:]
