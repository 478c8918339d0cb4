"""Memory over many calls: none is kept, whatever the shapes, and whether they succeed or fail."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

import numpy as np
import pytest

import fastconv
from children import run_python
from fastconv import grad

MAPS = Path("/proc/self/maps")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif(
        MAPS.exists() and "libasan" in MAPS.read_text(),
        reason="AddressSanitizer keeps what was freed for a while",
    ),
]

WEIGHTS = {c: np.ones((4, c, 3, 3), np.float32) for c in range(1, 9)}


def resident():
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def good(calls):
    rng = np.random.default_rng(0)
    for _ in range(calls):
        channels, height, width = rng.integers((1, 3, 3), (9, 40, 40))
        x, w = np.ones((1, channels, height, width), np.float32), WEIGHTS[int(channels)]
        y = fastconv.conv2d(x, w, padding=1)
        grad.conv2d(x, w, y, padding=1)
        fastconv.Conv2dPlan(x.shape, w)(x)
        fastconv.conv_transpose2d(y, w, stride=2)


def bad(calls):
    x, w = np.ones((1, 2, 5, 5), np.float32), WEIGHTS[2]
    for _ in range(calls):
        for arguments in (
            {"weight": WEIGHTS[3]},
            {"stride": 0},
            {"stride": [1, 2, 3]},
            {"padding": "x" * 200},
            {"residual": np.ones(3, np.float32)},
            {"algorithm": "depthwise"},
            {"threads": 5.5},
            {"out": 1},
        ):
            with contextlib.suppress(TypeError, ValueError):
                fastconv.conv2d(x, **{"weight": w, **arguments})


@pytest.mark.parametrize("calls", [good, bad])
def test_many_calls_keep_nothing(calls):
    """300 bytes a call would show; the rest is malloc's. What is kept is kept by each round; the
    system may make huge pages of small ones, 2 MiB at a time, in any one of them.
    """
    calls(900)
    grown = []
    for _ in range(4):
        before = resident()
        calls(900)
        grown.append(resident() - before)
        if grown[-1] < 2**20:
            break
    assert min(grown) < 2**20


def test_scratch_is_given_back_on_request():
    code = """
import resource
from pathlib import Path
import numpy as np, fastconv

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

w = np.ones((8, 32, 3, 3), np.float32)
small = np.ones((1, 32, 8, 8), np.float32)
fastconv.conv2d(small, w)
before = resident()
fastconv.Conv2dPlan((1, 32, 8, 8), w)
x = np.ones((1, 32, 400, 400), np.float32)
for algorithm in ("direct", "im2col"):
    fastconv.conv2d(x, w, algorithm=algorithm)
del x
fastconv.clear_pool()
print(resident() - before)
"""
    assert int(run_python(code)) < 8 * 2**20
