"""What all tests share: the ISA they run on, and Hypothesis without chance or clocks."""

from __future__ import annotations

import gc
import os

import hypothesis
import pytest

import fastconv
from fastconv import _native

# Work is cut for no more threads than there are CPUs: few CPUs must not leave other cuts untried.
_native.testing.pretend_cpus(8)

# A failure must be the same for everyone who runs the suite.
hypothesis.settings.register_profile(
    "fastconv",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("fastconv")

# Where the environment forces an ISA, a run of the suite is about that one.
FORCED = os.environ.get("FASTCONV_ISA")
ISAS = [FORCED] if FORCED in fastconv.supported_isas() else fastconv.supported_isas()


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Tens of thousands of items live until the end: no collection of garbage walks over them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(params=ISAS)
def isa(request):
    """Each instruction set of this machine in turn."""
    before = fastconv.isa()
    fastconv.set_isa(request.param)
    yield request.param
    fastconv.set_isa(before)


@pytest.fixture
def plain_sums():
    """No fast algorithm: sums of small integers are then exact."""
    with fastconv.precision("highest"):
        yield
