"""The suite's modes beyond forward layers: gradients, depthwise layers, small calls, steps."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from bench.items import steps as networks
from bench.items.gradient import Gradient
from bench.items.layer import parse
from bench.items.small import CASES
from bench.modes import MODES, Mode, depthwise, gradients, small, steps
from bench.race.contest import OURS, Settings
from bench.race.machine import Copy
from bench.report import goals, page, results, speed
from bench.report.standing import standings

from bench import modes, run

ROOT = Path(__file__).parents[2]
LAYERS = [
    parse("", "4@6 -> 6 3x3 s2 p1"),
    parse("", "4@9x5 -> 4 3x2 p2,0 d2 g2"),
    parse("", "3@20 -> 5 k4 p3,0 d2").batch(2),
    replace(parse("", "4@5 -> 6 4x4 s2 p1 g2", transposed=True), output_padding=1),
]


def test_every_mode_has_what_a_run_asks_for_and_goals_belong_to_a_mode():
    for name, mode in MODES.items():
        assert mode.compares
        for function in ("choose", "prepare", "our_calls", "measure"):
            assert callable(getattr(mode.module, function)), (name, function)
        items = mode.module.choose(Settings(mode=name))
        assert len({(x.family, x.name, x.n) for x in items}) > 1
    assert set(goals.GOALS) <= set(MODES)


class Sleeper:
    """A mode as another module would add it: its functions, and nothing else."""

    name, family, n = "a call", "made up", 3

    @staticmethod
    def choose(_settings):
        return [Sleeper]

    @staticmethod
    def measure(item, _settings, _peak):
        return {"family": item.family, "layer": item.name, "n": item.n, "kind": "calls",
                "us": {OURS: 2.0, "torch": 3.0}, "limits": {}, "l2": {}, "outside": {},
                "skipped": {}}  # fmt: skip


def test_a_mode_is_a_module_and_a_line(tmp_path, monkeypatch, capsys):
    """With a line in the table it is measured, stored, printed, and on the page of all runs."""
    pytest.importorskip("matplotlib", reason="the page has pictures")
    monkeypatch.setitem(modes.MODES, "sleeper", Mode(Sleeper, "calls that do nothing"))
    out = tmp_path / "bench" / "results" / "run.json"
    assert run.main(["--mode", "sleeper", "--threads", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "## Calls that do nothing" in printed
    assert "| made up | a call, N = 3 | 2.0 | 3.0 torch | 1.50 |" in printed
    assert goals.report(results.read(out)) == "No goals were set for sleeper.\n"
    (tmp_path / "README.md").write_text(speed.BEGIN + speed.END, encoding="utf-8")
    speed.write(tmp_path)
    text = (tmp_path / "docs" / "speed.md").read_text(encoding="utf-8")
    assert "| made up | a call, N = 3 | 2.0 | 3.0 torch | 1.50 |" in text


@pytest.mark.parametrize("what", gradients.WHAT)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda x: x.name)
def test_gradients_of_all_contestants_are_right(layer, dtype, what, quick, peak):
    row = gradients.measure(Gradient(layer, what), replace(quick, dtype=dtype), peak)
    assert row["outside"] == {}
    assert ("fastconv three calls" in row["us"]) == (what == "all")
    assert ("fastconv forward" in row["limits"]) == (what == "dX" and layer.stride == 1)
    assert row["flops"] == layer.flops * (2 if what == "all" else 1)
    json.dumps(row)


@pytest.mark.parametrize("what", gradients.WHAT)
def test_a_wrong_gradient_of_ours_is_refused(what, quick, peak, monkeypatch):
    item = Gradient(LAYERS[0], what)
    wrong = [g + 1e-3 for g in gradients.compute(item, gradients.prepare(item, quick))]
    monkeypatch.setattr(gradients, "our_calls", lambda *_: {"fastconv": lambda: wrong})
    with pytest.raises(AssertionError, match="beyond the bound"):
        gradients.measure(item, quick, peak)


@pytest.mark.parametrize("what", ["dX", "dW"])
def test_the_adjoint_identity_finds_a_wrong_truth(what, quick, monkeypatch):
    item = Gradient(LAYERS[0], what)
    arrays, right = gradients.prepare(item, quick), gradients.compute
    monkeypatch.setattr(gradients, "compute", lambda *a, **o: [g * 1.001 for g in right(*a, **o)])
    with pytest.raises(AssertionError):
        gradients.truths(item, arrays)


def test_what_is_chosen():
    core = gradients.choose(Settings(set="core", mode="gradients"))
    assert {x.n for x in core} == {1, 16, 32}
    assert max(gradients.numbers(x.layer) for x in core) <= gradients.MOST
    assert len(gradients.choose(Settings(only="tiny: 8@8"))) == len(gradients.WHAT)
    light = depthwise.choose(Settings(set="core", batch=(1,)))
    assert not any(x.layer.dense for x in light)
    assert {"256@400 -> 256 k31 p15 g256", "96@28 -> 384 1x1 g8"} <= {x.layer.name for x in light}
    assert [(x.name, x.n) for x in steps.choose(Settings(only="demo"))] == [
        ("demo", 32),
        ("demo", 128),
    ]
    assert [x.n for x in steps.choose(Settings(only="demo", batch=(4,)))] == [4]
    assert steps.choose(Settings(dtype="float64")) == []


@pytest.mark.parametrize("what", depthwise.WHAT)
def test_depthwise_rows_have_a_copy_beside_them(what, quick, peak):
    layer = parse("", "8@9 -> 16 3x3 p1 g8")
    row = depthwise.measure(Gradient(layer, what), replace(quick, mode="depthwise"), peak)
    assert row["what"] == what
    assert row["bytes"] == 4 * (8 * 81 + 16 * 9 + 16 * 81)
    (standing,) = standings({"rows": [row]})
    assert standing.copy == 1
    assert standing.bandwidth == row["bytes"] / 1e6


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [1000, 2 << 20])
def test_a_copy_copies_everything(size, threads):
    copy = Copy(size, threads)
    for target, _ in copy.parts:
        target.fill(0)
    copy()
    assert sum(int(target.sum()) for target, _ in copy.parts) == size // 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("item", CASES, ids=lambda x: x.name)
def test_small_calls_are_right(item, dtype, quick, peak):
    settings = replace(quick, dtype=dtype, peers=("torch", "onnxruntime"))
    row = small.measure(item, settings, peak)
    assert row["outside"] == {}
    json.dumps(row)


STEPS = [
    replace(networks.STEPS[0], n=4),
    networks.Step("resnet", partial(networks.resnet, width=4, stages=2), (3, 16, 16), 4),
    networks.Step("mobilenet", partial(networks.mobilenet, width=4, depth=2), (3, 16, 16), 4),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda x: x.name)
def test_losses_of_all_contestants_agree(step, quick, peak):
    row = steps.measure(step, replace(quick, mode="steps"), peak)
    assert row["outside"] == {}
    assert set(row["us"]) >= {"fastconv", "fastconv 1 thread"}


def test_a_step_without_gradients_is_refused(quick, peak, monkeypatch):
    step = STEPS[0]
    call = steps.our_calls(step, steps.prepare(step, quick), quick)["fastconv"]
    loss = call()
    exact = [loss, call()]
    assert exact[0] != exact[1]
    monkeypatch.setattr(steps.pytorch_steps, "losses", lambda *_: exact)
    monkeypatch.setattr(steps, "our_calls", lambda *_: {"fastconv": lambda: loss})
    with pytest.raises(AssertionError, match="beyond the bound"):
        steps.measure(step, replace(quick, mode="steps"), peak)


@pytest.fixture
def stored(stored_run):
    """A function that makes a run of some rows as `run` stores it."""

    def make(mode, rows):
        run = stored_run(mode=mode) | {"rows": rows, "cache_bytes": [1 << 15, 1000]}
        return json.loads(json.dumps(run))

    return make


def test_report_and_goals_of_gradients(quick, peak, stored):
    layer = parse("3x3", "64@7 -> 64 3x3 p1")
    rows = [gradients.measure(Gradient(layer, what), quick, peak) for what in gradients.WHAT]
    for row in rows:
        row["us"]["torch"] = 2000.0
        row["us"].pop("torch channels_last", None)
    run = stored("gradients", rows)
    text = page.report(run)
    assert "## Gradients, nothing kept between calls" in text
    assert "| 64@7 -> 64 3x3 p1: dX |" in text
    assert "| dense, dW, N = 1 | 1 | 2.00 | 2.00 | 0 |" in text
    text = goals.report(run)
    assert "| dX over the best peer | 1 | 2.00 of 1.5 | 2.00 | 0 |" in text
    assert "| dX over our own forward, stride 1 | 1 | 1.00 | 1.00 | 0 |" in text
    assert "| dW of the FMA peak, 64 channels, one image of 7x7 | 1 |" in text
    assert "| few channels, one image of 7x7, one-channel signals | 2 | 2.00 | 2.00 | 2 |" in text
    assert "| the same below 20 MFLOP | 1 | 1.00 | 1.00 | 1 |" in text
    run["settings"]["dtype"] = "float64"
    assert "| float64 over the best peer | 2 | 2.00 of 2.5 | 2.00 | 0 |" in goals.report(run)


def test_report_and_goals_of_the_other_modes(quick, peak, stored):
    layer = parse("depthwise", "8@9 -> 16 3x3 p1 g8")
    rows = [depthwise.measure(Gradient(layer, what), quick, peak) for what in depthwise.WHAT]
    assert "of a copy" in page.report(stored("depthwise", rows))
    assert "| of a copy, beyond L2 | 1 | 1.00 | 1.00 | 0 |" in goals.report(
        stored("depthwise", rows)
    )
    rows = [small.measure(item, quick, peak) for item in CASES[:2]]
    text = goals.report(stored("small", rows))
    assert "| 3x3 on 8x8, the goal's time over ours | 2 | 0.00 | 0.00 | 2 |" in text
    for row in rows:
        row["us"]["torch"] = 1e9  # there may be no peer here
    assert "small, function, N = 1" in page.report(stored("small", rows))
    rows = [steps.measure(STEPS[0], quick, peak)]
    for row in rows:
        row["us"] = {"fastconv": 1000.0, "torch": 1400.0}
    text = goals.report(stored("steps", rows))
    assert "| the demo's step over PyTorch's | demo, N = 4 | 1.40 | 1.50 |" in text


def test_pictures_of_rows_without_operations(quick, peak, stored, tmp_path):
    figures = pytest.importorskip("bench.report.figures", reason="pictures need matplotlib")
    run = stored("steps", [steps.measure(STEPS[0], quick, peak)])
    assert {path.name for path in figures.draw_all(run, tmp_path)} <= {"ratio-n4.svg"}


@pytest.mark.parametrize("file", ["grad", "depthwise", "pool", "small"])
def test_pytest_benchmark_runs_each_file(file, tmp_path):
    pytest.importorskip("pytest_benchmark", reason="the files are its")
    out = tmp_path / "out.json"
    words = {"grad": "tiny and 3x3 and dW", "depthwise": "1x1 and dX", "small": "relu",
             "pool": "1280"}[file]  # fmt: skip
    # A file by its name; one is found in the folder.
    where = "bench/" if file == "pool" else f"bench/bench_{file}.py"
    command = [sys.executable, "-m", "pytest", where, "-k", words, "--threads",
               "1", "--turns", "1", "--batch", "1", "-q",
               "--benchmark-json", str(out)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = json.loads(out.read_text(encoding="utf-8"))["benchmarks"]
    assert cases
    assert all(np.isfinite(case["extra_info"]["us"]["fastconv"]) for case in cases)
