"""Load the compiled module so that waiting threads give their core back soon.

GCC's OpenMP runtime reads its settings once, when it is loaded, and then lets a thread that waits
spin 300,000 times before it sleeps: some 16 ms on a CPU with slow pauses. Two threads that share a
core with anybody else then wait for each other that long, at every call. 2,000 spins, about 0.1 ms,
still bridge the gap between two layers. Measured with both cores also busy otherwise, 2 threads,
32 -> 64 channels at 16x8x8: 1.2 ms a call instead of 5.2; alone on the machine, no difference.
"""

from __future__ import annotations

import os
from importlib import import_module

SPINS = "2000"


def load() -> None:
    """Import `fastconv._native`; the environment is left as it was, and wins where it says more."""
    if "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ:
        import_module("fastconv._native")
        return
    os.environ["GOMP_SPINCOUNT"] = SPINS
    try:
        import_module("fastconv._native")
    finally:
        del os.environ["GOMP_SPINCOUNT"]
