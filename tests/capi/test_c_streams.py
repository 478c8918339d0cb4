"""Streams from C: the bits of Python's, a status for everything bad, and nothing but arithmetic.

That a run allocates nothing is seen by a library that counts the calls of malloc (compiled here, if
there is a compiler), that it asks the system for nothing by a process that may not.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastconv
from c_api import (
    BAD_SHAPE,
    BAD_VALUE,
    BAD_VERSION,
    NULL_POINTER,
    OK,
    UNSUPPORTED,
    Api,
    address,
    stream_desc,
)
from children import run_python
from stream_cases import LAYERS, cut

TESTS = str(Path(__file__).parents[1])
api = Api()
CONV, TRANSPOSED, MAX, AVERAGE = range(4)
ROWS = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.why)


class Stream:
    """A stream of C's as a function of blocks."""

    def __init__(self, desc, w=None, b=None):
        self.desc, self.pointer = desc, ctypes.c_void_p()
        status = api.stream_create(desc, address(w), address(b), ctypes.byref(self.pointer))
        assert status == OK, api.message()

    def __del__(self):
        api.stream_destroy(self.pointer)

    def room(self, channels, n):
        shape = (n, channels) if self.desc.channels_last else (channels, n)
        return np.full((self.desc.batch, *shape), 77, "f8" if self.desc.dtype else "f4")

    def channels_out(self):
        return self.desc.c_in if self.desc.op >= MAX else self.desc.c_out

    def __call__(self, x):
        x = np.ascontiguousarray(x)
        n = x.shape[1 if self.desc.channels_last else 2]
        y = self.room(self.channels_out(), api.stream_outputs(self.pointer, n))
        assert api.stream_run(self.pointer, address(x), n, address(y)) == OK, api.message()
        return y

    def finish(self):
        y = self.room(self.channels_out(), api.stream_owed(self.pointer))
        assert api.stream_finish(self.pointer, address(y)) == OK, api.message()
        return y

    def state(self):
        state = self.room(self.desc.c_in, api.stream_kept(self.pointer))
        assert api.stream_get_state(self.pointer, address(state)) == OK, api.message()
        return state


def described(layer, w, **more):
    """The descriptor of a layer of stream_cases."""
    names = ("stride", "dilation", "groups")
    fields = {name: layer.options[name] for name in names if name in layer.options}
    op = TRANSPOSED if layer.transposed else CONV
    return stream_desc(w, op=op, last=layer.last or 0, **fields, **more)


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
@ROWS
def test_the_bits_are_those_of_python(layer, dtype, last, isa):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, layer.channels, 50)).astype(dtype)
    w, b = layer.weights(dtype, rng.standard_normal)
    data_format = "channels_last" if last else "channels_first"
    python = layer.stream(w, b, batch=3, activation="silu", data_format=data_format)
    stream = Stream(described(layer, w, batch=3, activation=6, channels_last=last), w, b)
    for part in cut(50, (1, 0, 7, 20)):
        block = x[..., part].swapaxes(1, 2) if last else x[..., part]
        assert stream(block).tobytes() == python(block).tobytes()
        assert stream.state().tobytes() == python.state.tobytes()
    assert stream.finish().tobytes() == python.finish().tobytes()


@pytest.mark.parametrize(("op", "kind"), [(MAX, "Max"), (AVERAGE, "Avg")])
def test_pools(op, kind):
    x = np.random.default_rng(0).standard_normal((2, 5, 40)).astype(np.float32)
    options = {"stride": 2, "dilation": 3}
    python = getattr(fastconv, f"{kind}PoolStream1d")(
        3, channels=5, batch=2, align="stride", **options
    )
    stream = Stream(stream_desc(None, op=op, batch=2, c_in=5, kernel=3, last=1, **options))
    for part in cut(40, (3, 1, 8)):
        assert stream(x[..., part]).tobytes() == python(x[..., part]).tobytes()
    assert stream.finish().tobytes() == python.finish().tobytes()


