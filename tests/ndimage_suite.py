"""Tests of other libraries, with our functions in the place of scipy.ndimage's.

    python tests/ndimage_suite.py [scipy | skimage | files or folders of tests]

runs SciPy's own tests of its filters and of grey morphology, which is the default; scikit-image's
tests of its filters; or others, such as dask-image's. It says at the end how
many calls our kernels took.
"""

from __future__ import annotations

import os
import sys
import tempfile

import pytest
import scipy.ndimage
from scipy._lib._array_api import xp_capabilities_table

from fastconv.interfaces import scipy_ndimage as ours

SCIPY = ["scipy.ndimage.tests.test_filters", "scipy.ndimage.tests.test_morphology"]
SCIPY_FILTERS = "test_filters or grey or white or black or morphological"
# The last release whose wheel has its tests is 0.25.
SKIMAGE = ["skimage.filters.tests"]


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


def main(arguments):
    chosen = arguments or ["scipy"]
    options = ["-p", "no:cacheprovider", "-q", "-p", "no:warnings"]
    if chosen == ["scipy"]:
        chosen, options = SCIPY, [*options, "-k", SCIPY_FILTERS]
    elif chosen == ["skimage"]:
        chosen = SKIMAGE
    assert scipy.ndimage.gaussian_filter is not ours.gaussian_filter
    with tempfile.TemporaryDirectory() as nowhere:
        options += ["-c", os.devnull, "--rootdir", nowhere, "--pyargs"]
        return pytest.main([*options, *chosen], plugins=[Swapped()])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
