"""The mode of calls as programs make them: cases, children that time them, and the rows."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from bench.items.layer import parse
from bench.items.program import CASES, CHAIN, PRODUCT, RELU, Case
from bench.modes import program
from bench.race import processes
from bench.race.contest import Settings
from bench.report import goals, page

ROOT = Path(__file__).parents[2]
SMALL = (parse("program", "3@9 -> 4 3x3 s2 p1"), parse("program", "4@5 -> 2 1x1"))


def test_cases_are_chosen_and_chains_fit():
    assert program.choose(Settings(mode="program")) == CASES
    assert program.choose(Settings(dtype="float64")) == []
    assert [x.name for x in program.choose(Settings(only="busy"))] == ["one core busy"]
    for before, after in pairwise(CHAIN):
        assert before.output_shape == (1, after.c_in, *after.size)


@pytest.mark.parametrize(
    ("case", "calls", "times"),
    [
        (Case("", SMALL, 4), 5, 4),
        (Case("", SMALL, 2, 0.001, PRODUCT), 3, 2),
        (Case("", SMALL, 2, 0, RELU), 3, 2),
        (Case("", SMALL, 24, callers=4), 32, 3),
    ],
)
def test_a_turn_times_what_it_says(case, calls, times):
    made = []
    found = processes.times(case, lambda: made.append(1))
    assert (len(made), len(found)) == (calls, times)
    assert min(found) > 0
    assert min(found) < 1  # seconds, and no other unit


def test_our_call_is_the_plain_sum_layer_by_layer():
    settings = Settings(mode="program", threads=1)
    case = Case("small", SMALL, 2)
    call = program.our_calls(case, program.prepare(case, settings), settings)["fastconv"]
    right = program.exact(SMALL)
    assert np.linalg.norm(call() - right) < program.ALLOWED * np.linalg.norm(right)


def test_a_child_answers_times_and_raises():
    child = processes.Child(program.ours, 1)
    case = Case("small", SMALL, 3, busy=True)
    try:
        np.testing.assert_array_equal(child.answer(case), program.ours(SMALL, 1)())
        assert len(child.times(case)) == 3
        with pytest.raises(ValueError, match="kernel reaches"):
            child.answer(replace(case, layers=(replace(SMALL[0], kernel=(30, 30)),)))
        np.testing.assert_array_equal(child.answer(case), program.ours(SMALL, 1)())
    finally:
        child.end()
    assert child.process.exitcode == 0


def test_the_command_line_starts_children(tmp_path):
    """Each of them is a new interpreter, which must find the suite again."""
    out = tmp_path / "run.json"
    command = [sys.executable, "-m", "fastconv", "bench", "--mode", "program", "-k", "loop",
               "--turns", "1", "--threads", "1", "--peers", "none", "--out", str(out)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "| program | in a loop |" in done.stdout
    (row,) = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert set(row["us"]) == {"fastconv"}


def test_a_busy_core_is_free_again(monkeypatch):
    started = []
    popen = processes.subprocess.Popen

    def remembered(command):
        started.append(popen(command))
        return started[-1]

    monkeypatch.setattr(processes.subprocess, "Popen", remembered)
    with processes.one_core_busy():
        assert started[0].poll() is None
    assert started[0].poll() is not None


class Mute:
    """A child that gives a wrong answer, and takes a millisecond."""

    def __init__(self, build, threads):
        self.answer = lambda case: build(case.layers, threads)() * np.float32(self.wrong)
        self.times = lambda case: [1e-3] * 3

    wrong = 1.0


@pytest.fixture
def mute(monkeypatch):
    program._team.cache_clear()
    monkeypatch.setattr(program, "Child", Mute)
    yield Mute
    program._team.cache_clear()


def test_a_row_of_a_case(mute, peak, stored_run):
    settings = Settings(mode="program", threads=2, turns=1, peers=())
    case = Case("small", SMALL, 2)
    row = json.loads(json.dumps(program.measure(case, settings, peak)))
    assert row["us"] == {"fastconv": 1000.0, "fastconv 1 thread": 1000.0}
    assert row["skipped"] == row["outside"] == {}
    row["us"]["torch channels_last"] = 1500.0
    run = stored_run(mode="program") | {"rows": [row]}
    assert "| program | small | 1,000 | 1,500 torch channels_last | 1.50 | 1.00 |" in page.report(
        run
    )
    assert "| all threads against one | 1 | 1.00 | 1.00 | 0 |" in goals.report(run)


def test_a_wrong_answer_is_refused(mute, peak, monkeypatch):
    monkeypatch.setattr(mute, "wrong", 1.001)
    settings = Settings(mode="program", threads=1, turns=1, peers=())
    with pytest.raises(AssertionError, match="fastconv errs by"):
        program.measure(Case("small", SMALL, 2), settings, peak)


def test_peers_that_are_absent_are_skipped(mute, peak, monkeypatch):
    for name in ("torch", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(mute, "end", lambda _: None, raising=False)
    row = program.measure(Case("s", SMALL, 2), Settings(mode="program", turns=1), peak)
    assert row["skipped"] == {"torch": "not installed", "onnxruntime": "not installed"}


def test_peers_answer_as_we_do():
    pytest.importorskip("onnxruntime", reason="a peer")
    pytest.importorskip("torch", reason="a peer")
    right = program.exact(SMALL)
    for _, build in program.program.BUILDERS.values():
        error = np.linalg.norm(build(SMALL, 1)() - right)
        assert error < program.ALLOWED * np.linalg.norm(right)
