"""Layers of threading: which one runs, that none changes a bit, and how the pool behaves."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

import fastconv
from children import needs_two_cpus, run_python
from fastconv import _native, grad

LAYERS = ("pool", "openmp", "off") if _native.config()["openmp"] != "none" else ("pool", "off")
RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 32, 40, 41)).astype(np.float32)
W = RNG.standard_normal((48, 32, 3, 3)).astype(np.float32)
linux = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")


@pytest.fixture(params=LAYERS)
def layer(request):
    before = fastconv.threading()
    fastconv.set_threading(request.param)
    yield request.param
    fastconv.set_threading(before)


def results(threads):
    """Calls of several kinds, large enough for threads."""
    how = {"threads": threads}
    y = fastconv.conv2d(X, W, padding=1, **how)
    yield y
    for algorithm in ("direct", "im2col", "channel_lanes", "winograd"):
        yield fastconv.conv2d(X, W, padding=1, algorithm=algorithm, **how)
    yield fastconv.conv_transpose2d(y, W, stride=2, **how)
    yield grad.conv2d_input(X.shape, W, y, padding=1, **how)
    yield grad.conv2d_weight(X, W.shape, y, padding=1, **how)
    yield from fastconv.max_pool2d(y, 3, 2, return_indices=True, **how)
    yield fastconv.gelu(y, **how)


def test_no_layer_changes_a_bit(layer, isa):
    assert fastconv.threading() == layer
    want = [y.tobytes() for y in results(1)]
    for threads in (2, 3, 7, 100):
        assert [y.tobytes() for y in results(threads)] == want, threads


@pytest.mark.parametrize(("name", "error", "message"), [
    ("tbb", ValueError, "name must be one of 'pool', .*'off' in this build, got 'tbb'"),
    ("", ValueError, "got ''"),
    ("Pool", ValueError, "got 'Pool'"),
    (None, TypeError, "name must be a str, got None"),
    (1, TypeError, "name must be a str, got 1"),
])  # fmt: skip
def test_wrong_names(name, error, message):
    before = fastconv.threading()
    with pytest.raises(error, match=message):
        fastconv.set_threading(name)
    assert fastconv.threading() == before


@pytest.mark.parametrize(("value", "layer", "warned"), [
    *((layer, layer, "") for layer in LAYERS),
    ("", "pool", ""),
    ("tbb", "pool", "RuntimeWarning: FASTCONV_THREADING='tbb' is unknown or not in this build"),
])  # fmt: skip
def test_the_environment_says_which(value, layer, warned):
    code = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import fastconv
print(fastconv.threading(), *[f"{w.category.__name__}: {w.message}" for w in caught])
"""
    said, *rest = run_python(code, FASTCONV_THREADING=value).split(" ", 1)
    assert said == layer
    assert rest[0].startswith(warned) if warned else not rest


COMPUTES = """
import os, threading, time
import numpy as np, fastconv
x = np.ones((4, 32, 40, 40), np.float32)
w = np.ones((32, 32, 3, 3), np.float32)
want = fastconv.conv2d(x, w, threads=1).tobytes()
def same(threads=2):
    return fastconv.conv2d(x, w, threads=threads).tobytes() == want
def names():
    tasks = os.listdir("/proc/self/task")
    return [open(f"/proc/self/task/{t}/comm").read().strip() for t in tasks].count("fastconv")
"""


@linux
def test_threads_are_named_few_and_made_when_needed():
    code = (
        COMPUTES
        + """
first = names()
assert same(1) and names() == 0
assert all(same(t) for t in (2, 4, 64))
print(first, names() <= len(os.sched_getaffinity(0)))
"""
    )
    assert run_python(code, FASTCONV_THREADING="pool") == "0 True"


@linux
@needs_two_cpus
def test_a_thread_has_a_cpu_of_its_own_and_sleeps_soon():
    code = (
        COMPUTES
        + """
assert all(same() for _ in range(20))
tasks = [t for t in os.listdir("/proc/self/task")
         if open(f"/proc/self/task/{t}/comm").read().strip() == "fastconv"]
pinned = {tuple(os.sched_getaffinity(int(t))) for t in tasks}
def spent():  # user and system time of the pool's threads, in clock ticks of 10 ms
    stats = [open(f"/proc/self/task/{t}/stat").read().rsplit(")", 1)[1].split() for t in tasks]
    return sum(int(n) for stat in stats for n in stat[11:13])
still, stop = False, time.monotonic() + 60
while not still and time.monotonic() < stop:  # on a busy machine it begins to sleep when it has run
    time.sleep(0.05)
    before = spent()
    time.sleep(1)
    still = spent() == before
print(len(tasks) > 0, all(len(p) == 1 for p in pinned), len(pinned) == len(tasks), still)
"""
    )
    assert run_python(code, FASTCONV_THREADING="pool") == "True True True True"


