"""The pool behind workspaces and large results: what it hands out, keeps, and gives back."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy._core.multiarray import get_handler_name

import fastconv
from children import run_python

MIB = 2**20
LARGE = (1, 4, 256, 128)  # 512 KiB of float32


def ones(shape=LARGE):
    return np.ones(shape, np.float32)


def result(shape=LARGE):
    return fastconv.relu(ones(shape))


def address(array):
    return array.ctypes.data


@pytest.fixture(autouse=True)
def empty_pool():
    fastconv.clear_pool()


def kept():
    return fastconv.show_config(mode="dicts")["pool_bytes"][0]


def test_large_results_come_from_the_pool_and_are_plain_arrays():
    for y in (result(), fastconv.max_pool2d(ones((1, 4, 600, 600)), 2)):
        assert get_handler_name(y) == "fastconv"
        assert type(y) is np.ndarray
        assert y.flags.owndata
        assert y.flags.c_contiguous
        assert y.base is None
        assert address(y) % 64 == 0
    assert get_handler_name(result((1, 4, 8, 8))) != "fastconv"
    assert get_handler_name(np.empty(LARGE)) != "fastconv"  # the setting does not leak


def test_what_was_freed_is_used_again():
    y = result()
    where = address(y)
    del y
    assert kept() >= 512 * 1024
    y = result()
    assert address(y) == where
    z = result()
    assert address(z) != where  # y is alive
    np.testing.assert_array_equal(z, ones())


def test_a_little_smaller_fits_and_much_smaller_does_not():
    y = result()
    where = address(y)
    del y
    assert address(result((1, 4, 250, 128))) == where
    assert address(result((1, 4, 160, 128))) != where


def test_clear_pool_gives_all_back():
    alive = [result() for _ in range(3)]
    assert kept() == 0
    del alive
    assert kept() >= 3 * 512 * 1024
    fastconv.clear_pool()
    assert kept() == 0


@pytest.mark.parametrize("shape", [(3, 5), (4, 512, 512), (1, 4, 256, 129), (0,)], ids=str)
def test_resizing(shape):
    y = fastconv.relu(np.arange(np.prod(LARGE), dtype=np.float32).reshape(LARGE))
    want = y.copy()
    y.resize(shape, refcheck=False)
    want.resize(shape, refcheck=False)
    np.testing.assert_array_equal(y, want)
    del y
    np.testing.assert_array_equal(result(), ones())


def test_copies_and_pickles():
    y = result()
    for other in (y.copy(), copy.deepcopy(y), pickle.loads(pickle.dumps(y)), y.astype(np.float64)):
        np.testing.assert_array_equal(other, y)
        assert address(other) != address(y)
    view = y[0, 1:]
    del y
    np.testing.assert_array_equal(result() + 1, ones() + 1)
    np.testing.assert_array_equal(view, 1)  # keeps its array alive
    y = view.base
    y.shape = (-1,)
    y.dtype = np.int8  # NumPy then frees another number of bytes


def test_results_are_seen_by_tracemalloc():
    tracemalloc.start()
    try:
        y = result()
        assert tracemalloc.get_traced_memory()[0] >= y.nbytes
        del y
        assert tracemalloc.get_traced_memory()[0] < 10_000
    finally:
        tracemalloc.stop()


def test_too_large_a_result_is_a_memory_error():
    x = np.broadcast_to(np.float32(1), (2**20, 2**20, 2**4))
    w = np.ones((2**12, 1, 1), np.float32)
    with pytest.raises(MemoryError, match="allocate"):
        fastconv.conv1d(x[:, :1], np.broadcast_to(w, (2**12, 1, 1)))
    np.testing.assert_array_equal(result(), ones())


def test_threads_free_what_others_made():
    def work(seed):
        rng = np.random.default_rng(seed)
        alive = []
        for i in range(60):
            height = int(rng.integers(100, 400))
            y = result((1, 4, height, 128))
            assert y.min() == y.max() == 1
            y[...] = seed * 1000 + i
            alive.append((y, seed * 1000 + i))
            if len(alive) > 5:
                old, value = alive.pop(int(rng.integers(len(alive))))
                assert old.min() == old.max() == value
        return alive

    with ThreadPoolExecutor(4) as threads:
        for alive in threads.map(work, range(8)):
            for y, value in alive:  # freed in this thread
                assert y.min() == y.max() == value


CHILD = """
import numpy as np, fastconv
from numpy._core.multiarray import get_handler_name
ys = [fastconv.relu(np.ones((1, 4, 512, n), np.float32)) for n in (128, 256, 300, 512) * 3]
del ys
kept, most = fastconv.show_config(mode="dicts")["pool_bytes"]
y = fastconv.relu(np.ones((1, 4, 512, 512), np.float32))
print(kept, most, y.sum() == y.size)
"""


def child(**environment):
    kept_bytes, most, right = run_python(CHILD, **environment).split()
    assert right == "True"
    return int(kept_bytes), int(most)


def test_the_cap_is_256_mib_or_what_the_environment_says():
    kept_bytes, most = child()
    assert most == 256 * MIB
    assert kept_bytes >= 3 * 4 * 512 * (128 + 256 + 300 + 512) * 4
    kept_bytes, most = child(FASTCONV_POOL_MB="5")
    assert most == 5 * MIB
    assert 3 * MIB <= kept_bytes <= most
    assert child(FASTCONV_POOL_MB="0") == (0, 0)
    assert child(FASTCONV_POOL_MB="99999999999999999999")[1] > 2**60
    assert child(FASTCONV_POOL_MB="")[1] == 256 * MIB


@pytest.mark.parametrize("value", ["-1", "1.5", "many", "64MB", " "])
def test_another_value_is_a_warning_and_ignored(value):
    code = "import warnings\nwith warnings.catch_warnings(record=True) as seen:\n"
    code += "    warnings.simplefilter('always')\n    import fastconv\n"
    code += "print(seen[0].category.__name__, seen[0].message)\n"
    code += "print(fastconv.show_config(mode='dicts')['pool_bytes'][1])"
    said, most = run_python(code, FASTCONV_POOL_MB=value).splitlines()
    assert said.startswith(f"RuntimeWarning FASTCONV_POOL_MB='{value}' is not a number of MiB")
    assert int(most) == 256 * MIB


def test_a_handler_of_the_users_own_wins():
    code = """
