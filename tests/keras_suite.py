"""Keras's own tests of convolutions and pools, on the NumPy backend with fastconv installed.

    python tests/keras_suite.py [arguments of pytest]

runs those in one and two dimensions from the wheel of Keras, and says at the end how many calls
fastconv took. Without arguments all of them run, which takes half a minute.
"""

from __future__ import annotations

import os
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "numpy"

import pytest

from fastconv.interfaces import keras as ours

MODULES = [
    "keras.src.ops.nn_test",
    *(f"keras.src.layers.convolutional.{name}_test" for name in (
        "conv", "conv_transpose", "depthwise_conv", "separable_conv")),
    *(f"keras.src.layers.pooling.{name}_pooling_test" for name in (
        "max", "average", "global_max", "global_average")),
    *(f"keras.src.layers.pooling.adaptive_pooling{rank}d_test" for rank in (1, 2)),
]  # fmt: skip


class Installed:
    """What Keras's own conftest does for us, and our counts."""

    def pytest_configure(self, config):
        config.addinivalue_line("markers", "requires_trainable_backend: not this one")
        ours.install()

    def pytest_collection_modifyitems(self, items):
        skip = pytest.mark.skip(reason="the NumPy backend does not train")
        for item in items:
            if "requires_trainable_backend" in item.keywords:
                item.add_marker(skip)

    def pytest_terminal_summary(self, terminalreporter):
        for name, (taken, left) in ours.counts().items():
            terminalreporter.write_line(f"{name}: {taken} taken, {left} left to Keras")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as nowhere:
        options = ["-c", os.devnull, "--rootdir", nowhere, "-p", "no:cacheprovider", "-q",
                   "-p", "no:warnings",
                   "-k", "(conv or pool or Conv or Pool) and not 3d and not 3D"]  # fmt: skip
        chosen = sys.argv[1:] or MODULES
        sys.exit(pytest.main([*options, "--pyargs", *chosen], plugins=[Installed()]))
