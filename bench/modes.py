"""The modes of a run: each a module that chooses what to measure, and measures a row.

``choose(settings)`` lists items with family, name and n; ``prepare(item, settings)`` makes their
arrays, ``our_calls(item, arrays, settings)`` fastconv's contestants, and
``measure(item, settings, peak)`` a row of the results.
"""

from __future__ import annotations

from typing import Any

from . import depthwise, forward, gradients, small, steps

MODES: dict[str, Any] = {
    "plans": forward,
    "functions": forward,
    "gradients": gradients,
    "depthwise": depthwise,
    "small": small,
    "steps": steps,
}
AGAINST = {
    "plans": "plans against sessions with prepared weights",
    "functions": "functions, nothing kept between calls",
    "gradients": "gradients, nothing kept between calls",
    "depthwise": "depthwise layers and small groups: plans forward, and gradients",
    "small": "small calls",
    "steps": "training steps",
}
"""What a mode compares, in words."""
