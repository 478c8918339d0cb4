# cython: language_level=3, boundscheck=False, wraparound=False
"""Calls of fastconv.cython_api, one for each way of calling; tests/test_cython.py compares."""

from cython cimport floating
from cython.parallel cimport prange
from fastconv cimport cython_api as fc
from libc.stdint cimport int64_t

cdef extern from "time.h" nogil:
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    int CLOCK_MONOTONIC
    int clock_gettime(int, timespec *)


cdef fc.ConvDesc options(stride, padding, groups=1):
    cdef fc.ConvDesc desc = fc.conv_defaults()
    desc.stride = [stride, stride]
    desc.pad_lo = [padding, padding]
    desc.pad_hi = [padding, padding]
    desc.groups = groups
    return desc


cdef check(int status):
    if status != fc.OK:
        raise ValueError(status, fc.last_error().decode())


def conv2d(const floating[:, :, :, ::1] x, const floating[:, :, :, ::1] w,
           const floating[::1] bias, floating[:, :, :, ::1] y, stride=1, padding=0, groups=1):
    cdef fc.ConvDesc desc = options(stride, padding, groups)
    cdef int status
    with nogil:
        status = fc.conv2d(&desc, x, w, bias, y)
    check(status)


def conv_transpose2d(const floating[:, :, :, ::1] x, const floating[:, :, :, ::1] w,
                     const floating[::1] bias, floating[:, :, :, ::1] y, stride=1, groups=1):
    cdef fc.ConvDesc desc = options(stride, 0, groups)
    desc.transposed = 1
    check(fc.conv2d(&desc, x, w, bias, y))


def conv1d(const floating[:, :, ::1] x, const floating[:, :, ::1] w, const floating[::1] bias,
           floating[:, :, ::1] y, stride=1, padding=0):
    cdef fc.ConvDesc desc = options(stride, padding)
    check(fc.conv1d(&desc, x, w, bias, y))


def input_grad(const floating[:, :, :, ::1] w, const floating[:, :, :, ::1] dy,
               floating[:, :, :, ::1] dx, stride=1, padding=0):
    cdef fc.ConvDesc desc = options(stride, padding)
    check(fc.conv2d_input_grad(&desc, w, dy, dx))


def weight_grad(const floating[:, :, :, ::1] x, const floating[:, :, :, ::1] dy,
                floating[:, :, :, ::1] dw, stride=1, padding=0):
    cdef fc.ConvDesc desc = options(stride, padding)
    check(fc.conv2d_weight_grad(&desc, x, dy, dw))


def max_pool2d(const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, kernel):
    cdef fc.PoolDesc desc = fc.pool_defaults()
    desc.kernel = [kernel, kernel]
    desc.stride = [kernel, kernel]
    check(fc.pool2d(&desc, x, y))


def plan_output_shape(const floating[:, :, :, ::1] w, x_shape):
    cdef fc.ConvDesc desc = options(1, 0)
    return tuple(fc.plan2d[floating](&desc, w, None, x_shape[0], x_shape[2], x_shape[3])
                 .output_shape)


def plan1d(const floating[:, :, ::1] x, const floating[:, :, ::1] w, floating[:, :, ::1] y):
    cdef fc.ConvDesc desc = options(1, 0)
    cdef fc.Plan plan = fc.plan1d[floating](&desc, w, None, x.shape[0], x.shape[2])
    check(fc.plan_run1d(plan, x, y))


def in_prange(const floating[:, :, :, ::1] x, const floating[:, :, :, ::1] w,
              floating[:, :, :, ::1] y, int threads):
    """One image at a time, each by one of several threads, with one plan."""
    cdef fc.ConvDesc desc = options(1, 1)
    cdef fc.Plan plan = fc.plan2d[floating](&desc, w, None, 1, x.shape[2], x.shape[3])
    cdef Py_ssize_t i
    cdef int bad = 0
    for i in prange(x.shape[0], nogil=True, num_threads=threads):
        bad += fc.plan_run2d(plan, x[i:i + 1], y[i:i + 1])
    check(bad)


def seconds_a_call(const floating[:, :, :, ::1] x, const floating[:, :, :, ::1] w,
                   floating[:, :, :, ::1] y, int calls, bint views):
    """The time of one run of a plan in a loop without the GIL: by pointers, or by memoryviews."""
    cdef fc.ConvDesc desc = options(1, 1)
    cdef fc.Plan plan = fc.plan2d[floating](&desc, w, None, x.shape[0], x.shape[2], x.shape[3])
    cdef void *workspace = fc.take(plan.workspace_bytes)
    cdef timespec begin, end
    cdef int i, bad = 0
    with nogil:
        clock_gettime(CLOCK_MONOTONIC, &begin)
        if views:
            for i in range(calls):
                bad |= fc.plan_run2d(plan, x, y)
        else:
            for i in range(calls):
                bad |= fc.plan_run(plan, &x[0, 0, 0, 0], NULL, &y[0, 0, 0, 0], workspace)
        clock_gettime(CLOCK_MONOTONIC, &end)
    fc.give(workspace)
    check(bad)
    return (end.tv_sec - begin.tv_sec + 1e-9 * (end.tv_nsec - begin.tv_nsec)) / calls
