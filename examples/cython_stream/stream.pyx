# cython: language_level=3, boundscheck=False, wraparound=False
"""A stream of audio through a bank of FIR filters, block by block, without the GIL.

Nothing is included or linked: the functions of fastconv are cimported.
"""

from fastconv cimport cython_api as fc
from libc.string cimport memcpy, memmove

import numpy as np


def filter_stream(const float[:, :, ::1] blocks, const float[:, :, ::1] taps):
    """Correlate blocks (B, C_in, T) of one signal with filters (C_out, C_in, K), causally.

    Returns (B, C_out, T): what ``fastconv.conv1d(signal, taps, padding="causal")`` gives for the
    whole signal, here with never more than one block in hand.
    """
    cdef Py_ssize_t count = blocks.shape[0], channels = blocks.shape[1], length = blocks.shape[2]
    cdef Py_ssize_t history = taps.shape[2] - 1, block, c
    cdef float[:, :, ::1] window = np.zeros((1, channels, history + length), np.float32)
    cdef float[:, :, ::1] y = np.empty((count, taps.shape[0], length), np.float32)
    cdef fc.ConvDesc desc = fc.conv_defaults()
    cdef fc.Plan plan = fc.plan1d[float](&desc, taps, None, 1, history + length)
    cdef void *workspace = fc.take(plan.workspace_bytes)
    cdef int status = fc.OK
    with nogil:
        for block in range(count):
            for c in range(channels):
                memmove(&window[0, c, 0], &window[0, c, length], history * sizeof(float))
                memcpy(&window[0, c, history], &blocks[block, c, 0], length * sizeof(float))
            status = fc.plan_run(plan, &window[0, 0, 0], NULL, &y[block, 0, 0], workspace)
            if status != fc.OK:
                break
    fc.give(workspace)
    if status != fc.OK:
        raise RuntimeError(fc.last_error().decode())
    return np.asarray(y)
