"""On whose threads the calls of fastconv.interfaces.torch run."""

from __future__ import annotations

import sys

import pytest

import fastconv
from children import cpus, needs_two_cpus, run_python
from fastconv import _native

pytest.importorskip("torch", minversion="2.13", reason="torch is an extra")

# A large product by torch, which starts its threads, and a call of ours after it: how many threads
# that has added, and the layer of everybody else.
ADDED = """
import os, torch, fastconv
from fastconv.interfaces import torch as fct
torch.set_num_threads(2); fastconv.set_num_threads(2)
a = torch.rand(512, 512); a @ a; a.sin().sum()
before = len(os.listdir("/proc/self/task"))
fct.conv2d(torch.rand(8, 32, 64, 64), torch.rand(32, 32, 3, 3))
print(len(os.listdir("/proc/self/task")) - before, fastconv.threading())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what is loaded is seen in /proc")
@needs_two_cpus
@pytest.mark.parametrize(("first", "environment", "printed"), [
    ("", {}, "0 pool"),
    ("import fastconv; fastconv.set_threading('off')", {}, "0 off"),
    pytest.param("", {"FASTCONV_THREADING": "pool"}, "1 pool", marks=pytest.mark.interfaces),
])  # fmt: skip
def test_threads_are_torchs_own_unless_somebody_chose(first, environment, printed):
    if fastconv.show_config(mode="dicts")["openmp"] == "none":
        pytest.skip("built without OpenMP")
    added, layer = run_python(f"{first}\n{ADDED}", **environment).split()
    assert layer == printed.split()[1]
    # A worker belongs to a CPU: a caller that the system has moved may have started one on each.
    assert added == "0" if printed.startswith("0") else 1 <= int(added) <= cpus()


def test_one_call_is_on_openmp_and_the_next_is_not():
    if fastconv.show_config(mode="dicts")["openmp"] == "none":
        pytest.skip("built without OpenMP")

    def fails():
        assert fastconv.threading() == "openmp"
        raise KeyError

    before = fastconv.threading()
    fastconv.set_threading("pool")
    try:
        assert _native.on_openmp(fastconv.threading)() == "openmp"
        with pytest.raises(KeyError):
            _native.on_openmp(fails)()
        assert fastconv.threading() == "pool"
    finally:
        fastconv.set_threading(before)
