"""Threads, processes and the environment: the same bits, no hang, no crash."""

from __future__ import annotations

import contextvars
import hashlib
import os
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastconv
from children import run_python
from fastconv import _native, grad

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 16, 20, 20)).astype(np.float32)
W = RNG.standard_normal((24, 16, 3, 3)).astype(np.float32)

LAYERS = ("pool", "openmp", "off") if _native.config()["openmp"] != "none" else ("pool", "off")

# What a process prints if all is well: the bits do not depend on its threads or its parent.
PROGRAM = """
import numpy as np, fastconv
rng = np.random.default_rng(0)
x = rng.standard_normal((2, 16, 20, 20)).astype(np.float32)
w = rng.standard_normal((24, 16, 3, 3)).astype(np.float32)
y = fastconv.conv2d(x, w, padding=1)
d = fastconv.grad.conv2d(x, w, y, padding=1)
import hashlib
print(hashlib.sha256(b"".join(a.tobytes() for a in (y, *d))).hexdigest(), end=" ")
"""


def digest():
    y = fastconv.conv2d(X, W, padding=1)
    parts = (y, *grad.conv2d(X, W, y, padding=1))
    return hashlib.sha256(b"".join(a.tobytes() for a in parts)).hexdigest()


def stress(workers, calls):
    """Run many calls on shared inputs from many threads; every result must have the same bits."""
    algorithms = ("winograd", "direct", "im2col")
    want = {a: fastconv.conv2d(X, W, algorithm=a).tobytes() for a in algorithms}
    dw = grad.conv2d_weight(X, W.shape, fastconv.conv2d(X, W, algorithm="im2col")).tobytes()
    plan = fastconv.Conv2dPlan(X.shape, W)
    planned = plan(X).tobytes()
    start = threading.Barrier(workers)

    def work(seed):
        start.wait()
        out = np.empty((2, 24, 18, 18), np.float32)
        for i in range(calls):
            for algorithm, bits in want.items():
                fastconv.conv2d(X, W, algorithm=algorithm, out=out, threads=1 + (seed + i) % 3)
                assert out.tobytes() == bits
            assert plan(X).tobytes() == planned
            if i % 4 == 0:
                assert grad.conv2d_weight(X, W.shape, out).tobytes() == dw
        return True

    with ThreadPoolExecutor(workers) as pool:
        assert all(pool.map(work, range(workers)))


def os_threads():
    return len(os.listdir("/proc/self/task"))


@pytest.mark.parametrize("layer", LAYERS)
def test_many_threads_share_inputs(layer):
    before = fastconv.threading()
    fastconv.set_threading(layer)
    try:
        stress(24, 6)
    finally:
        fastconv.set_threading(before)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_threads_share_inputs_for_long():
    stress(24, 10_000)


def test_python_threads_that_end_leave_few_behind():
    def work():
        fastconv.conv2d(X, W, threads=2)

    for _ in range(3):
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    before = os_threads()
    for _ in range(30):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    stop = time.monotonic() + 60  # a thread may be joined before the system has ended it
    while os_threads() > before + 2 and time.monotonic() < stop:
        time.sleep(0.05)
    assert os_threads() <= before + 2


