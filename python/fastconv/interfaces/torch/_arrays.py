"""Tensors as arrays and back, without a copy of what is contiguous or channels_last."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from fastconv import _native

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "PLAIN",
    "WORDS",
    "array",
    "image",
    "like",
    "looks_last",
    "rank_of",
    "result",
    "seen",
    "tensors",
    "threads",
    "to_last",
]

_torch_threads = torch.get_num_threads
_our_threads = _native.get_num_threads

PLAIN = (torch.Tensor, torch.nn.Parameter)

# The channels of an image of one or two spatial axes go to the end, by rank; and back.
_TO_LAST = {1: (0, 2, 1), 2: (0, 2, 3, 1)}
_TO_FIRST = {1: (0, 2, 1), 2: (0, 3, 1, 2)}
WORDS = {False: "channels_first", True: "channels_last"}


def threads() -> int | None:
    """The threads of a call: neither more than torch may use, nor than fastconv."""
    most: int = _torch_threads()
    return most if most < _our_threads() else None


def array(tensor: Any) -> NDArray[Any]:
    """The memory of a plain CPU tensor. Gradients are not recorded where this is called."""
    try:
        return tensor.numpy()  # type: ignore[no-any-return]
    except RuntimeError:  # it requires a gradient, or has its sign to be switched
        if torch._C._functorch.is_legacy_batchedtensor(tensor):  # by is_grads_batched=True
            raise TypeError("gradients of many outputs at once are torch's") from None
        return tensor.detach().resolve_neg().numpy()  # type: ignore[no-any-return]


def _judge(sizes: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """What torch's `is_channels_last_strides_2d` says of a batch of images, or of signals.

    Signals are judged as torch does it: as images of one row.
    """
    if len(sizes) == 3:
        sizes = (*sizes[:2], 1, sizes[2])
        strides = (*strides[:2], sizes[3] * strides[2], strides[2])
    least = 0
    for axis in (1, 3, 2, 0):
        if sizes[axis] == 0 or strides[axis] < least:
            return False
        if axis == 0 and least == strides[1]:
            return False  # everything is 1: N111, or 1C11 that is contiguous, too
        least = strides[axis] * max(1, sizes[axis])
    return True


_remembered = lru_cache(maxsize=4096)(_judge)


def looks_last(tensor: Any, rank: int, judge: Callable[..., bool] = _remembered) -> bool:
    """Whether torch takes a batch for channels_last, also where one of its axes is 1 long."""
    strides = tensor.stride()
    if len(strides) != rank + 2 or strides[1] > strides[-1]:  # no batch; contiguous, as most are
        return False
    return judge(tensor.shape, strides)


def to_last(images: Any) -> Any:
    """Weights in channels_last, with the strides that torch gives them.

    Those of axes that are 1 long say nothing of memory, but where they differ from a parameter's,
    torch's optimizers take their slow way: 1.3 ms of a step of MobileNetV2.
    """
    _, c, h, w = images.shape
    strides = (h * w * c, 1, w * c, c)
    return images.contiguous(memory_format=torch.channels_last).as_strided(images.shape, strides)


def rank_of(values: Sequence[int]) -> int:
    """The number of spatial axes that an argument has a value for: 1 or 2."""
    rank = len(values)
    if rank not in (1, 2):
        raise ValueError(f"one value or two are wanted, got {rank}")
    return rank


def seen(tensor: Any, last: bool) -> tuple[NDArray[Any], str]:
    """A tensor's memory in the order of axes that its layout has, and fastconv's word for it."""
    a = array(tensor)
    return (a.transpose(_TO_LAST[a.ndim - 2]) if last else a), WORDS[last]


def tensors(
    spatial: int, input: Any, weight: Any = None, bias: Any = None
) -> tuple[NDArray[Any], Any, Any, bool]:
    """The arrays of a call, and whether those of images have their channels at the end.

    That is so where torch takes input or weight for channels_last; never if `spatial` is 0. Weights
    have their own order, and are contiguous: torch copies others faster than our boundary does.
    """
    arrays = _native.read_tensors(PLAIN, spatial, input, weight, bias)
    if arrays is not None:
        return arrays
    # One has its sign to be switched, or is none that torch can give us.
    last = spatial != 0 and (
        looks_last(input, spatial) or (weight is not None and looks_last(weight, spatial))
    )
    w = None if weight is None else array(weight.detach().contiguous())
    return seen(input, last)[0], w, None if bias is None else array(bias), last


def image(tensor: Any, rank: int) -> tuple[NDArray[Any], str, bool]:
    """A tensor's memory, fastconv's word for its layout, and whether that is channels_last."""
    a, _, _, last = tensors(rank, tensor)
    return a, WORDS[last], last


def result(a: NDArray[Any], last: bool) -> Any:
    """An array that fastconv made as a tensor, whose axes are torch's."""
    return torch.from_numpy(a.transpose(_TO_FIRST[a.ndim - 2]) if last else a)


def like(tensor: Any, rank: int, size: Sequence[int], dtype: Any = None) -> Any:
    """An empty tensor of the layout that `result` gives: what a fake implementation returns."""
    if not looks_last(tensor, rank, _judge):  # lengths may be symbols, which have no hash
        return tensor.new_empty(size, dtype=dtype)
    swapped = [size[axis] for axis in _TO_LAST[rank]]
    return tensor.new_empty(swapped, dtype=dtype).permute(_TO_FIRST[rank])
