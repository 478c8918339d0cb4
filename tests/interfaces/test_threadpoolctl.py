"""threadpoolctl reaches fastconv: found once, limits that hold, nest and end, in any order."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastconv
from children import cpus, needs_two_cpus, run_python
from fastconv import _native

threadpoolctl = pytest.importorskip("threadpoolctl", reason="an extra of its own")
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits  # noqa: E402


@pytest.fixture(autouse=True)
def registered():
    fastconv.interfaces.threadpoolctl.register()
    before = fastconv.get_num_threads()
    fastconv.set_num_threads(6)
    yield
    fastconv.set_num_threads(before)


def ours():
    return [info for info in threadpool_info() if info["user_api"] == "fastconv"]


def test_it_is_found_once_and_says_what_it_is():
    fastconv.interfaces.threadpoolctl.register()  # once more
    (info,) = ours()
    assert info == {
        "user_api": "fastconv",
        "internal_api": "fastconv",
        "num_threads": 6,
        "prefix": "_native.",
        "filepath": os.path.realpath(_native.__file__),
        "version": fastconv.__version__,
        "threading_layer": fastconv.threading(),
        "architecture": fastconv.isa(),
    }
    assert threadpoolctl._ALL_USER_APIS.count("fastconv") == 1


PATH = os.path.realpath(_native.__file__)


@pytest.mark.parametrize(("how", "threads"), [
    ({"limits": 2}, 2),
    ({"limits": 2, "user_api": "fastconv"}, 2),
    ({"limits": {"fastconv": 2}}, 2),
    ({"limits": {"fastconv": 3, "_native.": 2}}, 2),
    ({"limits": {PATH: 2, "fastconv": 3}}, 2),
    ({"limits": [{"filepath": PATH, "prefix": "_native.", "num_threads": 2}]}, 2),
    ({"limits": 16}, 6),  # a limit gives nobody more
    ({"limits": 0}, 1),  # as in OpenMP
    ({"limits": -3}, 1),
    ({"limits": 2**70, "user_api": "fastconv"}, 6),
    ({"limits": None}, 6),
    ({"limits": {"blas": 1, "openmp": 1}}, 6),
    ({"limits": 1, "user_api": "blas"}, 6),
    ({"limits": 1, "user_api": "openmp"}, 6),
    ({"limits": "sequential_blas_under_openmp"}, 6),
])  # fmt: skip
def test_limits_by_every_key(how, threads):
    with threadpool_limits(**how):
        assert fastconv.get_num_threads() == threads
    assert fastconv.get_num_threads() == 6


@pytest.mark.parametrize("wrong", [1.5, "2", [2]])
def test_a_limit_of_another_type_is_refused(wrong):
    with pytest.raises(TypeError):
        threadpool_limits({"fastconv": wrong})
    assert fastconv.get_num_threads() == 6


def test_limits_nest_and_end_with_errors():
    def fail():
        with threadpool_limits(1, user_api="fastconv"):
            assert fastconv.get_num_threads() == 1
            raise KeyError

    with threadpool_limits(3):
        with pytest.raises(KeyError):
            fail()
        assert fastconv.get_num_threads() == 3
    assert fastconv.get_num_threads() == 6


def test_a_limit_without_a_block_holds_until_it_is_lifted():
    limiter = threadpool_limits(2)
    assert fastconv.get_num_threads() == 2
    limiter.restore_original_limits()
    assert fastconv.get_num_threads() == 6


def test_decorators_and_controllers():
    controller = ThreadpoolController().select(internal_api="fastconv")
    assert len(controller) == 1

    @controller.wrap(limits=2)
    def inside():
        return fastconv.get_num_threads()

    assert inside() == 2
    with controller.limit(limits=1):
        assert inside() == 2
        assert fastconv.get_num_threads() == 1
    assert fastconv.get_num_threads() == 6


def test_a_limit_is_for_all_threads_of_the_process_and_all_contexts():
    with ThreadPoolExecutor(2) as pool, threadpool_limits(1):
        assert set(pool.map(lambda _: fastconv.get_num_threads(), range(8))) == {1}
    with fastconv.threads(4), threadpool_limits(2):
        assert fastconv.get_num_threads() == 2
        with fastconv.threads(3):
            assert fastconv.get_num_threads() == 2
        with fastconv.threads(1):
            assert fastconv.get_num_threads() == 1
    assert fastconv.get_num_threads() == 6


def test_nothing_of_a_limit_is_left_after_it():
    with fastconv.threads(2), threadpool_limits(1):
        pass
    assert fastconv.get_num_threads() == 6
    with fastconv.threads(8):  # more than the number that threadpoolctl saw
        assert fastconv.get_num_threads() == 8


def test_set_num_threads_lifts_a_limit():
    with threadpool_limits(1):
        fastconv.set_num_threads(4)
        assert fastconv.get_num_threads() == 4
    assert fastconv.get_num_threads() == 4


def test_results_keep_their_bits():
    x, w = np.ones((4, 32, 40, 40), np.float32) / 3, np.ones((32, 32, 3, 3), np.float32) / 7
    plan = fastconv.Conv2dPlan(x.shape, w, threads=4)
    want = fastconv.conv2d(x, w, threads=4).tobytes()
    with threadpool_limits(1):
        assert fastconv.conv2d(x, w, threads=4).tobytes() == want == plan(x).tobytes()


CALLS = """
import os, sys
from threadpoolctl import threadpool_limits
import numpy as np
x, w = np.ones((4, 32, 40, 40), np.float32), np.ones((32, 32, 3, 3), np.float32)
plan = fastconv.Conv2dPlan(x.shape, w, threads=2)
def workers():
    tasks = os.listdir("/proc/self/task")
    return [open(f"/proc/self/task/{t}/comm").read().strip() for t in tasks].count("fastconv")
