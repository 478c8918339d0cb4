"""Which torch this package works with."""

from __future__ import annotations

import re
from types import ModuleType

__all__ = ["check"]

OLDEST, BEFORE = (2, 13), (3, 0)  # the suite runs with 2.13

# What is no part of torch's documented interface, and may go one day.
_PRIVATE = (
    "_C._FunctionBase",
    "_C._functorch.peek_interpreter_stack",
    "_C._get_tracing_state",
    "_C._is_any_autocast_enabled",
    "_C._len_torch_dispatch_stack",
    "_C._len_torch_function_stack",
    "_C._nn.max_pool2d_with_indices",
    "_C._pop_torch_function_stack",
    "_C._push_on_torch_function_stack",
    "autograd.forward_ad._current_level",
    "nn.functional._unpool_output_size",
)


def check(torch: ModuleType) -> None:
    """Raise an ImportError unless this torch can be patched."""
    version = str(getattr(torch, "__version__", "of an unknown version"))
    found = re.match(r"(\d+)\.(\d+)", version)
    numbers = (int(found[1]), int(found[2])) if found else (0, 0)
    missing = [name for name in _PRIVATE if not _has(torch, name)]
    if OLDEST <= numbers < BEFORE and not missing:
        return
    wanted = "{}.{} or later, before {}.{}".format(*OLDEST, *BEFORE)
    why = f" (it has no torch.{missing[0]})" if OLDEST <= numbers < BEFORE else ""
    raise ImportError(
        f"fastconv.interfaces.torch needs torch {wanted}; torch {version} is "
        f"{'too old' if numbers < OLDEST else 'too new'}{why}: pip install 'fastconv[torch]'"
    )


def _has(torch: object, name: str) -> bool:
    for part in name.split("."):
        if not hasattr(torch, part):
            return False
        torch = getattr(torch, part)
    return True