def test_copies_states_and_resets():
    layer = LAYERS[12]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, layer.channels, 50)).astype(np.float32)
    w, b = layer.weights(np.float32, rng.standard_normal)
    one, two = (Stream(described(layer, w, batch=2), w, b) for _ in range(2))
    one(x[..., :9])
    three = Stream(described(layer, w, batch=2), w, b)
    api.stream_destroy(three.pointer)
    assert api.stream_copy(one.pointer, ctypes.byref(three.pointer)) == OK
    state = one.state()
    assert api.stream_set_state(two.pointer, address(state), state.shape[2]) == OK
    results = [each(x[..., 9:]).tobytes() for each in (one, two, three)]
    assert len(set(results)) == 1
    assert api.stream_reset(one.pointer, None) == OK
    fresh = one(x)
    mask = np.array([0, 3], np.uint8)
    assert api.stream_reset(two.pointer, address(mask)) == OK
    assert not two.state()[1].any()
    assert two.state()[0].any()
    assert fresh.tobytes() == layer.stream(w, b, batch=2)(x).tobytes()


W = np.ones((4, 2, 3), np.float32)
BAD = {
    "no descriptor's size": (BAD_VERSION, {"size": 8}),
    "an unknown dtype": (BAD_VALUE, {"dtype": 2}),
    "an unknown op": (BAD_VALUE, {"op": 4}),
    "an unknown activation": (BAD_VALUE, {"activation": 14}),
    "an unknown order": (BAD_VALUE, {"channels_last": 2}),
    "an algorithm that has no streams": (BAD_VALUE, {"algorithm": 2}),
    "threads": (BAD_VALUE, {"threads": 1025}),
    "no batch": (BAD_SHAPE, {"batch": 0}),
    "no channels": (BAD_SHAPE, {"c_in": 0}),
    "no kernel": (BAD_SHAPE, {"kernel": 0}),
    "no stride": (BAD_SHAPE, {"stride": 0}),
    "groups": (BAD_SHAPE, {"groups": 3}),
    "a window that ends in no stride": (BAD_SHAPE, {"last": 1}),
    "a pool with an activation": (UNSUPPORTED, {"op": MAX, "activation": 1}),
    "a pool with weights": (UNSUPPORTED, {"op": MAX}),
    "slopes": (NULL_POINTER, {"activation": 13}),
}


@pytest.mark.parametrize("why", BAD)
def test_bad_descriptors(why):
    status, fields = BAD[why]
    pointer = ctypes.c_void_p()
    desc = stream_desc(W, **fields)
    assert api.stream_create(desc, address(W), None, ctypes.byref(pointer)) == status
    assert api.message()
    assert pointer.value is None


def test_bad_arguments():
    stream = Stream(stream_desc(W, stride=2), W)
    x, y = np.ones((1, 2, 5), np.float32), np.full((1, 4, 5), 77, np.float32)
    run = api.stream_run
    assert run(None, address(x), 5, address(y)) == NULL_POINTER
    assert run(stream.pointer, None, 5, address(y)) == NULL_POINTER
    assert run(stream.pointer, address(x), 5, None) == NULL_POINTER
    assert run(stream.pointer, address(x), -1, address(y)) == BAD_SHAPE
    assert run(stream.pointer, None, 0, None) == OK
    assert (y == 77).all()
    for count in (api.stream_owed, api.stream_kept):
        assert count(None) == -1
    assert (api.stream_outputs(None, 1), api.stream_outputs(stream.pointer, -1)) == (-1, -1)
    assert api.stream_set_state(stream.pointer, address(x), 1) == BAD_SHAPE
    assert api.stream_set_state(stream.pointer, address(x), 4) == BAD_SHAPE
    for function in (api.stream_finish, api.stream_reset, api.stream_get_state):
        assert function(None, address(y)) == NULL_POINTER
    assert api.stream_copy(stream.pointer, None) == NULL_POINTER
    assert (
        api.stream_create(stream.desc, None, None, ctypes.byref(ctypes.c_void_p())) == NULL_POINTER
    )
    assert not stream.state().any()
    api.stream_destroy(None)


