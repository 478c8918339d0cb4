"""The picture of the demo: learned filters, one digit on its way through the network, the loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from fastconv import nn

Array = npt.NDArray[Any]

_INK = "#1f2933"
_BLUE, _ORANGE = "#2563a8", "#d9772b"
_TILE, _GAP = 24, 3  # pixels of an image in a sheet (a multiple of 8, 4, 3 and 2), and between


def save_picture(
    path: Path, model: nn.Sequential, digit: Array, history: dict[str, list[float]]
) -> None:
    """Draw the model, what it makes of `digit` ``(1, 8, 8)``, and how it was trained."""
    figure = Figure(figsize=(15, 10), dpi=110, facecolor="white")
    figure.suptitle(
        f"A convolutional network on handwritten digits: "
        f"{history['val_accuracy'][-1]:.1%} right on the held-out fifth",
        fontsize=17,
        color=_INK,
        x=0.03,
        y=0.975,
        ha="left",
    )
    rows: Any = figure.subfigures(3, 1, height_ratios=[1.15, 1.0, 0.55], hspace=0.02)
    top, maps, end = rows
    left, right = top.subfigures(1, 2, width_ratios=[1, 1])
    first = model[0]
    assert isinstance(first, nn.Conv2d)
    _draw_filters(left, first.weight[:, 0])
    _draw_history(right, history)
    steps = _steps(model, digit)
    _draw_maps(maps, [(name, value[0]) for name, value in steps if value.ndim == 4])
    _draw_vectors(end, [(name, value[0]) for name, value in steps if value.ndim == 2])
    figure.savefig(path)


def _steps(model: nn.Sequential, digit: Array) -> list[tuple[str, Array]]:
    """The input and the result of every layer."""
    steps = [("input", digit[None])]
    for layer in model:
        steps.append((type(layer).__name__, layer(steps[-1][1])))
    return steps


def _tiled(images: Array, columns: int) -> Array:
    """Square images ``(n, h, h)`` enlarged to one size and laid out in rows, with blank gaps."""
    zoom = _TILE // images.shape[1]
    large = images.repeat(zoom, axis=1).repeat(zoom, axis=2)
    pitch = _TILE + _GAP
    rows = -(-len(images) // columns)
    sheet = np.full((rows * pitch, columns * pitch), np.nan)
    for i, image in enumerate(large):
        top, left = (i // columns) * pitch, (i % columns) * pitch
        sheet[top : top + _TILE, left : left + _TILE] = image
    return sheet[:-_GAP, :-_GAP]


def _draw_filters(figure: Any, filters: Array) -> None:
    """The filters of the first layer, blue below and red above zero."""
    axes = figure.subplots()
    figure.subplots_adjust(left=0.06, right=0.98, bottom=0.05, top=0.76)
    extent = float(np.abs(filters).max())
    image = axes.imshow(_tiled(filters, 8), cmap="RdBu_r", vmin=-extent, vmax=extent)
    _title(axes, f"The {len(filters)} learned 3x3 filters of the first layer")
    axes.set_axis_off()
    bar = figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, colors=_INK, length=0)


def _draw_history(figure: Any, history: dict[str, list[float]]) -> None:
    """Loss on a logarithmic axis, for the trained and the held-out digits."""
    axes = figure.subplots()
    figure.subplots_adjust(left=0.1, right=0.95, bottom=0.16, top=0.76)
    epochs = np.arange(1, len(history["loss"]) + 1)
    for key, label, colour in (("loss", "trained on", _BLUE), ("val_loss", "held out", _ORANGE)):
        axes.semilogy(epochs, history[key], "-o", color=colour, ms=4, lw=2, label=label)
    _title(axes, "Loss (cross-entropy)")
    axes.set_xlabel("epoch", color=_INK)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", which="both", color="#e4e7eb", lw=0.7)
    axes.tick_params(colors=_INK, which="both")
    axes.legend(frameon=False)


def _draw_maps(figure: Any, steps: list[tuple[str, Array]]) -> None:
    """All channels of every step that still is an image."""
    sheets = [_tiled(value, {1: 1, 32: 4}.get(len(value), 8)) for _, value in steps]
    # Widths in proportion, so that all sheets come out equally high.
    ratios = [sheet.shape[1] / sheet.shape[0] for sheet in sheets]
    axes = figure.subplots(1, len(steps), width_ratios=ratios)
    figure.subplots_adjust(left=0.03, right=0.98, bottom=0.03, top=0.8, wspace=0.1)
    figure.suptitle(
        "One digit after each layer", fontsize=13, color=_INK, x=0.03, ha="left", weight="bold"
    )
    for ax, sheet, (name, value) in zip(axes, sheets, steps, strict=True):
        ax.imshow(sheet, cmap="magma", aspect="equal")
        ax.set_anchor("N")
        c, h, w = value.shape
        ax.set_title(f"{name}\n{c} x {h} x {w}", fontsize=10, color=_INK)
        ax.set_axis_off()


def _draw_vectors(figure: Any, steps: list[tuple[str, Array]]) -> None:
    """The dense layers as stripes, and the ten scores as probabilities."""
    *hidden, (_, scores) = steps
    axes = figure.subplots(1, 2, width_ratios=[2.2, 1])
    figure.subplots_adjust(left=0.09, right=0.98, bottom=0.2, top=0.82, wspace=0.12)
    strip = axes[0]
    strip.set_axis_off()
    _title(strip, "Then flat: each bar is one feature")
    for i, (name, value) in enumerate(hidden):
        inner = strip.inset_axes([0, 1 - (i + 1) / len(hidden), 1, 0.8 / len(hidden)])
        inner.imshow(value[None], cmap="magma", aspect="auto")
        inner.set_xticks([])
        inner.set_yticks([0], [f"{name} {value.size}"], fontsize=9, color=_INK)
        inner.tick_params(length=0)
        inner.spines[:].set_visible(False)
    chance = np.exp(scores - scores.max())
    chance /= chance.sum()
    colours = [_ORANGE if i == chance.argmax() else _BLUE for i in range(10)]
    bars = axes[1]
    bars.bar(np.arange(10), chance, color=colours)
    bars.set_xticks(np.arange(10))
    bars.set_ylim(0, 1.05)
    bars.spines[["top", "right"]].set_visible(False)
    bars.tick_params(colors=_INK)
    _title(bars, f"Softmax: a {chance.argmax()}, with probability {chance.max():.3f}")


def _title(axes: Any, text: str) -> None:
    axes.set_title(text, fontsize=13, color=_INK, loc="left", weight="bold")
