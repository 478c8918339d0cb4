"""SciPy's own tests of what `fastconv.interfaces.scipy_signal` has, with ours swapped in.

    python tests/scipy_suite.py [arguments of pytest]

runs them from the wheel of SciPy and says at the end how many calls fastconv took, and what the
calls were that it passed on. It fails if one of these was on real floats in one or two dimensions.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter

import numpy as np
import pytest
import scipy.signal
from scipy._lib._array_api import xp_capabilities_table

from fastconv.interfaces import scipy_signal as ours
from fastconv.interfaces.scipy_signal import _mode, _theirs

MODULES = [
    f"scipy.signal.tests.test_{name}" for name in ("signaltools", "savitzky_golay", "upfirdn")
]
COVERED = " or ".join([
    "Convolve", "convolve", "AllFreqConvolves", "Resample", "LinearFilter", "lfilter", "Correlate",
    "correlation_lags", "choose_conv_method", "Decimate", "sg_filter", "polyder", "Upfirdn",
])  # fmt: skip

passed_on: Counter[tuple[str, str]] = Counter()
ours_to_take: list[str] = []


def kind_of(arrays: list[np.ndarray]) -> str:
    """Why a call is none of ours, as far as its arrays tell."""
    if any(a.size == 0 for a in arrays):
        return "empty"
    if any(a.dtype.char in "gGOe" for a in arrays):
        return "long double, half or objects"
    if any(a.ndim == 0 for a in arrays[:2]):
        return "no axis"
    if any(sum(n > 1 for n in a.shape) > 2 for a in arrays):
        return "three dimensions and more"
    if all(a.dtype.kind in "biu" for a in arrays):
        return "integers"
    if any(a.dtype.kind == "c" for a in arrays):
        return "complex"
    return "real floats"


def recorded(name, theirs):
    """SciPy's function; what it computed without an error is written down."""

    def call(*args, **options):
        given = [*args, *options.values()]
        arrays = [np.asarray(a) for a in given if isinstance(a, np.ndarray | list | tuple)]
        feedback = name == "lfilter" and np.size(args[1]) > 1
        feedback |= name == "decimate" and options.get("ftype", "iir") != "fir"
        try:
            y = theirs(*args, **options)
        except Exception:
            passed_on[name, "refused by SciPy"] += 1
            raise
        kind = "feedback" if feedback else kind_of(arrays)
        passed_on[name, kind] += 1
        if kind == "real floats":
            ours_to_take.append(f"{name}: {[(a.shape, a.dtype.str) for a in arrays]} {options}")
        return y

    return call


class Swapped:
    """Puts ours into ``scipy.signal`` before the tests are imported."""

    def pytest_configure(self):
        self.block = ours.enabled()
        self.block.__enter__()
        for name in _theirs.names:
            theirs = _theirs.original(name)
            switch = getattr(scipy.signal, name)
            assert switch is _mode.switches()[name]
            if theirs in xp_capabilities_table:
                xp_capabilities_table[switch] = xp_capabilities_table[theirs]
        wrapped = {name: recorded(name, _theirs.original(name)) for name in _theirs.names}
        _theirs.original = wrapped.__getitem__

    def pytest_terminal_summary(self, terminalreporter):
        line = terminalreporter.write_line
        for name, (taken, left) in ours.counts().items():
            line(f"{name}: {taken} taken, {left} passed on to SciPy")
        for (name, kind), number in sorted(passed_on.items()):
            line(f"  passed on: {name}, {kind}: {number}")
        for call in ours_to_take:
            line(f"OURS TO TAKE: {call}")

    def pytest_sessionfinish(self, session):
        if ours_to_take:
            session.exitstatus = 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as nowhere:
        options = ["-c", os.devnull, "--rootdir", nowhere, "-p", "no:cacheprovider", "-q",
                   "-p", "no:warnings", "-k", COVERED]  # fmt: skip
        chosen = sys.argv[1:] or MODULES
        sys.exit(pytest.main([*options, "--pyargs", *chosen], plugins=[Swapped()]))
