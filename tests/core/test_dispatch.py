"""Choosing an ISA, and what an import leaves as it was."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

import fastconv
from children import run_python
from fastconv import reference

CALL = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import fastconv
import numpy as np
x, w = np.arange(400, dtype=np.float32).reshape(1, 4, 10, 10), np.ones((5, 4, 3, 3), np.float32)
y = fastconv.conv2d(x, w)
print(fastconv.isa(), int(y.sum()), *[f"{w.category.__name__}: {w.message}" for w in caught])
"""


def sum_of_call():
    x = np.arange(400).reshape(1, 4, 10, 10)
    return str(int(reference.conv2d(x, np.ones((5, 4, 3, 3))).sum()))


@pytest.mark.parametrize("name", fastconv.supported_isas())
def test_the_environment_forces_an_isa(name):
    assert run_python(CALL, FASTCONV_ISA=name).split() == [name, sum_of_call()]


def test_the_best_isa_is_the_default():
    assert run_python(CALL).split()[0] == fastconv.supported_isas()[0]
    assert run_python(CALL, FASTCONV_ISA="").split()[0] == fastconv.supported_isas()[0]


@pytest.mark.parametrize("name", ["sse9", "AVX2", " ", "avx2 ", "neon,avx2", "x" * 5000, "\udcff"])
def test_an_unknown_isa_is_a_warning_that_lists_the_legal_ones(name):
    best, total, warned = run_python(
        CALL, FASTCONV_ISA=name, PYTHONIOENCODING="utf8:replace"
    ).split(" ", 2)
    assert best == fastconv.supported_isas()[0]
    assert total == sum_of_call()
    assert warned.startswith("RuntimeWarning: FASTCONV_ISA='")
    assert f"legal here: {', '.join(fastconv.supported_isas())}; using {best}" in warned


NEEDS = {
    "avx512": {"avx512f", "avx512vl", "avx512bw", "avx512dq", "fma"},
    "avx2": {"avx2", "fma"},
    "neon": {"asimd"},
    "scalar": set(),
}


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs Linux")
def test_the_cpu_is_asked_as_the_kernel_asks_it():
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    flags = next(line for line in lines if line.startswith(("flags", "Features"))).split()
    assert fastconv.supported_isas() == [name for name in NEEDS if NEEDS[name] <= set(flags)]


def test_scalar_is_always_there():
    assert fastconv.supported_isas()[-1] == "scalar"


@pytest.mark.parametrize("name", ["", "sse9", "AVX2", "scalar\0", "é"])
def test_set_isa_refuses_unknown_names(name):
    before = fastconv.isa()
    with pytest.raises(ValueError, match=r"name must be one of .*scalar on this CPU, got"):
        fastconv.set_isa(name)
    assert fastconv.isa() == before


@pytest.mark.parametrize("name", [None, 2, b"avx2", ["avx2"]])
def test_set_isa_refuses_other_types(name):
    with pytest.raises(TypeError, match="name must be a str, got"):
        fastconv.set_isa(name)


def test_set_isa_may_come_while_others_compute():
    before = fastconv.isa()
    x = np.arange(2 * 16 * 30 * 30, dtype=np.float32).reshape(2, 16, 30, 30) % 7
    w = np.arange(24 * 16 * 9, dtype=np.float32).reshape(24, 16, 3, 3) % 5
    want = reference.conv2d(x, w)
    plan = fastconv.Conv2dPlan(x.shape, w, precision="highest")
    done = threading.Event()

    def switch():
        while not done.is_set():
            for name in fastconv.supported_isas():
                fastconv.set_isa(name)
                time.sleep(1e-4)

    thread = threading.Thread(target=switch)
    thread.start()
    try:
        for i in range(40):
            algorithm = ("direct", "im2col")[i % 2]
            np.testing.assert_array_equal(fastconv.conv2d(x, w, algorithm=algorithm), want)
            np.testing.assert_array_equal(plan(x), want)
    finally:
        done.set()
        thread.join()
        fastconv.set_isa(before)


