"""More than 2**31 elements, and workspaces that must not grow with them. Slow: gigabytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fastconv
from children import run_python

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

LONG = 2**31 + 1000


def need(gigabytes):
    """Skip where so much memory is not free."""
    facts = Path("/proc/meminfo")
    if not facts.exists():
        pytest.skip("needs /proc/meminfo to know that the memory is there")
    free = next(line for line in facts.read_text().splitlines() if line.startswith("MemAvailable"))
    if int(free.split()[1]) < gigabytes * 2**20:
        pytest.skip(f"needs {gigabytes} GiB")


def spike(length, dtype, positions):
    """Zeros, which the system does not store, with a few ones."""
    x = np.zeros((1, 1, length), dtype)
    x[0, 0, positions] = 1
    return x


@pytest.mark.parametrize("algorithm", ["direct", "im2col", "depthwise"])
def test_a_signal_and_a_result_of_more_than_two_to_the_31(algorithm):
    need(10)
    at = np.array([0, 5, 2**30, 2**31 - 1, 2**31, LONG - 1])
    x = spike(LONG, np.float32, at)
    y = fastconv.conv1d(x, np.array([[[1, 2, 4]]], np.float32), padding=1, algorithm=algorithm)
    assert y.shape == x.shape
    # Element i of x reaches i + 1, i and i - 1 with the taps 1, 2 and 4.
    np.testing.assert_array_equal(y[0, 0, 2**31 - 3 : 2**31 + 3], [0, 4, 6, 3, 1, 0])
    np.testing.assert_array_equal(y[0, 0, :8], [2, 1, 0, 0, 4, 2, 1, 0])
    np.testing.assert_array_equal(y[0, 0, -4:], [0, 0, 4, 2])
    assert np.count_nonzero(y[0, 0, -900:]) == 2


def test_a_stride_over_a_signal_of_more_than_two_to_the_31():
    need(4)
    x = spike(LONG, np.float64, [1024, 2**31, LONG - 8])
    y = fastconv.conv1d(x, np.ones((1, 1, 8)), stride=1024)
    np.testing.assert_array_equal(np.nonzero(y[0, 0])[0], [1, 2**21])
    x = spike(LONG, np.float32, [2**31])
    y = fastconv.conv1d(x, np.ones((1, 1, 1000), np.float32), stride=1000)
    np.testing.assert_array_equal(np.nonzero(y[0, 0])[0], [2**31 // 1000])


def test_planes_of_more_than_two_to_the_31():
    need(10)
    x = np.zeros((1, 1, 46341, 46342), np.float32)
    x[0, 0, 46340, 46341] = 3
    y = fastconv.conv2d(x, np.full((1, 1, 1, 1), 2, np.float32))
    assert y.size > 2**31
    assert y[0, 0, -1, -1] == 6
    assert not y[0, 0, -1, :-1].any()


def test_gradients_of_more_than_two_to_the_31():
    need(10)
    x = spike(LONG, np.float32, [0, LONG - 1])
    dy = np.ones((1, 1, LONG // 2**20), np.float32)
    kernel = LONG - 2**20 * (dy.shape[-1] - 1)
    dw = fastconv.grad.conv1d_weight(x, (1, 1, kernel), dy, stride=2**20)
    assert dw[0, 0, 0] == 1
    assert dw[0, 0, -1] == 1
    # Three windows of five, at the start, in the middle and one before the end.
    dx = fastconv.grad.conv1d_input(
        x.shape, np.ones((1, 1, 5), np.float32), dy[:, :, :3], stride=(LONG - 5) // 2
    )
    np.testing.assert_array_equal(dx[0, 0, -7:], [0, 1, 1, 1, 1, 1, 0])
    assert dx[0, 0, 2**31 - 1000 :].sum() == 5


def test_a_pool_of_more_than_two_to_the_31():
    need(6)
    x = np.zeros((1, 1, 46341, 46342), np.uint8)
    x[0, 0, 46340, 46341] = 7
    x[0, 0, 46339, 3] = 5
    y = fastconv.max_pool2d(x, 2, padding=((0, 1), (0, 0)))
    assert y.shape == (1, 1, 23171, 23171)
    assert y[0, 0, -1, -1] == 7
    assert y[0, 0, -2, 1] == 5
    y, at = fastconv.max_pool2d(x[:, :, 46300:], (41, 46342), return_indices=True)
    assert y.item() == 7
    assert at.item() == 40 * 46342 + 46341


def test_the_workspace_does_not_grow_with_the_image():
    """An explicit im2col of this would take 200 GiB."""
    need(8)
    code = """
import resource
import numpy as np, fastconv
x, w = np.zeros((16, 64, 1167, 1167), np.float32), np.ones((1, 64, 5, 5), np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for algorithm in ("auto", "direct", "im2col"):
    fastconv.conv2d(x, w, algorithm=algorithm)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    for line in run_python(code, timeout=900).splitlines():
        assert int(line) < 400 * 2**10  # the result has 83 MiB; in KiB


def test_a_limit_of_memory_is_a_memory_error():
    """Beyond the limit: MemoryError, nothing lost, and the next call works."""
    code = """
import resource
import numpy as np, fastconv
x, w = np.ones((1, 8, 64, 64), np.float32), np.ones((8, 8, 3, 3), np.float32)
want = fastconv.conv2d(x, w, padding=1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, resource.RLIM_INFINITY))
big = np.broadcast_to(np.float32(1), (1, 8, 2**13, 2**13))
for call in (
    lambda: fastconv.conv2d(big, w),
    lambda: fastconv.conv2d(x, w, padding=2**13),
    lambda: fastconv.grad.conv2d_input((1, 8, 8193, 8193), w, x, stride=130),
) * 20:
    try:
        call()
    except MemoryError:
        continue
    raise SystemExit("no error")
assert fastconv.conv2d(x, w, padding=1).tobytes() == want.tobytes()
"""
    run_python(code, timeout=300)
