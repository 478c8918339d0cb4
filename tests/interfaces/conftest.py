"""What the tests of interfaces share."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def one_thread_of_torch():
    """Small sums on a busy machine: threads that wait for each other take most of the time."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