ENVIRONMENTS = [
    {"OMP_NUM_THREADS": "1"},
    {"OMP_NUM_THREADS": "1000"},
    {"OMP_NUM_THREADS": "2,2"},
    {"OMP_DYNAMIC": "true"},
    {"OMP_PROC_BIND": "close"},
    {"OMP_STACKSIZE": "64k"},
    {"OMP_WAIT_POLICY": "active"},
    {"OMP_THREAD_LIMIT": "1"},
    {"OMP_MAX_ACTIVE_LEVELS": "0"},
    {"OMP_SCHEDULE": "static"},
    {"FASTCONV_NUM_THREADS": "7", "OMP_THREAD_LIMIT": "3"},
    {"FASTCONV_POOL_MB": "0"},
    {"MALLOC_PERTURB_": "165"},
    {"PYTHONMALLOC": "debug"},
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
@pytest.mark.parametrize("layer", LAYERS)
def test_environments_change_no_bit(environment, layer):
    how = {"FASTCONV_ISA": fastconv.isa(), "FASTCONV_THREADING": layer}
    assert run_python(PROGRAM, **how, **environment) == digest()


THREADS = [  # environment, threads, and what is warned
    ({"FASTCONV_NUM_THREADS": "3"}, 3, ""),
    ({"OMP_NUM_THREADS": "5"}, 5, ""),
    ({"OMP_NUM_THREADS": "5,2"}, 5, ""),
    ({"FASTCONV_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3, ""),
    ({"FASTCONV_NUM_THREADS": ""}, None, ""),
    ({"FASTCONV_NUM_THREADS": "99999999999999999999999"}, 1024, ""),
    ({"FASTCONV_NUM_THREADS": "0", "OMP_NUM_THREADS": "5"}, 5, "FASTCONV_NUM_THREADS='0'"),
    ({"FASTCONV_NUM_THREADS": "-2"}, None, "FASTCONV_NUM_THREADS='-2'"),
    ({"FASTCONV_NUM_THREADS": "two"}, None, "FASTCONV_NUM_THREADS='two'"),
    ({"FASTCONV_NUM_THREADS": "2x"}, None, "FASTCONV_NUM_THREADS='2x'"),
    ({"FASTCONV_NUM_THREADS": "\udcff"}, None, "FASTCONV_NUM_THREADS="),
]


@pytest.mark.parametrize(("environment", "threads", "warned"), THREADS, ids=str)
def test_threads_by_environment(environment, threads, warned):
    code = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import fastconv
print(fastconv.get_num_threads(), *[f"{w.category.__name__}: {w.message}" for w in caught])
"""
    if threads is None:
        threads = run_python("import fastconv; print(fastconv.get_num_threads())")
    count, *rest = run_python(code, PYTHONIOENCODING="utf8:replace", **environment).split(" ", 1)
    assert int(count) == int(threads)
    if warned:
        assert rest[0].startswith(f"RuntimeWarning: {warned}")
        assert "ignored" in rest[0]
    else:
        assert not rest


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_affinity_is_respected():
    one = min(os.sched_getaffinity(0))
    code = f"""
import os
os.sched_setaffinity(0, {{{one}}})
import fastconv
print(fastconv.get_num_threads(), os.sched_getaffinity(0) == {{{one}}})
"""
    assert run_python(code) == "1 True"


FORK = """
import os, signal, sys, threading, time
import numpy as np, fastconv
x = np.ones((4, 16, 40, 40), np.float32)
w = np.ones((16, 16, 3, 3), np.float32)
want = fastconv.conv2d(x, w, threads=4).tobytes()

def fork():
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a hang ends the child
        good = fastconv.conv2d(x, w, threads=4).tobytes() == want
        os._exit(0 if good else 1)
    return os.waitpid(child, 0)[1]

def cycle():
    for _ in range(15):
        assert fork() == 0
        assert fastconv.conv2d(x, w, threads=4).tobytes() == want
"""

FORKS = {
    "from the main thread": "cycle()",
    "from a second thread": """
done = []
t = threading.Thread(target=lambda: done.append(cycle()))
t.start(); t.join()
assert done
""",
    "while other threads compute": """
stop = threading.Event()
def busy():
    while not stop.is_set():
        assert fastconv.conv2d(x, w, threads=3).tobytes() == want
threads = [threading.Thread(target=busy) for _ in range(3)]
for t in threads: t.start()
cycle()
stop.set()
for t in threads: t.join()
""",
    "in generations": """
child = os.fork()
if child == 0:
    signal.alarm(120)
    cycle()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
cycle()
""",
}


@pytest.mark.parametrize("where", FORKS)
@pytest.mark.parametrize("layer", LAYERS)
def test_fork(where, layer):
    options = ("-W", "ignore::DeprecationWarning")
    run_python(FORK + FORKS[where], options=options, FASTCONV_THREADING=layer)


POOL = """
import multiprocessing, numpy as np, fastconv

def work(i):
    x = np.full((1, 8, 30, 30), i, np.float32)
    return float(fastconv.conv2d(x, np.ones((8, 8, 3, 3), np.float32), threads=4).sum())

if __name__ == "__main__":
    want = [work(i) for i in range(4)]
    with multiprocessing.get_context("METHOD").Pool(2) as pool:
        assert pool.map_async(work, range(4)).get(120) == want
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("layer", LAYERS)
def test_multiprocessing(method, layer, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(POOL.replace("METHOD", method))
    code = f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')"
    run_python(code, FASTCONV_THREADING=layer)


def test_functions_pickle():
    for function in (fastconv.conv2d, grad.conv2d_weight, fastconv.set_num_threads):
        assert pickle.loads(pickle.dumps(function)) == function


def test_threads_context_is_of_this_thread_alone():
    default = fastconv.get_num_threads()
    seen = {}
    inside, leave = threading.Event(), threading.Event()

    def other():
        with fastconv.threads(5):
            inside.set()
            assert leave.wait(100)
            seen["inside"] = fastconv.get_num_threads()
        seen["after"] = fastconv.get_num_threads()

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(100)
    assert fastconv.get_num_threads() == default
    with fastconv.threads(3):
        assert fastconv.get_num_threads() == 3
        with fastconv.threads(2):
            assert fastconv.get_num_threads() == 2
        leave.set()
        thread.join()
        assert fastconv.get_num_threads() == 3
    assert fastconv.get_num_threads() == default
    assert seen == {"inside": 5, "after": default}


def test_context_follows_contexts_and_ends_with_errors():
    default = fastconv.get_num_threads()
    with fastconv.threads(4):
        copied = contextvars.copy_context()
    assert copied.run(fastconv.get_num_threads) == 4
    with pytest.raises(KeyError), fastconv.threads(4):
        raise KeyError
    assert fastconv.get_num_threads() == default


@pytest.mark.parametrize("n", [0, -1, 1025, 2**40])
def test_thread_numbers_out_of_range(n):
    for setter in (fastconv.set_num_threads, lambda n: fastconv.threads(n).__enter__()):
        with pytest.raises(ValueError, match=f"from 1 to 1024, got {n}"):
            setter(n)


@pytest.mark.parametrize("n", [True, 1.5, "2", None, [2]])
def test_thread_numbers_of_other_types(n):
    with pytest.raises(TypeError, match="must be an int"):
        fastconv.set_num_threads(n)
    if n is not None:
        with pytest.raises(TypeError, match="must be an int"):
            fastconv.conv2d(X, W, threads=n)


def test_set_num_threads_is_for_all_threads():
    before = fastconv.get_num_threads()
    try:
        fastconv.set_num_threads(np.int64(3))
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(fastconv.get_num_threads).result() == 3
    finally:
        fastconv.set_num_threads(before)


def test_precision_contexts_nest_and_refuse_other_words():
    def chosen():
        w = np.ones((64, 64, 3, 3), np.float32)
        return fastconv.Conv2dPlan((1, 64, 40, 40), w, threads=1).algorithm

    with fastconv.precision("highest"):
        assert chosen() != "winograd"
        with fastconv.precision("high"):
            assert chosen() == "winograd"
        assert chosen() != "winograd"
    assert chosen() == "winograd"
    for word in ("low", "", 1, None):
        with pytest.raises(ValueError, match="'medium', 'high' or 'highest', got"):
            fastconv.precision(word).__enter__()


def test_threads_context_wants_a_number():
    with fastconv.threads(2):
        with pytest.raises(TypeError, match="got None"):
            fastconv.threads(None).__enter__()
        assert fastconv.get_num_threads() == 2


def test_more_threads_than_anyone_has():
    one = fastconv.conv2d(X, W, threads=1).tobytes()
    assert fastconv.conv2d(X, W, threads=1024).tobytes() == one
