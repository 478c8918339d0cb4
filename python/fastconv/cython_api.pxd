# SPDX-License-Identifier: MIT
# fastconv from Cython: cimport what you need; there is nothing to include or to link.
#
#     from fastconv cimport cython_api as fc
#
# The functions are those of fastconv.h, which tells of shapes, errors, workspaces and threads. All
# but plan2d and plan1d need no GIL, raise nothing and may run inside prange; they return a status.
# At the end are functions that take memoryviews.

from cython cimport floating
from libc.stdint cimport int32_t, int64_t, uint8_t


cdef enum:  # statuses
    OK = 0
    NULL_POINTER = 1
    BAD_VERSION = 2
    BAD_VALUE = 3
    BAD_SHAPE = 4
    TOO_LARGE = 5
    UNSUPPORTED = 6
    SMALL_WORKSPACE = 7
    BAD_INDEX = 8
    NO_MEMORY = 9

cdef enum:  # dtypes
    FLOAT32 = 0
    FLOAT64 = 1

cdef enum:  # passes
    FORWARD = 0
    INPUT_GRAD = 1
    WEIGHT_GRAD = 2

cdef enum:  # padding modes
    ZEROS = 0
    REFLECT = 1
    REPLICATE = 2
    CIRCULAR = 3
    SYMMETRIC = 4
    CONSTANT = 5

cdef enum:  # activations
    NO_ACTIVATION = 0
    RELU = 1
    RELU6 = 2
    LEAKY_RELU = 3
    SIGMOID = 4
    TANH = 5
    SILU = 6
    GELU = 7
    GELU_TANH = 8
    HARDSWISH = 9
    HARDSIGMOID = 10
    ELU = 11
    SOFTPLUS = 12
    PRELU = 13

cdef enum:  # algorithms
    AUTO = 0
    DIRECT = 1
    IM2COL = 2
    CHANNEL_LANES = 3
    POINTWISE = 4
    DEPTHWISE = 5
    WINOGRAD = 6
    FFT = 7

cdef enum:  # precisions
    PRECISION_HIGH = 0
    PRECISION_HIGHEST = 1
    PRECISION_MEDIUM = 2

cdef enum:  # pools
    MAX = 0
    MIN = 1
    SUM = 2
    AVERAGE = 3
    NORM = 4

cdef enum:  # streams
    STREAM_CONV = 0
    STREAM_TRANSPOSED = 1
    STREAM_MAX = 2
    STREAM_AVERAGE = 3

# The fields of fastconv_conv_desc, in its order.
cdef struct ConvDesc:
    size_t size
    int32_t dtype
    int32_t transposed
    int64_t batch
    int64_t c_in
    int64_t c_out
    int64_t groups
    int64_t[2] in_
    int64_t[2] kernel
    int64_t[2] stride
    int64_t[2] dilation
    int64_t[2] pad_lo
    int64_t[2] pad_hi
    int64_t[2] output_padding
    int32_t padding_mode
    int32_t activation
    double slope
    int32_t algorithm
    int32_t highest
    int32_t threads
    int32_t reserved
    double alpha
    const void* slopes
    double pad_value

# The fields of fastconv_pool_desc, in its order.
cdef struct PoolDesc:
    size_t size
    int32_t dtype
    int32_t op
    int64_t batch
    int64_t channels
    int64_t[2] in_
    int64_t[2] kernel
    int64_t[2] stride
    int64_t[2] dilation
    int64_t[2] pad_lo
    int64_t[2] pad_hi
    int64_t divisor
    double norm
    int32_t adaptive
    int32_t ceil_mode
    int32_t count_include_pad
    int32_t threads

# The fields of fastconv_stream_desc, in its order.
cdef struct StreamDesc:
    size_t size
    int32_t dtype
    int32_t op
    int64_t batch
    int64_t c_in
    int64_t c_out
    int64_t groups
    int64_t kernel
    int64_t stride
    int64_t dilation
    int64_t last
    int64_t divisor
    double slope
    double alpha
    const void* slopes
    int32_t activation
    int32_t channels_last
    int32_t algorithm
    int32_t threads

cdef ConvDesc conv_defaults() noexcept nogil
cdef PoolDesc pool_defaults() noexcept nogil
cdef StreamDesc stream_defaults() noexcept nogil

cdef const char *last_error() noexcept nogil
cdef void *take(size_t nbytes) noexcept nogil
cdef void give(void *memory) noexcept nogil

cdef int conv_output_shape(const ConvDesc *desc, int64_t *shape) noexcept nogil
cdef int conv_workspace(const ConvDesc *desc, int pass_, size_t *nbytes) noexcept nogil
cdef int conv(const ConvDesc *desc, const void *x, const void *w, const void *bias,
              const void *residual, void *y, void *workspace, size_t nbytes) noexcept nogil
