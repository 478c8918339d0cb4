"""What the peers share."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import numpy as np

Call = Callable[[], Any]


class Skip(Exception):
    """A peer cannot compute this layer; the message says why in a few words."""


def version(package: str) -> str:
    """Version of an installed package, or an empty string."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def only_float32(*arrays: np.ndarray) -> None:
    """Skip where a peer has float32 alone."""
    if any(a.dtype != np.float32 for a in arrays):
        raise Skip("float32 only")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what native code writes to standard output nowhere: some libraries greet."""
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
