"""Arrays in chunks, for the tests of dask. Whoever imports this has seen that dask is there."""

from __future__ import annotations

import dask.array as da
import numpy as np


def chunked(rng, x, most_borders=4):
    """x in chunks of random sizes along every axis."""
    chunks = []
    for n in x.shape:
        count = min(n - 1, rng.integers(0, most_borders + 1))
        inner = rng.choice(np.arange(1, n), size=count, replace=False)
        edges = [0, *np.sort(inner).tolist(), n]
        chunks.append(tuple(np.diff(edges).tolist()))
    return da.from_array(x, chunks=tuple(chunks))
