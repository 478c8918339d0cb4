"""`fastconv doctor`: what it finds, and what it says about it."""

from __future__ import annotations

import os
import sys

import pytest

import fastconv as fc
from children import run_python
from fastconv import doctor
from fastconv.__main__ import main


def said(findings, kind=None):
    return "\n".join(f.text for f in findings if kind in (None, f.kind))


def test_report_counts_what_is_wrong(capsys):
    wrong = doctor.report()
    out = capsys.readouterr().out
    assert out.startswith(f"  fastconv {fc.__version__}")
    assert out.endswith(" to know (?)\n")
    assert out.count("\n! ") == wrong
    assert all(len(line) <= 96 for line in out.splitlines())
    assert main(["doctor"]) in (0, 1)


def test_a_lesser_instruction_set_is_wrong():
    if len(fc.supported_isas()) == 1:
        pytest.skip("this build has one instruction set")
    best = fc.isa()
    try:
        fc.set_isa("scalar")
        finding = doctor._isa()
    finally:
        fc.set_isa(best)
    assert finding.kind == "wrong"
    assert f"The instruction set is scalar, though this CPU has {fc.supported_isas()[0]}" in (
        finding.text
    )


def test_fewer_threads_than_cpus_are_told_with_who_said_so(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(doctor, "cpus_allowed", lambda: 4)
    monkeypatch.setattr(doctor, "cpu_quota", lambda: None)
    with fc.threads(1):
        text = said(doctor._threads(), "note")
    assert "Calls use 1 of the 4 CPUs that they could use, since OMP_NUM_THREADS=1 says so." in text
    assert "FASTCONV_NUM_THREADS=4 would use all of them." in text


def test_a_quota_and_an_affinity_are_told(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(doctor, "cpus_allowed", lambda: 4)
    monkeypatch.setattr(doctor, "cpu_quota", lambda: 1.5)
    text = said(doctor._threads())
    assert "may run on 4 of 8 CPUs" in text
    assert "quota is 1.5 CPUs of 4" in text


def test_a_busy_machine_is_told(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 0, 0), raising=False)
    assert "99.0 tasks want" in said(doctor._threads(), "note")


@pytest.mark.parametrize(
    ("cgroup", "files", "want"),
    [
        ("0::/a/b\n", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, 1.5),
        ("0::/a\n", {"a/cpu.max": "max 100000"}, None),
        (
            "3:cpu,cpuacct:/x\n",
            {"cpu/x/cpu.cfs_quota_us": "200000", "cpu/x/cpu.cfs_period_us": "100000"},
            2.0,
        ),
        ("3:cpu:/x\n", {"cpu/x/cpu.cfs_quota_us": "-1", "cpu/x/cpu.cfs_period_us": "1"}, None),
        ("nonsense\n", {}, None),
    ],
)
def test_quotas_of_both_kinds_of_cgroups(tmp_path, cgroup, files, want):
    proc, root = tmp_path / "cgroup", tmp_path / "fs"
    proc.write_text(cgroup)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert doctor.cpu_quota(proc, root) == want
    assert doctor.cpu_quota(tmp_path / "missing", root) is None


def test_a_second_openmp_is_told(monkeypatch):
    monkeypatch.setattr(doctor, "openmp_runtimes", lambda: ["libgomp.so.1", "libomp.so.5"])
    assert "2 OpenMP runtimes are loaded: libgomp.so.1, libomp.so.5." in said(doctor._openmp())
    monkeypatch.setattr(doctor, "openmp_runtimes", lambda: ["libgomp.so.1"])
    monkeypatch.setenv("OMP_PROC_BIND", "close")
    if fc.threading() == "pool":
        assert "OMP_PROC_BIND=close binds the main thread" in said(doctor._openmp(), "wrong")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_runtime_that_is_loaded_is_found():
    if fc.show_config(mode="dicts")["openmp"] in (None, "none", "off"):
        pytest.skip("this build has no OpenMP")
    assert any("gomp" in name or "omp" in name for name in doctor.openmp_runtimes())


@pytest.mark.parametrize(
    ("first", "later", "alone", "kinds"),
    [
        (0.2, 0.001, 0.002, ["note", "fine"]),
        (0.002, 0.001, 0.0011, ["fine", "wrong"]),
        (0.002, 0.001, 0.0019, ["fine", "fine"]),
    ],
)
def test_calls_are_judged_by_their_times(monkeypatch, first, later, alone, kinds):
    # One first call, 20 later ones, 10 alone, 10 together again.
    times = iter([first, *[later] * 20, *[alone] * 10, *[later] * 10])
    monkeypatch.setattr(doctor, "_seconds", lambda call: next(times))
    monkeypatch.setattr(fc, "get_num_threads", lambda: 2)
    monkeypatch.setattr(fc, "threading", lambda: "pool")
    assert [finding.kind for finding in doctor._calls()] == kinds


def test_settings_of_the_environment_are_seen_in_a_new_process():
    out = run_python(
        "from fastconv import doctor; print(*[f.text for f in doctor.examine()], sep='\\n')",
        FASTCONV_POOL_MB="0",
        FASTCONV_THREADING="off",
    )
    assert "FASTCONV_POOL_MB=0: no memory is kept" in out
    assert "Threads are off" in out


def test_modules_are_imported_first(capsys):
    assert main(["doctor", "--with", "no_such_module_here"]) == 1
    assert "no_such_module_here" in capsys.readouterr().err
