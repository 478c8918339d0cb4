"""The suite's layers, its check of answers, its protocol, its command line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from bench.items.layer import parse
from bench.items.layers import CORE, QUICK, choose, published
from bench.modes import forward
from bench.peers import SESSIONS, peers
from bench.peers.common import Skip
from bench.peers.onnx_model import model
from bench.race import answers, contest
from bench.race.machine import Peak
from bench.race.protocol import burst, race
from bench.report.standing import Standing

import fastconv
from bench import run
from fastconv import _native

ROOT = Path(__file__).parents[2]
SMALL = [
    parse("", "4@6 -> 6 3x3 s2 p1"),
    parse("", "4@9x5 -> 4 3x2 p2,0 d2 g2"),
    parse("", "3@20 -> 5 k4 p3,0 d2"),
    replace(parse("", "4@5 -> 6 4x4 s2 p1 g2", transposed=True), output_padding=1),
    parse("", "2@7 -> 3 k4 s3 p1", transposed=True).batch(2),
]
each_small = pytest.mark.parametrize("layer", SMALL, ids=lambda x: x.name)


def test_sets_hold_what_they_say():
    assert (len(QUICK), len(CORE), len(published())) == (30, 62, 214)
    assert set(QUICK) < set(CORE)
    assert {x.family for x in QUICK} == {x.family for x in CORE} == {x.family for x in published()}
    assert len(choose("core")) == 2 * len(CORE)
    assert {x.family for x in choose("quick", (4,), "depthwise, 1x1: ")} == {"depthwise", "1x1"}
    assert all(x.n == 4 for x in choose("quick", (4,)))


@each_small
def test_sizes_and_operations_of_a_layer(layer):
    x, w, b = layer.arrays()
    y = getattr(fastconv, layer.function)(x, w, b, **layer.options())
    assert y.shape == layer.output_shape
    ones = np.ones_like(x), np.ones_like(w), None
    touched = getattr(fastconv, layer.function)(*ones, **layer.options())
    assert layer.flops == 2 * touched.sum()


def test_published_layers_have_outputs_and_the_right_family():
    for layer in published():
        assert min(layer.output_shape) > 0
        assert layer.dense == (layer.groups == 1 or layer.c_in // layer.groups > 32)
    families = {x.name: x.family for x in published()}
    assert families["r50.3x3_64_56"] == "3x3"
    assert families["dcgan.g2"] == "transposed"
    causal = next(x for x in published() if x.name == "wn.causal_k2d16_32_16000")
    assert (causal.pads, causal.output_shape) == (((16, 0),), (1, 32, 16000))


@each_small
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_right_answers_pass_and_wrong_ones_do_not(layer, dtype):
    arrays = layer.arrays(dtype)
    truth = answers.truth(layer, arrays)
    got = getattr(fastconv, layer.function)(*arrays, **layer.options())
    assert truth.excess(got) < 1
    wrong = got.copy()
    wrong.flat[0] += 1e-3
    assert truth.excess(wrong) > 1
    assert truth.excess(got[..., 1:]) == np.inf
    wrong[...] = truth.value + 1
    size = np.ones_like(wrong)
    with pytest.raises(AssertionError):
        answers.spot_check(layer, arrays, wrong, size)


def test_a_nan_is_a_wrong_answer():
    layer = SMALL[0]
    truth = answers.truth(layer, layer.arrays())
    assert not truth.excess(np.full(layer.output_shape, np.nan)) <= 1


def test_a_burst_warms_up_and_a_long_call_is_timed_once():
    calls = []
    assert len(burst(lambda: calls.append(1), 0.001)) == len(calls) - 1
    assert len(burst(lambda: sum(range(100_000)), 1e-6)) == 1
    seconds = race({"a": lambda: None, "b": lambda: sum(range(1000))}, turns=2, seconds=0.001)
    assert 0 < seconds["a"] < seconds["b"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_peak_counts_its_operations(isa, dtype):
    lanes = _native.testing.tile_shapes(dtype)[0]
    one = _native.testing.fma_peak(dtype, 1, 1)
    assert one % (2 * lanes) == 0
    threads = 1 if fastconv.threading() == "off" else 2
    assert _native.testing.fma_peak(dtype, 2, 10) == 10 * threads * one
    assert Peak(dtype, 1).gflops(3) > 0


def test_missing_peers_are_skipped_with_a_word(monkeypatch):
    for name in ("torch", "onnxruntime", "openvino", "ncnn", "MNN", "_tools"):
        monkeypatch.setitem(sys.modules, name, None)
    found = peers(SESSIONS, SMALL[0], SMALL[0].arrays(), 1)
    assert found.calls == {}
    assert found.skipped == dict.fromkeys(SESSIONS, "not installed")


def settings(monkeypatch, **builders):
    monkeypatch.setattr(forward, "SESSIONS", builders)
    monkeypatch.setattr(contest, "race", lambda calls, **_: dict.fromkeys(calls, 1e-3))
    return contest.Settings(threads=2)


def test_a_wrong_peer_is_named_and_never_the_best(monkeypatch):
    layer = SMALL[0]
    right = fastconv.conv2d(*layer.arrays(), **layer.options())

    def refuse(*_):
        raise Skip("cannot do this")

    chosen = settings(
        monkeypatch,
        good=lambda *_: {"good": lambda: right},
        bad=lambda *_: {"bad": lambda: right + 1, "flat": lambda: right.ravel()},
        none=refuse,
    )
    row = forward.measure(layer, chosen, Peak("float32", 1))
    assert set(row["outside"]) == {"bad", "flat"}
    assert row["skipped"] == {"none": "cannot do this"}
    assert Standing(row).best == "good"
    assert Standing(row).ratio == 1
    json.dumps(row)


def test_a_wrong_answer_of_ours_fails_the_run(monkeypatch, capsys):
    chosen = settings(monkeypatch)
    monkeypatch.setattr(
        forward, "our_calls", lambda *_: {"fastconv": lambda: np.zeros((1, 6, 3, 3))}
    )
    done = run.run(chosen, SMALL[:1])
    assert done["rows"] == []
    assert "beyond the bound" in done["failed"][0]
    assert "[1/1]" in capsys.readouterr().err


def test_command_line_measures_prints_and_stores(tmp_path):
    """With every peer that is installed, in a process of its own: they bring threads along."""
    out = tmp_path / "deep" / "run.json"
    command = [sys.executable, "-m", "fastconv", "bench", "-k", "tiny: 8@8", "--turns", "1",
               "--threads", "2", "--out", str(out)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=240)
    assert done.returncode == 0, done.stderr
    stored = json.loads(out.read_text(encoding="utf-8"))
    (row,) = stored["rows"]
    assert row["layer"] == "8@8 -> 8 3x3 p1"
    assert {"fastconv", "fastconv channels_last", "fastconv 1 thread"} <= set(row["us"])
    assert stored["peak_gflops"]["1"] > 0
    assert "| tiny | 8@8 -> 8 3x3 p1 |" in done.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["-k", "nothing"], "no layer"), (["--peers", "x"], "no peer"), (["--threads", "0"], "least")],
)
def test_command_line_says_what_is_wrong(words, complaint, capsys):
    try:
        code = run.main(words)
    except SystemExit as ended:
        code = ended.code
    assert code != 0
    assert complaint in capsys.readouterr().err


def test_onnx_model_is_whole():
    """Walk the protocol buffer: every length fits, and the tensors are whole."""
    layer = SMALL[1]
    x, w, b = layer.arrays()
    fields = dict(walk(model(layer, x, w, b)))
    graph = list(walk(fields[7]))
    tensors = [dict(walk(value)) for number, value in graph if number == 5]
    assert [t[9] for t in tensors] == [w.tobytes(), b.tobytes()]
    (node,) = (list(walk(value)) for number, value in graph if number == 1)
    attributes = {dict(walk(value))[1].decode() for number, value in node if number == 5}
    assert attributes == {"kernel_shape", "strides", "dilations", "pads", "group"}


def walk(data):
    """The fields of a message: (number, integer or bytes)."""
    place = 0

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place, value, shift = place + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while place < len(data):
        key = varint()
        value = varint()
        if key & 7 == 2:
            value, place = data[place : place + value], place + value
            assert place <= len(data)
        yield key >> 3, value


def test_padding_is_no_work():
    layer = parse("", "1@3 -> 1 3x3 p1")
    inside = sum(
        0 <= y + i - 1 < 3 and 0 <= x + j - 1 < 3 for y, x, i, j in product(range(3), repeat=4)
    )
    assert layer.flops == 2 * inside
