"""Template matching: scikit-image's results, and right ones where the image is flat."""

from __future__ import annotations

import numpy as np
import pytest

from fastconv.interfaces.skimage_feature import match_template


def exact(image, template, i, j):
    """The coefficient of one window in extended precision."""
    window = image[i : i + template.shape[0], j : j + template.shape[1]].astype(np.longdouble)
    window, template = window - window.mean(), template.astype(np.longdouble)
    template = template - template.mean()
    return float((window * template).sum() / np.sqrt((window**2).sum() * (template**2).sum()))


def worst(image, template, step=7):
    y = match_template(image, template)
    return max(
        abs(exact(image, template, i, j) - y[i, j])
        for i in range(0, y.shape[0], step)
        for j in range(0, y.shape[1], step)
        if np.ptp(image[i : i + template.shape[0], j : j + template.shape[1]]) > 0
    )


def scene(name):
    rng = np.random.default_rng(0)
    if name == "noise":
        return rng.random((80, 70))
    if name == "a flat part far from the mean":
        image = rng.random((150, 160))
        image[20:120, 20:130] = 7
        image[50:80, 60:90] += 1e-6 * rng.random((30, 30))
        return image
    if name == "many levels":
        levels = np.repeat(np.repeat(rng.random((7, 7)) * 1e4, 20, 0), 20, 1)
        return levels + 1e-5 * rng.random((140, 140))
    return rng.random((100, 100)).cumsum(1)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("noise", 1e-12), ("a flat part far from the mean", 1e-8),
        ("many levels", 1e-6), ("ramps", 1e-11),
    ],
)  # fmt: skip
def test_coefficients_are_right(name, bound):
    image = scene(name)
    assert worst(image, image[60:72, 65:76].copy()) < bound


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8"])
def test_flat_windows_and_flat_templates_are_zero(dtype):
    image = np.full((60, 70), 201, dtype)
    image[20:30, 20:30] = 17
    y = match_template(image, np.arange(25).reshape(5, 5).astype(dtype))
    windows = np.lib.stride_tricks.sliding_window_view(image, (5, 5))
    flat = windows.min(axis=(2, 3)) == windows.max(axis=(2, 3))
    assert flat.any()
    assert not y[flat].any()
    assert np.abs(y).max() <= 1
    assert y.dtype == (np.float32 if dtype == "f4" else np.float64)
    assert not match_template(image, np.ones((3, 3), dtype)).any()


def test_a_nan_reaches_its_windows():
    image = np.random.default_rng(0).random((30, 30))
    image[10, 10] = np.nan
    y = match_template(image, image[20:24, 20:23])
    assert np.isnan(y).sum() == 12
    assert np.isnan(y[7:11, 8:11]).all()


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap", "linear_ramp", "mean"])
@pytest.mark.parametrize("dtype", ["u1", "f4", "f8"])
def test_results_are_those_of_scikit_image(mode, dtype):
    theirs = pytest.importorskip("skimage.feature", reason="scikit-image is an extra")
    image = (np.random.default_rng(0).random((33, 47)) * 50).astype(dtype)
    for shape in ((7, 6), (3, 3), (33, 47), (8, 1)):
        template = (np.random.default_rng(1).random(shape) * 50).astype(dtype)
        for pad_input in (False, True):
            want = theirs.match_template(image, template, pad_input, mode)
            got = match_template(image, template, pad_input, mode)
            assert (got.shape, got.dtype) == (want.shape, want.dtype)
            np.testing.assert_allclose(got, want, atol=1e-9 if dtype != "f4" else 5e-3)


def test_the_rest_is_scikit_images():
    pytest.importorskip("skimage.feature", reason="scikit-image is an extra")
    image = np.random.default_rng(0).random((8, 9, 10))
    assert match_template(image, image[2:5, 2:5, 2:5]).shape == (6, 7, 8)
    with pytest.raises(ValueError, match="larger"):
        match_template(np.ones((3, 3)), np.ones((5, 5)))
