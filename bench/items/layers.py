"""Layers of published networks, kept apart from the shapes of the tests.

Three sets: CORE has every family with the layers that stand for it, QUICK is a part of it for a run
of minutes, and `published` reads them all from data/layers.csv.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from .layer import Layer, parse
from .words import named

DATA = Path(__file__).parents[1] / "data" / "layers.csv"

CORE = [
    parse("stem", "3@224 -> 64 7x7 s2 p3"),
    parse("stem", "3@224 -> 32 3x3 s2 p1"),
    parse("stem", "3@224 -> 64 3x3 p1"),
    parse("stem", "3@227 -> 96 11x11 s4"),
    parse("1x1", "64@56 -> 256 1x1"),
    parse("1x1", "256@56 -> 64 1x1"),
    parse("1x1", "512@28 -> 128 1x1"),
    parse("1x1", "1024@14 -> 256 1x1"),
    parse("1x1", "512@7 -> 2048 1x1"),
    parse("1x1", "256@56 -> 512 1x1 s2"),
    parse("3x3", "64@56 -> 64 3x3 p1"),
    parse("3x3", "128@28 -> 128 3x3 p1"),
    parse("3x3", "256@14 -> 256 3x3 p1"),
    parse("3x3", "512@7 -> 512 3x3 p1"),
    parse("3x3", "64@224 -> 64 3x3 p1"),
    parse("3x3", "256@56 -> 256 3x3 p1"),
    parse("3x3", "512@28 -> 512 3x3 p1"),
    parse("3x3 s2", "128@56 -> 128 3x3 s2 p1"),
    parse("3x3 s2", "256@28 -> 256 3x3 s2 p1"),
    parse("3x3 s2", "512@14 -> 512 3x3 s2 p1"),
    parse("5x5 and odd", "64@27 -> 192 5x5 p2"),
    parse("5x5 and odd", "16@28 -> 32 5x5 p2"),
    parse("5x5 and odd", "32@14 -> 128 5x5 p2"),
    parse("5x5 and odd", "128@17 -> 128 1x7 p0,3"),
    parse("5x5 and odd", "192@17 -> 192 7x1 p3,0"),
    parse("depthwise", "32@112 -> 32 3x3 p1 g32"),
    parse("depthwise", "144@56 -> 144 3x3 p1 g144"),
    parse("depthwise", "144@56 -> 144 3x3 s2 p1 g144"),
    parse("depthwise", "576@14 -> 576 3x3 p1 g576"),
    parse("depthwise", "960@7 -> 960 3x3 p1 g960"),
    parse("depthwise", "240@28 -> 240 5x5 p2 g240"),
    parse("depthwise", "672@14 -> 672 5x5 p2 g672"),
    parse("depthwise", "96@56 -> 96 7x7 p3 g96"),
    parse("grouped", "128@56 -> 128 3x3 p1 g32"),
    parse("grouped", "256@28 -> 256 3x3 p1 g32"),
    parse("grouped", "512@14 -> 512 3x3 p1 g32"),
    parse("dilated", "256@28 -> 256 3x3 p2 d2"),
    parse("dilated", "512@28 -> 512 3x3 p4 d4"),
    parse("dilated", "2048@33 -> 256 3x3 p6 d6"),
    parse("dilated", "2048@33 -> 256 3x3 p18 d18"),
    parse("conv1d", "15@60400 -> 15 k51 d8"),
    parse("conv1d", "32@16000 -> 64 k2 p1,0"),
    parse("conv1d", "32@16000 -> 64 k2 p512,0 d512"),
    parse("conv1d", "25@784 -> 25 k7 p48,0 d8"),
    parse("conv1d", "1@4096 -> 64 k16 s2 p7,8"),
    parse("conv1d", "1@16000 -> 512 k10 s5"),
    parse("conv1d", "512@3199 -> 512 k3 s2"),
    parse("conv1d", "1@16000 -> 128 k80 s4"),
    parse("transposed", "100@1 -> 512 4x4", transposed=True),
    parse("transposed", "512@4 -> 256 4x4 s2 p1", transposed=True),
    parse("transposed", "256@8 -> 128 4x4 s2 p1", transposed=True),
    parse("transposed", "128@16 -> 64 4x4 s2 p1", transposed=True),
    parse("transposed", "64@32 -> 3 4x4 s2 p1", transposed=True),
    parse("transposed", "1024@28 -> 512 2x2 s2", transposed=True),
    parse("transposed", "512@100 -> 256 k16 s8 p4", transposed=True),
    parse("tiny", "1@28 -> 6 5x5 p2"),
    parse("tiny", "6@14 -> 16 5x5"),
    parse("tiny", "1@28 -> 32 3x3"),
    parse("tiny", "32@26 -> 64 3x3"),
    parse("tiny", "8@8 -> 8 3x3 p1"),
    parse("tiny", "3@32 -> 32 3x3 p1"),
    parse("tiny", "64@32 -> 64 3x3 p1"),
]
"""The families and the layers that stand for them, N = 1; every one is measured at N = 16 too."""

LIGHT = [
    parse("conv1d", "256@400 -> 256 k31 p15 g256"),
    parse("conv1d", "512@500 -> 512 k75 p37 g512"),
    parse("depthwise", "32@112 -> 64 3x3 p1 g32"),
    parse("depthwise", "256@32 -> 256 3x3 p2 d2 g256"),
    parse("grouped", "64@56 -> 64 3x3 p1 g16"),
    parse("grouped", "96@28 -> 384 1x1 g8"),
]
"""Depthwise and grouped layers that CORE lacks, all kinds of them."""

_QUICK = {
    "stem": ("7x7", "3x3 s2"),
    "1x1": ("64@56", "512@28", "1024@14", "512@7"),
    "3x3": ("64@56", "128@28", "256@14", "512@7", "256@56"),
    "3x3 s2": ("128@56", "512@14"),
    "5x5 and odd": ("64@27", "192@17"),
    "depthwise": ("32@112", "144@56 -> 144 3x3 s2", "672@14"),
    "grouped": ("256@28",),
    "dilated": ("256@28",),
    "conv1d": ("32@16000 -> 64 k2 p512", "25@784", "1@4096", "1@16000 -> 128"),
    "transposed": ("512@4", "128@16", "1024@28"),
    "tiny": ("6@14", "32@26", "8@8"),
}
QUICK = [layer for layer in CORE if any(word in layer.name for word in _QUICK[layer.family])]
"""A part of CORE that runs in a few minutes with every peer."""

BATCHES = {"quick": (1,), "core": (1, 16), "all": (1,)}
"""The sets, and the images per call that each is measured with unless told otherwise."""


def published() -> list[Layer]:
    """Every layer of data/layers.csv, under its name there."""
    text = DATA.read_text(encoding="utf-8")
    return [_from_row(row) for row in csv.DictReader(text.splitlines())]


def choose(name: str, batches: tuple[int, ...] | None = None, words: str = "") -> list[Layer]:
    """The layers of a set whose family or name holds one of the comma-separated `words`."""
    sets = {"quick": QUICK, "core": CORE, "light": LIGHT}
    layers = published() if name == "all" else sets[name]
    chosen = named(layers, words)
    return [layer.batch(n) for n in batches or BATCHES[name] for layer in chosen]


def _from_row(row: dict[str, str]) -> Layer:
    """In one dimension the columns of the height are 1, but pad_h and pad_w of a convolution are
    its two sides; a transposed one has the same on both."""
    value = {key: int(row[key]) for key in row if key not in ("kind", "name", "source")}
    flat, transposed = row["kind"].endswith("1d"), row["kind"].startswith("convT")
    axes = ("w",) if flat else ("h", "w")
    pads = [(value[f"pad_{axis}"],) * 2 for axis in axes]
    if flat and not transposed:
        pads = [(value["pad_h"], value["pad_w"])]
    layer = Layer(
        family="tiny",
        name=row["name"],
        c_in=value["c_in"],
        size=tuple(value[axis] for axis in axes),
        c_out=value["c_out"],
        kernel=tuple(value[f"k{axis}"] for axis in axes),
        stride=value["stride_w"],
        pad=tuple(pads),
        dilation=value["dilation"],
        groups=value["groups"],
        transposed=transposed,
        output_padding=value["output_padding"],
        n=value["n"],
    )
    return replace(layer, family=_family(layer))


def _family(layer: Layer) -> str:
    """The family of CORE that a layer belongs to."""
    families = [
        ("transposed", layer.transposed),
        ("depthwise", layer.groups == layer.c_in > 1),
        ("grouped", layer.groups > 1),
        ("conv1d", layer.rank == 1),
        ("tiny", layer.flops < 10e6),
        ("dilated", layer.dilation > 1),
        ("stem", layer.c_in <= 4),
        ("1x1", layer.kernel == (1, 1)),
        ("3x3", layer.kernel == (3, 3) and layer.stride == 1),
        ("3x3 s2", layer.kernel == (3, 3)),
    ]
    return next((name for name, fits in families if fits), "5x5 and odd")
