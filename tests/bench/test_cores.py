"""The simulator of many cores: it counts what is there, and the loop nests share it out."""

from __future__ import annotations

from dataclasses import replace
from statistics import geometric_mean

import numpy as np
import pytest
from bench.items.layer import parse
from bench.items.layers import published
from bench.modes import cores
from bench.race.contest import OURS, Settings

import fastconv
from fastconv import _native

SETTINGS = Settings(mode="cores")
LEAST = {8: 0.94, 16: 0.92, 32: 0.84, 64: 0.66}
"""What the layers above 100 us reach on each ISA; AVX-512: 0.96, 0.94, 0.89, 0.74."""


def test_one_core_counts_at_least_the_multiplications_of_plain_sums():
    for text in ("64@28 -> 64 1x1", "128@28 -> 128 3x3 s2 p1", "15@604 -> 15 k5"):
        layer = parse("", text)
        elapsed, busy = cores.cycles(layer, cores.prepare(layer, SETTINGS), 1)
        lanes, *_ = _native.testing.tile_shapes("float32")
        assert elapsed == busy
        assert 0.25 <= elapsed / (layer.flops / 2 / lanes) <= 3, text


def test_layers_are_shared_out_to_many_cores():
    rows = [cores.measure(layer, SETTINGS, None) for layer in published()]
    long = [row for row in rows if row["us"][OURS] > cores.LONG]
    assert len(long) > 100
    for count, least in LEAST.items():
        parts = [row["cores"][str(count)] for row in long]
        assert max(parts) <= 1.11, count  # a cut for more threads may copy a little less
        assert geometric_mean(parts) >= least, count


def test_what_was_active_is_active_again():
    before = fastconv.isa(), fastconv.threading(), fastconv.get_num_threads()
    layer = replace(parse("", "4@6 -> 6 3x3"), n=2)
    cores.cycles(layer, cores.prepare(layer, SETTINGS), 3)
    assert (fastconv.isa(), fastconv.threading(), fastconv.get_num_threads()) == before
    with pytest.raises(ZeroDivisionError):
        _native.testing.simulate(3, lambda: 1 / 0)
    assert (fastconv.isa(), fastconv.threading(), fastconv.get_num_threads()) == before
    x, w = np.ones((1, 4, 6, 6), np.float32), np.ones((2, 4, 3, 3), np.float32)
    np.testing.assert_array_equal(fastconv.conv2d(x, w), 36)
