"""An image larger than the memory, filtered and fed to a network by several processes.

    python examples/dask_network.py [side] [MiB of data that a worker may have]

The image is a file; each worker maps it into memory, reads what a chunk needs and writes its result
into another file. Needs ``pip install 'fastconv[dask,scipy]' distributed``.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path

import numpy as np

from fastconv import nn
from fastconv.interfaces.dask import ndimage

try:
    from dask.distributed import Client, LocalCluster, progress
except ImportError as error:
    raise ImportError(
        "fastconv/examples/dask_network.py needs dask.distributed: "
        "pip install 'fastconv[dask,scipy]' distributed"
    ) from error
import dask.array as da


class OnDisk:
    """An array in an .npy file, which every process opens for itself."""

    def __init__(self, path, shape=None, dtype=np.float32):
        self.path = str(path)
        if shape is not None:
            np.lib.format.open_memmap(self.path, "w+", dtype, shape)
        array = np.load(self.path, mmap_mode="r")
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, place):
        return np.array(np.load(self.path, mmap_mode="r")[place])

    def __setitem__(self, place, values):
        np.load(self.path, mmap_mode="r+")[place] = values


def limit_data(mib):
    """Let this process allocate no more than so many MiB."""
    resource.setrlimit(resource.RLIMIT_DATA, (mib << 20, mib << 20))


def smooth(image):
    """Rows and columns of a (1, H, W) image by a Gaussian, in one pass over each chunk."""
    return ndimage.gaussian_filter(image, 2, mode="nearest", axes=(1, 2))


def network():
    """Five layers of 3x3 filters, fully convolutional."""
    layers = []
    for i, (inputs, outputs) in enumerate([(1, 8), (8, 8), (8, 8), (8, 8), (8, 1)]):
        layers.append(nn.Conv2d(inputs, outputs, 3, padding="same", activation="relu", rng=i))
    return nn.Sequential(*layers).eval()


def fill(image, rows=1024):
    """Something to look at: waves, and noise."""
    rng = np.random.default_rng(0)
    height, width = image.shape[1:]
    for top in range(0, height, rows):
        y = np.arange(top, min(top + rows, height))[:, None]
        waves = np.sin(y / 40) * np.sin(np.arange(width) / 60)
        image[0, top : top + rows] = waves + 0.1 * rng.random(waves.shape)


def main(side=1500, mib=1024):
    with tempfile.TemporaryDirectory() as folder:
        image = OnDisk(Path(folder, "image.npy"), (1, side, side))
        result = OnDisk(Path(folder, "result.npy"), (1, side, side))
        fill(image)
        chunk = min(1024, side // 2)
        x = da.from_array(image, chunks=(1, chunk, chunk), name="image")
        y = nn.predict(network(), smooth(x)[None])[0]
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            client.run(limit_data, mib)
            done = da.store(y, result, lock=False, compute=False)
            future = client.compute(done)
            progress(future, notebook=False)
            future.result()
        # Any part of it is what one call gives; here the upper left corner.
        corner = image[:, :300, :300]
        want = network()(smooth(da.from_array(corner)).compute()[None])[0]
        error = np.abs(result[:, :200, :200] - want[:, :200, :200]).max()
        print(f"\n{side} x {side} pixels in chunks of {chunk}; largest difference {error:.1e}")
        assert error < 1e-5 * np.abs(want).max()


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:]))