import ctypes
from ctypes import POINTER, PYFUNCTYPE, c_char_p, c_void_p, py_object, pythonapi
import numpy as np, fastconv
from numpy._core import _multiarray_umath as core
from numpy._core.multiarray import get_handler_name
pointer = PYFUNCTYPE(c_void_p, py_object, c_char_p)(("PyCapsule_GetPointer", pythonapi))
capsule = PYFUNCTYPE(py_object, c_void_p, c_char_p, c_void_p)(("PyCapsule_New", pythonapi))
api = ctypes.cast(pointer(core._ARRAY_API, None), POINTER(c_void_p))
set_handler = PYFUNCTYPE(py_object, py_object)(api[304])
default = ctypes.cast(api[306], POINTER(py_object))[0]
mine = ctypes.create_string_buffer(ctypes.string_at(pointer(default, b"mem_handler"), 168), 168)
mine[:5] = b"mine\\0"
before = set_handler(capsule(ctypes.addressof(mine), b"mem_handler", None))
y = fastconv.relu(np.ones((1, 4, 512, 512), np.float32))
print(get_handler_name(y), get_handler_name(np.ones(3)))
set_handler(before)
y = fastconv.relu(np.ones((1, 4, 512, 512), np.float32))
print(get_handler_name(y), get_handler_name(np.ones(3)))
"""
    assert run_python(code).split() == ["mine", "mine", "fastconv", "default_allocator"]


def test_results_may_outlive_the_interpreter():
    code = """
import sys, numpy as np, fastconv
x = np.ones((1, 4, 512, 512), np.float32)
sys.kept = fastconv.relu(x)
class Late:
    def __del__(self, y=fastconv.relu(x)):
        y.resize((9, 9), refcheck=False)
late = Late()
late.me = late
print("done")
"""
    assert run_python(code) == "done"


def test_the_child_of_a_fork_has_a_pool_of_its_own():
    code = """
import os, numpy as np, fastconv
x = np.ones((1, 4, 512, 512), np.float32)
y, z = fastconv.relu(x), fastconv.relu(x)
del z
child = os.fork()
w = fastconv.relu(x * (2 if child else 3))
del y
v = fastconv.relu(x)
assert w.min() == w.max() == (2 if child else 3) and v.max() == 1
if not child:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run_python(code) == "7"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.parametrize(
    ("calls", "shapes"), [(3_000, 100), pytest.param(100_000, 1_000, marks=pytest.mark.slow)]
)
def test_many_shapes_keep_no_more_than_the_cap(calls, shapes):
    code = f"""
import resource
from pathlib import Path
import numpy as np, fastconv

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

rng = np.random.default_rng(0)
x = np.ones(8 << 18, np.float32)
w = np.ones((8, 8, 3), np.float32)
lengths = (2.0 ** rng.uniform(3, 18, {shapes})).astype(int)
fastconv.conv1d(x[:64].reshape(8, 8), w)
before = resident()
for i in range({calls}):
    n = lengths[rng.integers({shapes})]
    fastconv.conv1d(x[: 8 * n].reshape(8, n), w[:, :, : 1 + i % 3])
print(resident() - before)
"""
    assert int(run_python(code, timeout=280, FASTCONV_POOL_MB="32")) <= 33 * MIB
