"""Fixtures that several test files share."""

from __future__ import annotations

import pytest

from fastconv import _native


@pytest.fixture(params=_native.supported_isas())
def isa(request):
    before = _native.isa()
    _native.set_isa(request.param)
    yield request.param
    _native.set_isa(before)
