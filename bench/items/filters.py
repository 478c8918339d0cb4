"""Filters of images and signals: calls that `scipy.ndimage` and `scipy.signal` have, too."""

from __future__ import annotations

from dataclasses import dataclass

SIDE = 2048
"""Of the images, in pixels."""
SIGNALS = (10_000, 100_000, 1_000_000, 10_000_000)


@dataclass(frozen=True)
class Filter:
    """A function of one of SciPy's modules, or of scikit-image's, on an array and weights.

    `weights` is the shape of what is drawn beside the array: taps, a kernel, or a template; `even`
    makes it the weights of a mean. `dtype` is that of the run unless told otherwise.
    """

    family: str
    name: str
    home: str
    what: str
    shape: tuple[int, ...]
    weights: tuple[int, ...] = ()
    more: tuple[float, ...] = ()
    dtype: str = ""
    even: bool = False
    n: int = 1


def images() -> list[Filter]:
    """Whole images of floats and of bytes."""
    side = (SIDE, SIDE)
    return [
        Filter("images", name + (f", {dtype}" if dtype else ""), "ndimage", what, side, weights,
               more, dtype, even)
        for dtype in ("", "uint8")
        for name, what, weights, more, even in (
            ("gaussian of sigma 2", "gaussian_filter", (), (2.0,), False),
            ("mean of 9x9", "uniform_filter", (), (9,), False),
            ("sobel", "sobel", (), (), False),
            ("correlate 5x5", "correlate", (5, 5), (), False),
            ("correlate 5x5, even weights", "correlate", (5, 5), (), True),
            ("maximum of 7x7", "maximum_filter", (), (7,), False),
        )
    ]  # fmt: skip


def signals() -> list[Filter]:
    """Signals of 10^4 to 10^7 samples, and images of as many pixels by kernels of two axes."""
    found: list[Filter] = []
    for size in SIGNALS:
        length = f"{size:,} samples"
        for taps in (16, 128, 2000):
            found.append(Filter("signals", f"convolve, {length}, {taps} taps", "signal", "convolve",
                                (size,), (taps,)))  # fmt: skip
        for what, taps, more, words in (
            ("oaconvolve", 2000, (), ""),
            ("lfilter", 128, (), ""),
            ("upfirdn", 121, (1, 4), ", 1/4"),
            ("upfirdn", 121, (3, 2), ", 3/2"),
        ):
            name = f"{what}{words}, {length}, {taps} taps"
            found.append(Filter("signals", name, "signal", what, (size,), (taps,), more))
    for side, kernel in ((100, 5), (316, 9), (1000, 15), (3162, 5)):
        name = f"correlate2d, {side}x{side}, {kernel}x{kernel}"
        found.append(
            Filter("signals", name, "signal", "correlate2d", (side, side), (kernel, kernel))
        )
    return found


SMALL = [
    Filter("small", "correlate 3x3 on 16x16", "ndimage", "correlate", (16, 16), (3, 3)),
    Filter("small", "gaussian on 16x16", "ndimage", "gaussian_filter", (16, 16), (), (1.0,)),
    Filter("small", "convolve2d 3x3 on 16x16", "signal", "convolve2d", (16, 16), (3, 3)),
    Filter("small", "convolve, 256 samples, 64 taps", "signal", "convolve", (256,), (64,)),
    Filter("small", "lfilter, 256 samples, 64 taps", "signal", "lfilter", (256,), (64,)),
    Filter("small", "upfirdn, 256 samples, 64 taps", "signal", "upfirdn", (256,), (64,), (1, 2)),
]
TEMPLATES = [
    Filter("templates", f"{SIDE}x{SIDE}, {size}x{size}", "template", "match_template",
           (SIDE, SIDE), (size, size))
    for size in (16, 64)
]  # fmt: skip
FILTERS = [*images(), *signals(), *SMALL, *TEMPLATES]
