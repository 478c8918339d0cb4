"""dask.distributed: processes under a limit of memory, and one that is killed on the way."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from children import run_python

pytestmark = [
    pytest.mark.interfaces,
    pytest.mark.skipif(find_spec("distributed") is None, reason="distributed is pinned by .ci"),
]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.timeout(900)
def test_an_image_larger_than_the_memory_of_the_workers():
    code = f"""
import runpy
if __name__ == "__main__":
    main = runpy.run_path({str(EXAMPLES / "dask_network.py")!r})["main"]
    main(16_000, 768)  # an image of 977 MiB, and one that comes out
"""
    assert "largest difference" in run_python(code, timeout=800)


KILLED = """
import os, signal, threading, time
import numpy as np
import dask, dask.array as da
import fastconv
from dask.distributed import Client, LocalCluster
from fastconv import nn

def slowly(block):
    import time
    time.sleep(0.2)
    return block

if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x = rng.integers(-4, 5, (1, 1, 900, 700)).astype(np.float32)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding="same"), nn.ReLU(),
                          nn.ConvTranspose2d(4, 1, 2, stride=2)).eval()
    for value, _ in model.parameters():
        value[...] = rng.integers(-2, 3, value.shape)
    with dask.config.set({"distributed.scheduler.allowed-failures": 10}), LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(
            cluster) as client, fastconv.precision("highest"):
        pids = list(client.run(os.getpid).values())
        lazy = nn.predict(model, da.from_array(x, chunks=(1, 1, 90, 90)).map_blocks(
            slowly, dtype=np.float32))
        future = client.compute(lazy)
        time.sleep(2)
        assert not future.done()
        os.kill(pids[0], signal.SIGKILL)
        y = future.result(timeout=120)
        assert pids[0] not in client.run(os.getpid).values()
        print("right:", np.array_equal(y, model(x)))
"""


def test_a_worker_that_is_killed_loses_nothing():
    assert "right: True" in run_python(KILLED, timeout=200)
