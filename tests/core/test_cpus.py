"""What the system says of its CPUs: quotas of cgroups, and which CPUs are threads of one core."""

from __future__ import annotations

import os
import sys

import pytest

from children import run_python
from fastconv import _native

cgroup_cpus = _native.testing.cgroup_cpus

V2, V1 = "0::/a/b\n", "3:memory:/x\n2:cpu,cpuacct:/a/b\n1:cpuset:/\n"
FULL = {"cfs_quota_us": "150000\n", "cfs_period_us": "100000\n"}


def quota(folder, **files):
    """The files of a cgroup of version 1."""
    return {f"{folder}/cpu.{name}": text for name, text in (FULL | files).items()}


CASES = [
    # reason, /proc/self/cgroup, the files below /sys/fs/cgroup, CPUs (0: no limit)
    ("one CPU", V2, {"a/b/cpu.max": "100000 100000\n"}, 1),
    ("one and a half", V2, {"a/b/cpu.max": "150000 100000\n"}, 1.5),
    ("a period of 10 ms", V2, {"a/b/cpu.max": "5000 10000\n"}, 0.5),
    ("no limit", V2, {"a/b/cpu.max": "max 100000\n"}, 0),
    ("the parent's is the tighter", V2, {"a/b/cpu.max": "3000 1000", "a/cpu.max": "2000 1000"}, 2),
    ("the child's is the tighter", V2, {"a/b/cpu.max": "1000 1000", "a/cpu.max": "2000 1000"}, 1),
    ("only the parent's", V2, {"a/b/cpu.max": "max 100000", "a/cpu.max": "200000 100000"}, 2),
    ("at the root, as in a container", "0::/\n", {"cpu.max": "200000 100000"}, 2),
    ("a path of another namespace", "0::/../../x\n", {"cpu.max": "200000 100000"}, 2),
    ("no files", V2, {}, 0),
    ("an empty file", V2, {"a/b/cpu.max": ""}, 0),
    ("no number", V2, {"a/b/cpu.max": "many few"}, 0),
    ("a period of 0", V2, {"a/b/cpu.max": "100000 0"}, 0),
    ("version 1", V1, quota("cpu/a/b"), 1.5),
    ("version 1, no limit", V1, quota("cpu/a/b", cfs_quota_us="-1\n"), 0),
    ("version 1, of a container", V1, quota("cpu"), 1.5),
    ("version 1, another period", V1, quota("cpu/a", cfs_period_us="50000"), 3),
    ("both versions, the tighter", V1 + V2, quota("cpu/a/b") | {"a/b/cpu.max": "100000 100000"}, 1),
    ("no colons", "nothing\n\n", {"cpu.max": "100000 100000"}, 0),
    ("no list", None, {"cpu.max": "100000 100000"}, 0),
]  # fmt: skip


def numbers(text):
    """The CPUs of a list such as "0-1,8"."""
    cpus = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus |= set(range(int(first), int(last or first) + 1))
    return cpus


@pytest.mark.parametrize(
    ("groups", "files", "cpus"), [pytest.param(*case, id=reason) for reason, *case in CASES]
)
def test_quotas_of_cgroups(groups, files, cpus, tmp_path):
    for name, text in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    listed = tmp_path / "cgroup"
    if groups is not None:
        listed.write_text(groups)
    assert cgroup_cpus(str(listed), str(tmp_path / "root")) == cpus


@pytest.mark.parametrize(("siblings", "cores"), [
    ("0", [0, 1, 2, 3, 4, 5]),
    ("0-1", [0, 0, 1, 1, 2, 2]),
    ("0,1", [0, 0, 1, 1, 2, 2]),
    ("0,3", [0, 1, 2, 0, 1, 2]),
    ("", [0, 1, 2, 3, 4, 5]),
    ("x", [0, 1, 2, 3, 4, 5]),
    ("3,0", [0, 1, 2, 3, 4, 5]),
])  # fmt: skip
def test_cores_by_the_siblings_of_the_first_cpu(siblings, cores):
    assert [_native.testing.core_of(siblings, cpu) for cpu in range(6)] == cores


@pytest.mark.skipif(sys.platform != "linux", reason="asks /sys")
def test_siblings_of_this_machine_are_on_one_core():
    """What the first CPU's siblings say holds for the others, where all cores are alike."""

    def siblings(cpu):
        with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as file:
            return file.read().strip()

    cpus = sorted(os.sched_getaffinity(0))
    lists = [siblings(cpu) for cpu in cpus]
    if len({len(numbers(text)) for text in lists}) != 1:
        pytest.skip("cores of several kinds")
    cores = [_native.testing.core_of(siblings(0), cpu) for cpu in cpus]
    for a, core in zip(lists, cores, strict=True):
        for b, other in zip(lists, cores, strict=True):
            assert (a == b) == (core == other)


def test_work_is_cut_for_no_more_threads_than_there_are_cpus():
    code = """
import fastconv, numpy as np, os
cpus = len(os.sched_getaffinity(0))
plan = fastconv.Conv2dPlan((1, 64, 56, 56), np.ones((64, 64, 3, 3), np.float32), threads=1000)
told = int(plan.explain().split("up to ")[1].split()[0])
print(1 <= told <= cpus)
"""
    assert run_python(code) == "True"
