# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""fastconv for Cython: see cython_api.pxd. It holds no kernels; it calls those of fastconv._native."""

from libc.string cimport memcmp


cdef extern from "fastconv.h":
    ctypedef struct fastconv_conv_desc:
        pass
    ctypedef struct fastconv_pool_desc:
        pass
    ctypedef struct fastconv_plan:
        pass
    ctypedef struct fastconv_stream_desc:
        pass
    ctypedef struct fastconv_stream:
        pass
    ctypedef struct fastconv_api:
        const char *(*last_error)() noexcept nogil
        int (*fail)(int, const char *) noexcept nogil
        void *(*take)(size_t) noexcept nogil
        void (*give)(void *) noexcept nogil
        int (*conv_output_shape)(const fastconv_conv_desc *, int64_t *) noexcept nogil
        int (*conv_workspace)(const fastconv_conv_desc *, int, size_t *) noexcept nogil
        int (*conv)(const fastconv_conv_desc *, const void *, const void *, const void *,
                    const void *, void *, void *, size_t) noexcept nogil
        int (*conv_input_grad)(const fastconv_conv_desc *, const void *, const void *, void *,
                               void *, size_t) noexcept nogil
        int (*conv_weight_grad)(const fastconv_conv_desc *, const void *, const void *, void *,
                                void *, size_t) noexcept nogil
        int (*conv_bias_grad)(const fastconv_conv_desc *, const void *, void *) noexcept nogil
        int (*plan_create)(const fastconv_conv_desc *, int, const void *, const void *,
                           fastconv_plan **) noexcept nogil
        size_t (*plan_workspace)(const fastconv_plan *) noexcept nogil
        int (*plan_run)(const fastconv_plan *, const void *, const void *, void *, void *,
                        size_t) noexcept nogil
        void (*plan_destroy)(fastconv_plan *) noexcept nogil
        int (*pool_output_shape)(const fastconv_pool_desc *, int64_t *) noexcept nogil
        int (*pool_workspace)(const fastconv_pool_desc *, int, size_t *) noexcept nogil
        int (*pool)(const fastconv_pool_desc *, const void *, void *, int64_t *, void *,
                    size_t) noexcept nogil
        int (*pool_input_grad)(const fastconv_pool_desc *, const void *, const void *,
                               const void *, const int64_t *, void *, void *,
                               size_t) noexcept nogil
        int (*stream_create)(const fastconv_stream_desc *, const void *, const void *,
                             fastconv_stream **) noexcept nogil
        int (*stream_copy)(const fastconv_stream *, fastconv_stream **) noexcept nogil
        int64_t (*stream_outputs)(const fastconv_stream *, int64_t) noexcept nogil
        int (*stream_run)(fastconv_stream *, const void *, int64_t, void *) noexcept nogil
        int64_t (*stream_owed)(const fastconv_stream *) noexcept nogil
        int (*stream_finish)(fastconv_stream *, void *) noexcept nogil
        int (*stream_reset)(fastconv_stream *, const uint8_t *) noexcept nogil
        int64_t (*stream_kept)(const fastconv_stream *) noexcept nogil
        int (*stream_get_state)(const fastconv_stream *, void *) noexcept nogil
        int (*stream_set_state)(fastconv_stream *, const void *, int64_t) noexcept nogil
        void (*stream_destroy)(fastconv_stream *) noexcept nogil
    fastconv_conv_desc fastconv_conv_defaults() noexcept nogil
    fastconv_pool_desc fastconv_pool_defaults() noexcept nogil
    fastconv_stream_desc fastconv_stream_defaults() noexcept nogil
    const fastconv_api *fastconv_import() except NULL

ctypedef const fastconv_conv_desc *Conv
ctypedef const fastconv_pool_desc *Pooling
ctypedef const fastconv_stream_desc *Streaming
ctypedef fastconv_stream *Live
ctypedef const fastconv_stream *Seen

cdef const fastconv_api *api = fastconv_import()


cdef ConvDesc conv_defaults() noexcept nogil:
    cdef fastconv_conv_desc desc = fastconv_conv_defaults()
    return (<ConvDesc *> &desc)[0]


cdef PoolDesc pool_defaults() noexcept nogil:
    cdef fastconv_pool_desc desc = fastconv_pool_defaults()
    return (<PoolDesc *> &desc)[0]


cdef StreamDesc stream_defaults() noexcept nogil:
    cdef fastconv_stream_desc desc = fastconv_stream_defaults()
    return (<StreamDesc *> &desc)[0]


cdef const char *last_error() noexcept nogil:
    return api.last_error()


cdef void *take(size_t nbytes) noexcept nogil:
    return api.take(nbytes)


