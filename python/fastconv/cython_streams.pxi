# SPDX-License-Identifier: MIT
# The part of cython_api.pyx that passes calls on streams to the table.

cdef int stream_create(const StreamDesc *desc, const void *w, const void *bias,
                       void **stream) noexcept nogil:
    return api.stream_create(<Streaming> desc, w, bias, <fastconv_stream **> stream)


cdef int stream_copy(const void *stream, void **copy) noexcept nogil:
    return api.stream_copy(<Seen> stream, <fastconv_stream **> copy)


cdef int64_t stream_outputs(const void *stream, int64_t n) noexcept nogil:
    return api.stream_outputs(<Seen> stream, n)


cdef int stream_run(void *stream, const void *x, int64_t n, void *y) noexcept nogil:
    return api.stream_run(<Live> stream, x, n, y)


cdef int64_t stream_owed(const void *stream) noexcept nogil:
    return api.stream_owed(<Seen> stream)


cdef int stream_finish(void *stream, void *y) noexcept nogil:
    return api.stream_finish(<Live> stream, y)


cdef int stream_reset(void *stream, const uint8_t *mask) noexcept nogil:
    return api.stream_reset(<Live> stream, mask)


cdef int64_t stream_kept(const void *stream) noexcept nogil:
    return api.stream_kept(<Seen> stream)


cdef int stream_get_state(const void *stream, void *state) noexcept nogil:
    return api.stream_get_state(<Seen> stream, state)


cdef int stream_set_state(void *stream, const void *state, int64_t n) noexcept nogil:
    return api.stream_set_state(<Live> stream, state, n)


cdef void stream_destroy(void *stream) noexcept nogil:
    api.stream_destroy(<Live> stream)