with threadpool_limits(1):
    fastconv.conv2d(x, w), fastconv.conv2d(x, w, threads=2), plan(x)
    print(workers(), end=" ")
fastconv.conv2d(x, w), plan(x)
print(workers())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@needs_two_cpus
@pytest.mark.parametrize("first", [
    "import threadpoolctl, fastconv",  # by itself
    "import fastconv; fastconv.interfaces.threadpoolctl.register()",
    "import fastconv, threadpoolctl; threadpoolctl.threadpool_info();"
    "from fastconv.interfaces import threadpoolctl as ours; ours.register()",
])  # fmt: skip
def test_calls_start_no_threads_within_a_limit_of_one(first):
    within, after = run_python(first + CALLS, FASTCONV_NUM_THREADS="2").split()
    assert within == "0"
    # A worker belongs to a CPU: a caller that the system moves meanwhile starts one on each.
    assert 1 <= int(after) <= cpus()


@pytest.mark.parametrize(("before", "known"), [
    ("", "False False"),  # never imported by us
    ("import fastconv.interfaces", "False False"),
    ("import threadpoolctl", "True True"),
    ("sys.modules['threadpoolctl'] = None", "True False"),  # as a test that it may be missing
    ("sys.modules['threadpoolctl'] = types.ModuleType('threadpoolctl')", "True False"),  # too old
])  # fmt: skip
def test_import_registers_only_where_threadpoolctl_was_imported(before, known):
    code = f"""
import sys, types
{before}
import fastconv
fastconv.conv1d
print("threadpoolctl" in sys.modules, "fastconv.interfaces.threadpoolctl" in sys.modules)
"""
    assert run_python(code) == known


@pytest.mark.parametrize("missing", ["None", "types.ModuleType('threadpoolctl')"])
def test_what_is_missing_is_named_with_its_extra(missing):
    code = f"""
import sys, types, fastconv
sys.modules["threadpoolctl"] = {missing}
try:
    fastconv.interfaces.threadpoolctl
except ImportError as error:
    print(error)
"""
    assert run_python(code) == (
        "fastconv.interfaces.threadpoolctl needs threadpoolctl 3.2 or later: "
        "pip install 'fastconv[threadpoolctl]'"
    )