cdef int conv_input_grad(const ConvDesc *desc, const void *w, const void *dy, void *dx,
                         void *workspace, size_t nbytes) noexcept nogil
cdef int conv_weight_grad(const ConvDesc *desc, const void *x, const void *dy, void *dw,
                          void *workspace, size_t nbytes) noexcept nogil
cdef int conv_bias_grad(const ConvDesc *desc, const void *dy, void *db) noexcept nogil

cdef int pool_output_shape(const PoolDesc *desc, int64_t *shape) noexcept nogil
cdef int pool_workspace(const PoolDesc *desc, int pass_, size_t *nbytes) noexcept nogil
cdef int pool(const PoolDesc *desc, const void *x, void *y, int64_t *indices, void *workspace,
              size_t nbytes) noexcept nogil
cdef int pool_input_grad(const PoolDesc *desc, const void *dy, const void *x, const void *y,
                         const int64_t *indices, void *dx, void *workspace,
                         size_t nbytes) noexcept nogil

# A stream is a pointer here, which stream_create or stream_copy gives and stream_destroy takes.
cdef int stream_create(const StreamDesc *desc, const void *w, const void *bias,
                       void **stream) noexcept nogil
cdef int stream_copy(const void *stream, void **copy) noexcept nogil
cdef int64_t stream_outputs(const void *stream, int64_t n) noexcept nogil
cdef int stream_run(void *stream, const void *x, int64_t n, void *y) noexcept nogil
cdef int64_t stream_owed(const void *stream) noexcept nogil
cdef int stream_finish(void *stream, void *y) noexcept nogil
cdef int stream_reset(void *stream, const uint8_t *mask) noexcept nogil
cdef int64_t stream_kept(const void *stream) noexcept nogil
cdef int stream_get_state(const void *stream, void *state) noexcept nogil
cdef int stream_set_state(void *stream, const void *state, int64_t n) noexcept nogil
cdef void stream_destroy(void *stream) noexcept nogil


# A convolution with its weights packed, made by plan2d or plan1d, which raise ValueError or
# MemoryError. Immutable: any number of threads may run one at once.
cdef class Plan:
    cdef void *pointer
    cdef readonly size_t workspace_bytes
    cdef readonly bint is_double
    cdef int64_t[4] input_shape
    cdef int64_t[4] output_shape

# One run on a workspace of the caller's, of plan.workspace_bytes, not shared with another run.
cdef int plan_run(Plan plan, const void *x, const void *residual, void *y,
                  void *workspace) noexcept nogil


# With memoryviews. The lengths and the dtype come from these, so only the rest of a descriptor
# counts: stride, dilation, padding, groups, activation, threads. Shapes that do not fit are a
# BAD_SHAPE. `bias` may be None. Workspaces come from fastconv's pool. In one dimension only the
# second entry of each pair counts.
cdef Plan plan2d(const ConvDesc *desc, const floating[:, :, :, ::1] w, const floating[::1] bias,
                 Py_ssize_t batch, Py_ssize_t height, Py_ssize_t width)
cdef Plan plan1d(const ConvDesc *desc, const floating[:, :, ::1] w, const floating[::1] bias,
                 Py_ssize_t batch, Py_ssize_t length)
cdef int plan_run2d(Plan plan, const floating[:, :, :, ::1] x,
                    floating[:, :, :, ::1] y) noexcept nogil
cdef int plan_run1d(Plan plan, const floating[:, :, ::1] x,
                    floating[:, :, ::1] y) noexcept nogil

cdef int conv2d(const ConvDesc *desc, const floating[:, :, :, ::1] x,
                const floating[:, :, :, ::1] w, const floating[::1] bias,
                floating[:, :, :, ::1] y) noexcept nogil
cdef int conv1d(const ConvDesc *desc, const floating[:, :, ::1] x, const floating[:, :, ::1] w,
                const floating[::1] bias, floating[:, :, ::1] y) noexcept nogil
cdef int conv2d_input_grad(const ConvDesc *desc, const floating[:, :, :, ::1] w,
                           const floating[:, :, :, ::1] dy,
                           floating[:, :, :, ::1] dx) noexcept nogil
cdef int conv2d_weight_grad(const ConvDesc *desc, const floating[:, :, :, ::1] x,
                            const floating[:, :, :, ::1] dy,
                            floating[:, :, :, ::1] dw) noexcept nogil
cdef int pool2d(const PoolDesc *desc, const floating[:, :, :, ::1] x,
                floating[:, :, :, ::1] y) noexcept nogil