@linux
def test_an_affinity_set_later_holds():
    code = (
        COMPUTES
        + """
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
assert all(same(t) for t in (2, 4))
print(names())
"""
    )
    assert run_python(code, FASTCONV_THREADING="pool") == "0"


@linux
def test_all_threads_flush_subnormals_if_the_caller_does(layer):
    """The mode may be set after the threads were made, as torch.set_flush_denormal does."""
    code = (
        COMPUTES
        + """
import ctypes, platform
fenv = ctypes.CDLL("libm.so.6")
def flush():  # FTZ and DAZ of MXCSR, the last word of x86-64's fenv_t
    state = (ctypes.c_uint32 * 8)()
    assert fenv.fegetenv(state) == 0
    state[7] |= 0x8040
    assert fenv.fesetenv(state) == 0
small = np.full((4, 32, 40, 40), 1e-39, np.float32)
call = lambda t: fastconv.conv2d(small, w, threads=t, precision="highest").tobytes()
kept = call(2)
assert kept == call(1)
if platform.machine() == "x86_64":
    flush()
    flushed = call(1)
    assert flushed != kept
    assert all(call(2) == flushed for _ in range(50))
print("same")
"""
    )
    if layer != "openmp":  # libgomp's threads keep their own mode
        assert run_python(code, FASTCONV_THREADING=layer) == "same"


def test_a_process_ends_while_a_thread_computes(layer):
    code = (
        COMPUTES
        + """
t = threading.Thread(target=lambda: [same() for _ in range(10**6)], daemon=True)
t.start()
time.sleep(0.1)
print("end")
"""
    )
    assert run_python(code, FASTCONV_THREADING=layer) == "end"


@linux
def test_an_interrupt_is_the_main_threads(layer):
    """No thread of ours takes a signal, and a call that it meets ends as if there were none."""
    code = (
        COMPUTES
        + """
import signal
seen = []
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
signal.signal(signal.SIGUSR1, lambda *_: seen.append(threading.current_thread()))
assert same()
stop = time.monotonic() + 60  # most of which a busy machine may need
def kill():
    while len(seen) < 20 and time.monotonic() < stop:
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.001)
killer = threading.Thread(target=kill)
killer.start()
while killer.is_alive():
    assert same()
assert set(seen) == {threading.main_thread()} and len(seen) >= 20
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    while time.monotonic() < stop + 60:
        same()
except KeyboardInterrupt:
    print("interrupted", same())
"""
    )
    assert run_python(code, FASTCONV_THREADING=layer) == "interrupted True"


@linux
@needs_two_cpus
def test_a_busy_cpu_holds_nobody_up():
    """Beside a process on each CPU a call on two threads takes its share of one, not many turns.

    Its share is what the same call takes on one thread at that time, however busy the machine is:
    some 6 ms and what the scheduler gives to others, in turns of about 4 ms. A call that waits for
    a worker at each of its meetings takes dozens of them.
    """
    one, two = (fastconv.Conv2dPlan(X.shape, W, padding=1, threads=n) for n in (1, 2))
    before = fastconv.threading()
    fastconv.set_threading("pool")
    loop = "import os; os.sched_setaffinity(0, {%d})\nwhile True: pass"
    busy = [subprocess.Popen([sys.executable, "-c", loop % cpu])
            for cpu in sorted(os.sched_getaffinity(0))]  # fmt: skip

    def median(plan):
        times = []
        for _ in range(30):
            start = time.perf_counter()
            plan(X)
            times.append(time.perf_counter() - start)
        return np.median(times)

    try:
        time.sleep(0.2)
        # The least of some rounds: between the two others may have come or gone.
        assert any(median(two) < 3 * median(one) + 0.01 for _ in range(5))
    finally:
        for process in busy:
            process.kill()
            process.wait()
        fastconv.set_threading(before)
