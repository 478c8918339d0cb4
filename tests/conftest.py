"""Fixtures that every test file may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fastconv import _native


@pytest.fixture(params=_native.supported_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once on every instruction set that this CPU has."""
    before = _native.isa()
    _native.set_isa(request.param)
    yield request.param
    _native.set_isa(before)