UNTOUCHED = """
import ctypes, ctypes.util, locale, os, resource, signal, sys, threading, warnings
import numpy as np

def mxcsr():
    # The control bits of the thread's floating-point environment: fenv_t ends with MXCSR on x86-64.
    environment = (ctypes.c_uint32 * 16)()
    ctypes.CDLL(ctypes.util.find_library("m")).fegetenv(ctypes.byref(environment))
    return environment[7] & ~0x3F

def state():
    tiny = np.float32(1e-40)
    return {
        "mxcsr": mxcsr(),
        "subnormals": (float(tiny * np.float32(0.5)), float(np.full(64, tiny).sum())),
        "affinity": os.sched_getaffinity(0),
        "signals": [signal.getsignal(s) for s in signal.valid_signals()
                    if s not in (signal.SIGKILL, signal.SIGSTOP)],
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "environment": dict(os.environ),
        "filters": list(warnings.filters),
        "path": list(sys.path),
        "errstate": np.geterr(),
        "print options": np.get_printoptions(),
        "locale": locale.setlocale(locale.LC_ALL),
        "limits": resource.getrlimit(resource.RLIMIT_STACK),
        "directory": os.getcwd(),
        "hooks": (sys.excepthook, sys.gettrace(), sys.getprofile()),
        "recursion": (sys.getrecursionlimit(), sys.getswitchinterval()),
        "threads": threading.active_count(),
        "os threads": len(os.listdir("/proc/self/task")),
        "random": np.random.get_state()[1].tobytes(),
    }

before = state()
import fastconv
after = state()
assert after == before, [name for name in before if after[name] != before[name]]
del before["os threads"]
x = np.ones((4, 16, 60, 60), np.float32)
fastconv.grad.conv2d(x, np.ones((16, 16, 3, 3), np.float32), np.ones((4, 16, 58, 58), np.float32))
fastconv.conv2d(x, np.ones((16, 16, 3, 3), np.float32), activation="gelu", threads=2)
after = state()
del after["os threads"]
assert after == before, [name for name in before if after[name] != before[name]]
"""


def test_import_and_calls_leave_the_process_as_it_was():
    run_python(UNTOUCHED)


def test_import_brings_nothing_else_along():
    code = """
import sys
import numpy
before = set(sys.modules)
import fastconv
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""
    import_of = set(run_python(code).split())
    assert not import_of & {"torch", "scipy", "tqdm", "matplotlib", "sklearn", "numba", "pandas"}
    assert "fastconv" in import_of


@pytest.mark.skipif(hasattr(fastconv.__loader__, "rebuild"), reason="an import that also builds")
def test_import_takes_little_longer_than_numpy():
    """A quarter of it was measured. By the clock of the process, which stands while others run."""
    code = """
import time
start = time.process_time()
import numpy
between = time.process_time()
import fastconv
print((time.process_time() - between) / (between - start))
"""
    assert min(float(run_python(code)) for _ in range(5)) < 0.75


def test_a_changed_weight_counts_at_the_next_call():
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, (1, 3, 8, 8)).astype(np.float32)
    w = rng.integers(-9, 10, (4, 3, 3, 3)).astype(np.float32)
    plan = fastconv.Conv2dPlan(x.shape, w)
    planned = plan(x)
    for _ in range(20):
        w[...] = rng.integers(-9, 10, w.shape)
        np.testing.assert_array_equal(fastconv.conv2d(x, w), reference.conv2d(x, w))
        np.testing.assert_array_equal(plan(x), planned)


def test_an_address_used_again_is_another_array():
    rng = np.random.default_rng(1)
    x = rng.integers(-9, 10, (1, 3, 8, 8)).astype(np.float32)
    addresses = set()
    for _ in range(50):
        w = rng.integers(-9, 10, (4, 3, 3, 3)).astype(np.float32)
        addresses.add(w.ctypes.data)
        np.testing.assert_array_equal(fastconv.conv2d(x, w), reference.conv2d(x, w))
        del w
    assert len(addresses) < 50


def test_config_says_what_runs(isa, capsys):
    config = fastconv.show_config(mode="dicts")
    assert config["isa"] == isa
    assert config["supported_isas"] == fastconv.supported_isas()
    assert config["threads"] >= 1
    assert fastconv.show_config() is None
    assert isa in capsys.readouterr().out
    with pytest.raises(ValueError, match="mode must be 'stdout' or 'dicts', got 'json'"):
        fastconv.show_config(mode="json")