cdef void give(void *memory) noexcept nogil:
    api.give(memory)


cdef int conv_output_shape(const ConvDesc *desc, int64_t *shape) noexcept nogil:
    return api.conv_output_shape(<Conv> desc, shape)


cdef int conv_workspace(const ConvDesc *desc, int pass_, size_t *nbytes) noexcept nogil:
    return api.conv_workspace(<Conv> desc, pass_, nbytes)


cdef int conv(const ConvDesc *desc, const void *x, const void *w, const void *bias,
              const void *residual, void *y, void *workspace, size_t nbytes) noexcept nogil:
    return api.conv(<Conv> desc, x, w, bias, residual, y, workspace, nbytes)


cdef int conv_input_grad(const ConvDesc *desc, const void *w, const void *dy, void *dx,
                         void *workspace, size_t nbytes) noexcept nogil:
    return api.conv_input_grad(<Conv> desc, w, dy, dx, workspace, nbytes)


cdef int conv_weight_grad(const ConvDesc *desc, const void *x, const void *dy, void *dw,
                          void *workspace, size_t nbytes) noexcept nogil:
    return api.conv_weight_grad(<Conv> desc, x, dy, dw, workspace, nbytes)


cdef int conv_bias_grad(const ConvDesc *desc, const void *dy, void *db) noexcept nogil:
    return api.conv_bias_grad(<Conv> desc, dy, db)


cdef int pool_output_shape(const PoolDesc *desc, int64_t *shape) noexcept nogil:
    return api.pool_output_shape(<Pooling> desc, shape)


cdef int pool_workspace(const PoolDesc *desc, int pass_, size_t *nbytes) noexcept nogil:
    return api.pool_workspace(<Pooling> desc, pass_, nbytes)


cdef int pool(const PoolDesc *desc, const void *x, void *y, int64_t *indices, void *workspace,
              size_t nbytes) noexcept nogil:
    return api.pool(<Pooling> desc, x, y, indices, workspace, nbytes)


cdef int pool_input_grad(const PoolDesc *desc, const void *dy, const void *x, const void *y,
                         const int64_t *indices, void *dx, void *workspace,
                         size_t nbytes) noexcept nogil:
    return api.pool_input_grad(<Pooling> desc, dy, x, y, indices, dx, workspace, nbytes)


include "cython_streams.pxi"


cdef class Plan:
    """A convolution with its weights packed; made in Cython, by plan2d and plan1d."""

    def __cinit__(self):
        self.pointer = NULL

    def __dealloc__(self):
        api.plan_destroy(<fastconv_plan *> self.pointer)


cdef Plan make_plan(const ConvDesc *desc, const void *w, const void *bias):
    cdef Plan plan = Plan.__new__(Plan)
    cdef int status
    with nogil:
        status = api.conv_output_shape(<Conv> desc, plan.output_shape)
        if status == OK:
            status = api.plan_create(<Conv> desc, FORWARD, w, bias,
                                     <fastconv_plan **> &plan.pointer)
    if status == NO_MEMORY:
        raise MemoryError(last_error().decode())
    if status != OK:
        raise ValueError(last_error().decode())
    plan.input_shape = [desc.batch, desc.c_in, desc.in_[0], desc.in_[1]]
    plan.workspace_bytes = api.plan_workspace(<fastconv_plan *> plan.pointer)
    plan.is_double = desc.dtype == FLOAT64
    return plan


cdef int plan_run(Plan plan, const void *x, const void *residual, void *y,
                  void *workspace) noexcept nogil:
    return api.plan_run(<fastconv_plan *> plan.pointer, x, residual, y, workspace,
                        plan.workspace_bytes)


# From here on: memoryviews. A Shape is what a descriptor needs to know of one.
cdef struct Shape:
    int64_t[4] n


cdef inline Shape shape2d(const floating[:, :, :, ::1] array) noexcept nogil:
    cdef Shape shape
    shape.n = [array.shape[0], array.shape[1], array.shape[2], array.shape[3]]
    return shape


cdef inline Shape shape1d(const floating[:, :, ::1] array) noexcept nogil:
    cdef Shape shape
    shape.n = [array.shape[0], array.shape[1], 1, array.shape[2]]
    return shape


cdef inline int32_t dtype_of(const floating *element) noexcept nogil:
    return FLOAT32 if floating is float else FLOAT64


# The pairs of a signal, which has a height of 1.
cdef ConvDesc flat(const ConvDesc *desc) noexcept nogil:
    cdef ConvDesc d = desc[0]
    d.stride[0] = d.dilation[0] = 1
    d.pad_lo[0] = d.pad_hi[0] = d.output_padding[0] = 0
    return d


