"""Other libraries on the same layers; each is optional and skipped with a word when absent.

`functions` races fastconv's functions: nothing is kept from one call to the next. `sessions` races
plans: weights are constants of a session that may prepare them. The two are never mixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import mnn, ncnn, onnxruntime, openvino, pytorch
from .common import Call, Skip, version

Build = Callable[[Any, Any, int], dict[str, Call]]
"""From an item (a layer, or what else a mode has), the arrays of its mode and the threads."""

FUNCTIONS: dict[str, Build] = {"torch": pytorch.functions}
GRADIENTS: dict[str, Build] = {"torch": pytorch.gradients}
SESSIONS: dict[str, Build] = {
    "onnxruntime": onnxruntime.session,
    "openvino": openvino.session,
    "ncnn": ncnn.session,
    "mnn": mnn.session,
    "torch": pytorch.functions,  # prepares nothing, yet a plan must not lose to it either
}
FILTERS = {"scipy": "scipy", "skimage": "scikit-image", "opencv": "opencv-python-headless"}
"""Those of filters, with the packages that they come from."""
PACKAGES = ("torch", "onnxruntime", "openvino", "ncnn", "mnn", *FILTERS.values())
"""What a run notes the versions of."""


@dataclass
class Peers:
    """Contestants by name, and why others do not take part."""

    calls: dict[str, Call] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def peers(builders: dict[str, Build], item: Any, arrays: Any, threads: int) -> Peers:
    """Build what can be built; of a layer `arrays` are input, weight and bias."""
    found = Peers()
    for name, build in builders.items():
        try:
            found.calls |= build(item, arrays, threads)
        except (ImportError, Skip) as reason:
            absent = isinstance(reason, ImportError)
            found.skipped[name] = "not installed" if absent else str(reason)
    return found


def versions() -> dict[str, str]:
    """Versions of the peers that are installed."""
    known = {name: version(name) for name in PACKAGES}
    return {name: text for name, text in known.items() if text}
