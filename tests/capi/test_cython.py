"""Cython, C and C++ modules that use fastconv: compiled here, against what is installed.

Those tests are marked `builds`; ``pytest -m builds`` runs them (.ci/check_examples does, in an
environment of its own).
"""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastconv
from fastconv import cython_api, grad
from fastconv.__main__ import main

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
INCLUDE = Path(fastconv.get_include())
builds = pytest.mark.builds


def normal(shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def struct_fields(text, opening, closing):
    """(type, name) of each field between two patterns; comments and array sizes are left out."""
    body = re.search(f"{opening}(.*?){closing}", text, re.DOTALL).group(1)
    body = re.sub(r"/\*.*?\*/|\[2\]", "", body, flags=re.DOTALL)
    lines = (line.strip().rstrip(";").partition(" ") for line in body.splitlines() if line.strip())
    return [(kind, name.strip()) for kind, _, names in lines for name in names.split(",")]


@pytest.mark.parametrize(
    ("c", "cython"), [("conv", "ConvDesc"), ("pool", "PoolDesc"), ("stream", "StreamDesc")]
)
def test_structs_of_both_headers_are_alike(c, cython):
    header = (INCLUDE / "fastconv.h").read_text()
    pxd = (INCLUDE.parent / "cython_api.pxd").read_text()
    wanted = struct_fields(header, rf"typedef struct fastconv_{c}_desc {{", r"}")
    fields = struct_fields(pxd, f"cdef struct {cython}:\n", r"\n\n")
    assert [(kind, name.removesuffix("_")) for kind, name in fields] == wanted
    assert len(wanted) > 10


def test_constants_of_both_headers_are_alike():
    header = (INCLUDE / "fastconv.h").read_text()
    pxd = (INCLUDE.parent / "cython_api.pxd").read_text()
    wanted = re.findall(r"FASTCONV_(\w+) = (\d+)", header)
    assert re.findall(r"^    ([A-Z]\w+) = (\d+)", pxd, re.MULTILINE) == wanted


def test_functions_of_the_table_can_be_cimported():
    header = (INCLUDE / "fastconv.h").read_text()
    names = set(re.findall(r"\(\*(\w+)\)\(", header)) - {"fail", "plan_create", "plan_workspace",
                                                         "plan_destroy"}  # fmt: skip
    assert names <= set(cython_api.__pyx_capi__)


@pytest.mark.parametrize(
    ("option", "file"), [("--include", "fastconv.h"), ("--cmakedir", "fastconvConfig.cmake")]
)
def test_command_line_prints_where_things_are(option, file, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([option])
    assert stopped.value.code == 0
    assert (Path(capsys.readouterr().out.removesuffix("\n")) / file).is_file()


def build(source, to):
    """Build the project in `source` as a user would, with the requirements at hand, into `to`."""
    copy = to / "source" / source.name
    shutil.copytree(source, copy)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation",
               "--no-deps", "--no-index", "--target", str(to / "site"), str(copy)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Builds a project and imports its module."""
    folder = tmp_path_factory.mktemp("built")

    def build_and_import(source, module):
        if module not in sys.modules:
            build(source, folder)
            importlib.invalidate_caches()
            sys.path.insert(0, str(folder / "site"))
            try:
                importlib.import_module(module)
            finally:
                sys.path.pop(0)
        return sys.modules[module]

    return build_and_import


@pytest.fixture
def consumer(built):
    return built(HERE / "consumer", "consumer")


@builds
def test_cython_stream_filters_a_signal_block_by_block(built):
    stream = built(EXAMPLES / "cython_stream", "stream")
    signal, taps = normal((1, 2, 4096)), normal((3, 2, 129), seed=1)
    blocks = np.ascontiguousarray(signal.reshape(2, 16, 256).transpose(1, 0, 2))
    got = stream.filter_stream(blocks, taps).transpose(1, 0, 2).reshape(1, 3, 4096)
    want = fastconv.conv1d(signal, taps, padding="causal")
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@builds
def test_c_extension_blurs_an_image(built):
    smooth = built(EXAMPLES / "c_extension", "smooth")
    x = normal((40, 61))
    y = np.full_like(x, np.nan)
    smooth.blur(x, y)
    row = np.array([1, 2, 1], np.float32) / 4
    want = fastconv.conv2d(x[None], np.outer(row, row)[None, None], padding=1,
                           padding_mode="replicate")  # fmt: skip
    np.testing.assert_allclose(y, want[0], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="one shape"):
        smooth.blur(x, y[1:])


@builds
def test_cmake_project_averages_a_pyramid(built):
    pyramid = built(EXAMPLES / "cmake_pybind11", "pyramid").pyramid
    x = normal((32, 24))
    levels = pyramid(x, 3)
    assert [level.shape for level in levels] == [(32, 24), (16, 12), (8, 6)]
    np.testing.assert_array_equal(levels[2][None], fastconv.avg_pool2d(levels[1][None], 2))
    with pytest.raises(ValueError, match="the kernel reaches 2 elements"):
        pyramid(x, 7)


@builds
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memoryviews_give_what_python_gives(consumer, dtype):
    x, w, b = normal((2, 4, 9, 8), dtype), normal((6, 2, 3, 3), dtype, 1), normal(6, dtype, 2)
    want = fastconv.conv2d(x, w, b, stride=2, padding=1, groups=2)
    y = np.full_like(want, np.nan)
    consumer.conv2d(x, w, b, y, 2, 1, 2)
    np.testing.assert_array_equal(y, want)

    v = normal((4, 3, 3, 3), dtype, 1)
    want = fastconv.conv_transpose2d(x, v, stride=2)
    y = np.full_like(want, np.nan)
    consumer.conv_transpose2d(x, v, None, y, 2)
    np.testing.assert_array_equal(y, want)

    w = normal((5, 4, 3, 3), dtype, 1)
    dy = normal((2, 5, 5, 4), dtype, 3)
    dx, dw = np.full_like(x, np.nan), np.full_like(w, np.nan)
    consumer.input_grad(w, dy, dx, 2, 1)
    consumer.weight_grad(x, dy, dw, 2, 1)
    np.testing.assert_array_equal(dx, grad.conv2d_input(x.shape, w, dy, 2, 1))
    np.testing.assert_array_equal(dw, grad.conv2d_weight(x, w.shape, dy, 2, 1))

    want = fastconv.max_pool2d(x, 2)
    y = np.full_like(want, np.nan)
    consumer.max_pool2d(x, y, 2)
    np.testing.assert_array_equal(y, want)

    s, f = normal((2, 3, 50), dtype), normal((4, 3, 5), dtype, 1)
    want = fastconv.conv1d(s, f)
    y = np.full_like(want, np.nan)
    consumer.conv1d(s, f, None, y)
    np.testing.assert_array_equal(y, want)
    y[:] = np.nan
    consumer.plan1d(s, f, y)
    np.testing.assert_array_equal(y, fastconv.Conv1dPlan(s.shape, f)(s))


@builds
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_one_plan_runs_inside_prange(consumer, threads):
    x, w = normal((64, 8, 8, 8)), normal((8, 8, 3, 3), seed=1)
    y = np.full_like(x, np.nan)
    consumer.in_prange(x, w, y, threads)
    plan = fastconv.Conv2dPlan((1, 8, 8, 8), w, padding=1)
    np.testing.assert_array_equal(y, np.concatenate([plan(image[None]) for image in x]))
    assert consumer.plan_output_shape(w, x.shape) == (64, 8, 6, 6)


@builds
def test_memoryviews_that_do_not_fit_are_refused(consumer):
    x, w, b = normal((1, 4, 8, 8)), normal((6, 4, 3, 3)), normal(6)
    y = np.full((1, 6, 6, 6), 7, np.float32)
    for arguments, message in (
        ((x, w, b, y[:, :, :5].copy()), "the output does not have the shape of the result"),
        ((x, w[:, :3].copy(), b, y), "the weights do not have the channels of the images"),
        ((x, w, b[:5].copy(), y), "bias does not have an element for each output channel"),
        ((x, w, b, y, 0), "stride must be positive, got 0"),
        ((x[:, :, :2].copy(), w, b, y), "height: the kernel reaches 3 elements"),
        ((x, w, b, y, 1, 0, 0), "groups must be from 1"),
    ):
        with pytest.raises(ValueError, match=message):
            consumer.conv2d(*arguments)
    with pytest.raises(ValueError, match="kernel reaches 3"):
        consumer.plan_output_shape(w, (1, 4, 2, 8))
    assert np.all(y == 7)