# The descriptor of x, or of an image of these lengths, with w.
cdef ConvDesc described(const ConvDesc *desc, int32_t dtype, Shape x, Shape w) noexcept nogil:
    cdef ConvDesc d = desc[0]
    d.dtype = dtype
    d.batch, d.c_in = x.n[0], x.n[1]
    d.in_ = [x.n[2], x.n[3]]
    d.kernel = [w.n[2], w.n[3]]
    d.c_out = w.n[1] * d.groups if d.transposed else w.n[0]
    return d


# Whether w and y have the shapes that the descriptor gives them.
cdef int check_conv(const ConvDesc *d, Shape w, Shape y) noexcept nogil:
    cdef Shape wanted
    cdef int status = api.conv_output_shape(<Conv> d, wanted.n)
    if status != OK:
        return status
    cdef int64_t rows = d.c_in if d.transposed else d.c_out
    cdef int64_t columns = (d.c_out if d.transposed else d.c_in) // d.groups
    if w.n[0] != rows or w.n[1] != columns:
        return api.fail(BAD_SHAPE, b"the weights do not have the channels of the images")
    if memcmp(&wanted, &y, sizeof(Shape)) != 0:
        return api.fail(BAD_SHAPE, b"the output does not have the shape of the result")
    return OK


cdef int check_bias(const ConvDesc *d, const floating[::1] bias) noexcept nogil:
    if bias is not None and bias.shape[0] != d.c_out:
        return api.fail(BAD_SHAPE, b"bias does not have an element for each output channel")
    return OK


cdef inline const void *data_of(const floating[::1] bias) noexcept nogil:
    if bias is None:
        return NULL
    return &bias[0]


cdef int no_memory() noexcept nogil:
    return api.fail(NO_MEMORY, b"there is no memory for the workspace")


cdef int run_plan(Plan plan, bint is_double, Shape x, const void *x_data, Shape y,
                  void *y_data) noexcept nogil:
    if plan.is_double != is_double:
        return api.fail(BAD_VALUE, b"the plan has another dtype")
    if memcmp(&x, plan.input_shape, sizeof(Shape)) != 0:
        return api.fail(BAD_SHAPE, b"x does not have the plan's input shape")
    if memcmp(&y, plan.output_shape, sizeof(Shape)) != 0:
        return api.fail(BAD_SHAPE, b"y does not have the plan's output shape")
    cdef void *workspace = api.take(plan.workspace_bytes)
    if workspace == NULL and plan.workspace_bytes > 0:
        return no_memory()
    cdef int status = plan_run(plan, x_data, NULL, y_data, workspace)
    api.give(workspace)
    return status


# One pass of a convolution that takes arrays a and b to `to`; a bias is for the forward pass.
cdef int run_conv(const ConvDesc *d, int pass_, const void *a, const void *b, const void *bias,
                  void *to) noexcept nogil:
    cdef size_t nbytes
    cdef int status = api.conv_workspace(<Conv> d, pass_, &nbytes)
    if status != OK:
        return status
    cdef void *workspace = api.take(nbytes)
    if workspace == NULL and nbytes > 0:
        return no_memory()
    if pass_ == FORWARD:
        status = api.conv(<Conv> d, a, b, bias, NULL, to, workspace, nbytes)
    elif pass_ == INPUT_GRAD:
        status = api.conv_input_grad(<Conv> d, a, b, to, workspace, nbytes)
    else:
        status = api.conv_weight_grad(<Conv> d, a, b, to, workspace, nbytes)
    api.give(workspace)
    return status


cdef Plan plan2d(const ConvDesc *desc, const floating[:, :, :, ::1] w, const floating[::1] bias,
                 Py_ssize_t batch, Py_ssize_t height, Py_ssize_t width):
    cdef Shape kernel = shape2d(w), x
    x.n = [batch, kernel.n[0] if desc.transposed else kernel.n[1] * desc.groups, height, width]
    cdef ConvDesc d = described(desc, dtype_of(&w[0, 0, 0, 0]), x, kernel)
    if check_bias(&d, bias) != OK:
        raise ValueError(last_error().decode())
    return make_plan(&d, &w[0, 0, 0, 0], data_of(bias))


cdef Plan plan1d(const ConvDesc *desc, const floating[:, :, ::1] w, const floating[::1] bias,
                 Py_ssize_t batch, Py_ssize_t length):
    cdef Shape kernel = shape1d(w), x
    x.n = [batch, kernel.n[0] if desc.transposed else kernel.n[1] * desc.groups, 1, length]
    cdef ConvDesc signal = flat(desc)
    cdef ConvDesc d = described(&signal, dtype_of(&w[0, 0, 0]), x, kernel)
    if check_bias(&d, bias) != OK:
        raise ValueError(last_error().decode())
    return make_plan(&d, &w[0, 0, 0], data_of(bias))


