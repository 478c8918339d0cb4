"""What tests of Fourier transforms share: one case against plain sums."""

from __future__ import annotations

import numpy as np

import fastconv
from algorithms import weight_grad_of
from fastconv import grad


def function_of(x):
    return fastconv.conv1d if x.ndim == 3 else fastconv.conv2d


def check(size, algorithm):
    shape, kernel, how = size
    rng = np.random.default_rng(sum(shape))
    x, w = rng.standard_normal(shape), rng.standard_normal(kernel)
    groups = how.get("groups", shape[1] if kernel[1] == 1 else 1)
    how = {**how, "groups": groups}
    call = function_of(x)
    want = call(x, w, **how, precision="highest")
    for dtype, limit in ((np.float32, 1e-6), (np.float64, 1e-14)):
        args = x.astype(dtype), w.astype(dtype)
        one, many = (call(*args, **how, algorithm=algorithm, threads=n) for n in (1, 3))
        assert np.linalg.norm(one - want) <= limit * np.linalg.norm(want)
        assert one.tobytes() == many.tobytes()


def check_weight_gradient(size, algorithm):
    shape, kernel, how = size
    how = {**how, "groups": how.get("groups", shape[1] if kernel[1] == 1 else 1)}
    rng = np.random.default_rng(sum(shape))
    x, w = rng.standard_normal(shape), np.zeros(kernel)
    dy = rng.standard_normal(function_of(x)(x, w, **how).shape)
    call = grad.conv1d_weight if x.ndim == 3 else grad.conv2d_weight
    want = call(x, kernel, dy, **how, precision="highest")
    # Of 180,000 terms the plain sum in float64 itself errs by 1.3e-14.
    for dtype, limit in ((np.float32, 1e-6), (np.float64, 3e-14)):
        args = x.astype(dtype), kernel, dy.astype(dtype), algorithm
        one, many = (weight_grad_of(*args, **how, threads=n) for n in (1, 3))
        assert np.linalg.norm(one - want) <= limit * np.linalg.norm(want)
        assert one.tobytes() == many.tobytes()
