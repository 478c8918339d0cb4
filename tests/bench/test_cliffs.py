"""The mode of random shapes: what is drawn, the lines that name it, its truth, and its report."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from bench.items import cliffs as shapes
from bench.items import random_pools
from bench.items.cliffs import KINDS, Drawn
from bench.items.layer import Layer
from bench.items.random_pools import DrawnPool
from bench.modes import cliffs
from bench.race.contest import OURS, Settings
from bench.report import drawn, goals, page, speed

import fastconv
from bench import run

SETTINGS = Settings(mode="cliffs", threads=1, peers=())
LAYERS = [
    Layer("any", "", 4, (9, 5), 6, (3, 2), (2, 1), ((1, 1), (0, 0)), 2, 2, n=2),
    Layer("any", "", 4, (9,), 4, (4,), 3, ((2, 2),), groups=4),
    Layer("one pixel", "", 4, (1, 1), 6, (3, 3), 1, ((1, 1),), n=3),
    Layer("any", "", 4, (3, 2), 6, (4, 3), (3, 2), ((1, 1),), 1, 2, True),
]
REPORTED = [*shapes.REPORTED, *random_pools.REPORTED]
POOLS = [
    DrawnPool("max", (2, 3, 9, 8), (3, 2), (2, 1), (1, 0), 2, True),
    DrawnPool("max", (2, 3, 20), (5,), (4,), (2,), last=True),
    DrawnPool("indices", (1, 5, 9, 9), (3, 3), (2, 2), (1, 1)),
    DrawnPool("indices", (1, 5, 9, 9), (3, 3), (2, 2), (1, 1), last=True),
    DrawnPool("avg", (1, 3, 10, 7), (4, 3), (3, 2), (2, 1), ceil=True),
    DrawnPool("avg", (1, 3, 10, 7), (4, 3), (3, 2), (2, 1), ceil=True, include=False),
    DrawnPool("lp", (1, 3, 9, 9), (3, 3), (2, 2), (0, 0), power=2.5),
    DrawnPool("adaptive avg", (1, 3, 10, 7), output=(3, 2)),
    DrawnPool("adaptive max", (1, 3, 50), output=(7,)),
    DrawnPool("global avg", (2, 8, 5, 5), output=(1, 1), last=True),
]


def test_a_seed_draws_the_same_rows_and_every_kind_of_them():
    items = cliffs.choose(SETTINGS)
    assert items == cliffs.choose(SETTINGS)
    assert items != cliffs.choose(replace(SETTINGS, seed=1))
    assert sum(isinstance(item, Drawn) for item in items) == cliffs.ROWS + len(shapes.REPORTED)
    assert len({item.name for item in items}) == len(items)
    families = {item.family for item in items[:400]}
    assert families == {*KINDS, "pools", "reported"}
    assert {item.kind for item in items[:400] if isinstance(item, DrawnPool)} == {
        *random_pools.KINDS
    }
    only = cliffs.choose(replace(SETTINGS, only="one pixel"))
    assert {item.family for item in only} == {"one pixel"}
    assert all(item.layer.size == (1,) * item.layer.rank for item in only)


def test_what_is_drawn_is_a_valid_call_of_a_middling_size():
    for item in cliffs.choose(replace(SETTINGS, seed=3))[len(REPORTED) : 1000]:
        if isinstance(item, Drawn):
            assert min(item.layer.output_shape) > 0
            assert 0 < item.layer.flops <= shapes.MOST
        else:
            axes = zip(range(item.rank), item.output_size, strict=True)
            assert all(len(item.window(axis, length - 1)[0]) > 0 for axis, length in axes)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda x: f"{x.rank}d {x.kernel}")
@pytest.mark.parametrize("what", shapes.WHAT)
def test_the_name_of_a_row_is_a_line_of_python(layer, what):
    found = evaluated(Drawn(layer, what).name)
    shapes_of = {"forward": layer.output_shape, "dW": layer.weight_shape,
                 "dX": (layer.n, layer.c_in, *layer.size)}  # fmt: skip
    assert found.shape == shapes_of[what]


@pytest.mark.parametrize("pool", POOLS, ids=lambda x: x.name)
def test_the_name_of_a_pool_is_a_line_of_python(pool):
    found = evaluated(pool.name)
    value = found[0] if isinstance(found, tuple) else found
    wanted = (*pool.shape[:2], *pool.output_size)
    assert value.shape == ((wanted[0], *wanted[2:], wanted[1]) if pool.last else wanted)
    assert isinstance(found, tuple) == (pool.kind == "indices")


def evaluated(line):
    rng = np.random.default_rng(0)

    def r(*shape):
        return rng.standard_normal(shape, np.float32)

    return eval(line, {"fc": fastconv, "r": r, "abs": abs})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda x: f"{x.rank}d {x.kernel}")
@pytest.mark.parametrize("what", shapes.WHAT)
def test_fastconv_finds_the_truth_and_a_wrong_answer_is_refused(
    layer, what, dtype, quick, peak, monkeypatch
):
    refused(Drawn(layer, what), replace(quick, mode="cliffs", dtype=dtype), peak, monkeypatch)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pool", POOLS, ids=lambda x: x.name)
def test_the_truth_of_pools(pool, dtype, quick, peak, monkeypatch):
    refused(pool, replace(quick, mode="cliffs", dtype=dtype), peak, monkeypatch)


def refused(item, settings, peak, monkeypatch):
    """A right answer makes a row; the same answer plus something is refused."""
    settings = replace(settings, peers=())
    row = cliffs.measure(item, settings, peak)
    assert row["outside"] == {}
    json.dumps(row)
    arrays = cliffs.prepare(item, settings)
    right = cliffs.truths(item, arrays)
    got = cliffs.our_calls(item, arrays, settings)[OURS]()
    wrong = tuple(part + 1 for part in got) if isinstance(got, tuple) else got + 1
    monkeypatch.setattr(cliffs, "truths", lambda *_: right)
    monkeypatch.setattr(cliffs, "our_calls", lambda *_: {OURS: lambda: wrong})
    with pytest.raises(AssertionError, match="beyond the bound"):
        cliffs.measure(item, settings, peak)


@pytest.mark.parametrize("pool", POOLS, ids=lambda x: x.name)
def test_windows_written_out_find_a_wrong_truth(pool, monkeypatch):
    right = cliffs.our_calls

    def slightly_wrong(*given):
        found = right(*given)[OURS]()
        value = found[0] if isinstance(found, tuple) else found
        value *= 1.0001
        return {OURS: lambda: found}

    x = cliffs.prepare(pool, SETTINGS)[0]
    monkeypatch.setattr(cliffs, "our_calls", slightly_wrong)
    with pytest.raises(AssertionError):
        cliffs.pool_truths(pool, x)


def test_a_run_ends_in_time_on_one_thread(tmp_path, monkeypatch, capsys):
    """It ends with the first row after the given seconds, here before any could begin."""
    out = tmp_path / "run.json"
    arguments = ["--mode", "cliffs", "--peers", "none", "-k", "one pixel", "--out", str(out)]
    assert run.main([*arguments, "--seconds", "1e-9"]) == 0
    assert not out.exists()
    assert run.main([*arguments, "--seconds", "0.5", "--seed", "7"]) == 0
    stored = json.loads(out.read_text(encoding="utf-8"))
    assert 0 < len(stored["rows"]) < 300
    assert stored["settings"]["threads"] == 1
    assert (stored["settings"]["seconds"], stored["settings"]["seed"]) == (0.5, 7)
    assert "No row has a peer." in capsys.readouterr().out


def test_without_pytorch_there_is_a_clear_message(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run.main(["--mode", "cliffs", "-k", "one pixel", "--seconds", "1",
                     "--out", str(tmp_path / "run.json")]) == 1  # fmt: skip
    assert "--mode cliffs: it compares with PyTorch, which is not installed" in (
        capsys.readouterr().err
    )


def test_peers_answer_as_we_do(peak, quick):
    pytest.importorskip("torch", reason="the peer")
    settings = replace(quick, mode="cliffs", peers=None)
    for item in [*(Drawn(layer, what) for layer in LAYERS for what in shapes.WHAT), *POOLS]:
        row = cliffs.measure(item, settings, peak)
        assert row["outside"] == {}, item.name
        assert set(row["us"]) >= {OURS, "torch"}


def test_the_report_has_shares_and_the_worst_as_lines(quick, peak, stored_run):
    settings = replace(quick, mode="cliffs", peers=())
    items = [*(Drawn(layer, "forward") for layer in LAYERS), POOLS[0]]
    rows = [cliffs.measure(item, settings, peak) for item in items]
    for row, us in zip(rows, (500.0, 2000.0, 1001.0, 200.0, 500.0), strict=True):
        row["us"] = {OURS: 1000.0, "torch": us, "torch channels_last": 5000.0}
    stored = json.loads(json.dumps(stored_run(mode="cliffs") | {"rows": rows}))
    text = page.report(stored)
    assert (
        "| convolutions and gradients | 4 | 0.67 | 50.0 % | 50.0 % | 25.0 % | 25.0 % | 5.0 |"
        in text
    )
    assert "| pools | 1 | 0.50 | 100.0 % | 100.0 % | 0.0 % | 0.0 % | 2.0 |" in text
    assert "| one pixel | 1 | 1.00 | 0.0 % |" in text
    lines = re.findall(r"^(fc\..*)  # (.*)$", text, re.MULTILINE)
    assert [note for _, note in lines] == ["5.0 times: 1,000, 200 torch",
                                           *["2.0 times: 1,000, 500 torch"] * 2]  # fmt: skip
    for line, _ in lines:
        evaluated(line)
    assert "| pools, not slower by 1.3 | 1 | 0.50 of 2.5 | 0.50 | 1 |" in goals.report(stored)
    assert drawn.worst(stored) in speed.whole([], [stored])