cdef int plan_run2d(Plan plan, const floating[:, :, :, ::1] x,
                    floating[:, :, :, ::1] y) noexcept nogil:
    return run_plan(plan, floating is double, shape2d(x), &x[0, 0, 0, 0], shape2d(y),
                    &y[0, 0, 0, 0])


cdef int plan_run1d(Plan plan, const floating[:, :, ::1] x,
                    floating[:, :, ::1] y) noexcept nogil:
    return run_plan(plan, floating is double, shape1d(x), &x[0, 0, 0], shape1d(y), &y[0, 0, 0])


cdef int conv2d(const ConvDesc *desc, const floating[:, :, :, ::1] x,
                const floating[:, :, :, ::1] w, const floating[::1] bias,
                floating[:, :, :, ::1] y) noexcept nogil:
    cdef ConvDesc d = described(desc, dtype_of(&x[0, 0, 0, 0]), shape2d(x), shape2d(w))
    cdef int status = check_conv(&d, shape2d(w), shape2d(y))
    if status == OK:
        status = check_bias(&d, bias)
    if status != OK:
        return status
    return run_conv(&d, FORWARD, &x[0, 0, 0, 0], &w[0, 0, 0, 0], data_of(bias), &y[0, 0, 0, 0])


cdef int conv1d(const ConvDesc *desc, const floating[:, :, ::1] x, const floating[:, :, ::1] w,
                const floating[::1] bias, floating[:, :, ::1] y) noexcept nogil:
    cdef ConvDesc signal = flat(desc)
    cdef ConvDesc d = described(&signal, dtype_of(&x[0, 0, 0]), shape1d(x), shape1d(w))
    cdef int status = check_conv(&d, shape1d(w), shape1d(y))
    if status == OK:
        status = check_bias(&d, bias)
    if status != OK:
        return status
    return run_conv(&d, FORWARD, &x[0, 0, 0], &w[0, 0, 0], data_of(bias), &y[0, 0, 0])


cdef int conv2d_input_grad(const ConvDesc *desc, const floating[:, :, :, ::1] w,
                           const floating[:, :, :, ::1] dy,
                           floating[:, :, :, ::1] dx) noexcept nogil:
    cdef ConvDesc d = described(desc, dtype_of(&w[0, 0, 0, 0]), shape2d(dx), shape2d(w))
    cdef int status = check_conv(&d, shape2d(w), shape2d(dy))
    if status != OK:
        return status
    return run_conv(&d, INPUT_GRAD, &w[0, 0, 0, 0], &dy[0, 0, 0, 0], NULL, &dx[0, 0, 0, 0])


cdef int conv2d_weight_grad(const ConvDesc *desc, const floating[:, :, :, ::1] x,
                            const floating[:, :, :, ::1] dy,
                            floating[:, :, :, ::1] dw) noexcept nogil:
    cdef ConvDesc d = described(desc, dtype_of(&x[0, 0, 0, 0]), shape2d(x), shape2d(dw))
    cdef int status = check_conv(&d, shape2d(dw), shape2d(dy))
    if status != OK:
        return status
    return run_conv(&d, WEIGHT_GRAD, &x[0, 0, 0, 0], &dy[0, 0, 0, 0], NULL, &dw[0, 0, 0, 0])


cdef int pool2d(const PoolDesc *desc, const floating[:, :, :, ::1] x,
                floating[:, :, :, ::1] y) noexcept nogil:
    cdef PoolDesc d = desc[0]
    cdef Shape wanted, given = shape2d(y)
    d.dtype = dtype_of(&x[0, 0, 0, 0])
    d.batch, d.channels = x.shape[0], x.shape[1]
    d.in_ = [x.shape[2], x.shape[3]]
    cdef int status = api.pool_output_shape(<Pooling> &d, wanted.n)
    if status != OK:
        return status
    if memcmp(&wanted, &given, sizeof(Shape)) != 0:
        return api.fail(BAD_SHAPE, b"the output does not have the shape of the result")
    cdef size_t nbytes
    status = api.pool_workspace(<Pooling> &d, FORWARD, &nbytes)
    if status != OK:
        return status
    cdef void *workspace = api.take(nbytes)
    if workspace == NULL and nbytes > 0:
        return no_memory()
    status = api.pool(<Pooling> &d, &x[0, 0, 0, 0], &y[0, 0, 0, 0], NULL, workspace, nbytes)
    api.give(workspace)
    return status
