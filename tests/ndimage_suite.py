"""SciPy's own tests of ndimage's filters, with our functions in the place of SciPy's.

    python tests/ndimage_suite.py [arguments of pytest]

runs ``test_filters.py`` and the tests of grey morphology from the installed SciPy, and says at the
end how many calls our kernels took.
"""

from __future__ import annotations

import os
import sys
import tempfile

import pytest
import scipy.ndimage
from scipy._lib._array_api import xp_capabilities_table

from fastconv.interfaces import scipy_ndimage as ours

MODULES = ["scipy.ndimage.tests.test_filters", "scipy.ndimage.tests.test_morphology"]


class Swapped:
    """Ours are in place while tests are imported and run: they take names where they use them."""

    def pytest_configure(self, config):
        for mark in ("skip_xp_backends", "xfail_xp_backends", "array_api_backends", "thread_unsafe",
                     "parallel_threads", "xslow", "fail_slow", "slow", "iterations",
                     "parallel_threads_limit", "uses_xp_capabilities"):  # fmt: skip
            config.addinivalue_line("markers", f"{mark}: of SciPy")
        for name, function in ours.FUNCTIONS.items():  # decorators of tests ask it by function
            xp_capabilities_table[function] = xp_capabilities_table[getattr(scipy.ndimage, name)]
        self.swap = ours.enabled()
        self.swap.__enter__()

    def pytest_unconfigure(self):
        self.swap.__exit__(None, None, None)

    def pytest_terminal_summary(self, terminalreporter):
        for name, (taken, left) in ours.counts().items():
            terminalreporter.write_line(f"{name}: {taken} taken, {left} left to SciPy")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as nowhere:
        options = ["-c", os.devnull, "--rootdir", nowhere, "-p", "no:cacheprovider", "-q",
                   "-p", "no:warnings",
                   "-k", "test_filters or grey or white or black or morphological"]  # fmt: skip
        assert scipy.ndimage.gaussian_filter is not ours.gaussian_filter
        chosen = sys.argv[1:] or MODULES
        sys.exit(pytest.main([*options, "--pyargs", *chosen], plugins=[Swapped()]))