# A stream of each engine, and the blocks that it gets again and again: the numbers of arguments of
# stream_desc, and of channels in and out.
ENGINES = (
    f"import ctypes, sys; sys.path.insert(0, {TESTS!r})"
    + """
import numpy as np
from c_api import Api, address, stream_desc
api = Api()
run = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64,
                        ctypes.c_void_p)(api.table.stream_run)
streams = []
for shape, fields in (((16, 16, 3), dict(dilation=8)), ((1, 1, 64), {}),
                      ((64, 1, 4), dict(groups=64)), ((16, 8, 4), dict(op=1, stride=2)),
                      ((8, 8, 5), dict(stride=2, activation=5)),
                      (None, dict(op=2, c_in=6, kernel=3, stride=2)),
                      (None, dict(op=3, c_in=6, kernel=3))):
    w = None if shape is None else np.ones(shape, np.float32)
    desc, pointer = stream_desc(w, **fields), ctypes.c_void_p()
    assert api.stream_create(desc, address(w), None, ctypes.byref(pointer)) == 0, api.message()
    x, y = np.ones((desc.c_in, 200), np.float32), np.empty((256, 512), np.float32)
    streams.append((pointer.value, address(x), address(y), x, y))
LENGTHS = (64, 1, 7, 0, 200)

def blocks(n):
    status = 0
    for i in range(n):
        for length in LENGTHS:
            pointer, x, y, _, _ = streams[i % len(streams)]
            status |= run(pointer, x, length, y)
    return status

assert blocks(50) == 0
"""
)

NO_SYSTEM = (
    ENGINES
    + """
import gc
gc.disable()
libc = ctypes.CDLL(None, use_errno=True)
syscall = ctypes.PyDLL(None).syscall
assert syscall(39) > 0
if libc.prctl(22, 1, 0, 0, 0) != 0:  # PR_SET_SECCOMP, strict: read, write and exit alone
    print("not allowed")
    sys.exit(0)
status = blocks(20_000)
syscall(60, status)
"""
)


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="seccomp")
def test_runs_of_100000_blocks_call_no_system():
    """Strict seccomp kills a process at its first system call but read, write and exit."""
    # exit() ends one thread, which has to be the only one: OpenBLAS must not start others.
    if run_python(NO_SYSTEM, OPENBLAS_NUM_THREADS="1"):
        pytest.skip("seccomp is not allowed here")


COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
static long counted;
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
void *malloc(size_t n) { ++counted; return __libc_malloc(n); }
void *calloc(size_t k, size_t n) { ++counted; return __libc_calloc(k, n); }
void *realloc(void *p, size_t n) { ++counted; return __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { ++counted; return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n) {
  ++counted;
  *p = __libc_memalign(a, n);
  return *p == NULL ? 12 : 0;
}
int pthread_mutex_lock(pthread_mutex_t *m) {
  static int (*real)(pthread_mutex_t *);
  ++counted;
  if (real == NULL) real = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
  return real(m);
}
long count_blocks(int (*run)(void *, const void *, int64_t, void *), void *stream, const void *x,
                  void *y, long times) {
  static const int64_t lengths[] = {64, 1, 7, 0, 200};
  const long before = counted;
  for (long i = 0; i < times; ++i)
    if (run(stream, x, lengths[i % 5], y) != 0) return -1;
  return counted - before;
}
long count_one(void) {
  const long before = counted;
  void *volatile block = malloc(1);
  return block == NULL ? -1 : counted - before;
}
"""

NO_MALLOC = (
    ENGINES
    + """
import os
library = ctypes.CDLL(os.environ["LD_PRELOAD"])
assert library.count_one() == 1
library.count_blocks.restype = ctypes.c_long
library.count_blocks.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_long]
for pointer, x, y, _, _ in streams:
    print(library.count_blocks(api.table.stream_run, pointer, x, y, 100_000))
"""
)


@pytest.mark.skipif(shutil.which("cc") is None or sys.platform != "linux", reason="no C compiler")
def test_runs_of_100000_blocks_allocate_nothing_and_take_no_lock(tmp_path):
    source, library = tmp_path / "counter.c", tmp_path / "counter.so"
    source.write_text(COUNTER)
    subprocess.run(
        ["cc", "-O1", "-fno-builtin", "-shared", "-fPIC", str(source), "-o", str(library), "-ldl"],
        check=True,
    )
    # All of the process is counted: a thread that OpenBLAS starts takes a lock of its own.
    counted = run_python(NO_MALLOC, LD_PRELOAD=str(library), OPENBLAS_NUM_THREADS="1")
    assert counted.split() == ["0"] * 7
