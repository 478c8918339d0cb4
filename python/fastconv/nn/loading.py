"""Weights of torch and Keras models for layers: names and layouts are ours afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from ._checks import Array, Shape
from ._conv import ConvBase
from ._weights import Named, keras_arrays, layer_of, role_of, torch_arrays
from .branches import Concat
from .conv import ConvTranspose1d, ConvTranspose2d
from .dense import Linear
from .layer import Layer
from .norm import BatchNormBase
from .reshape import Flatten, Reshape, Unflatten

__all__ = ["load_keras_weights", "load_torch_state"]

LayerT = TypeVar("LayerT", bound=Layer)
Layout = Literal["channels_first", "channels_last"]
_TRACKED = "num_batches_tracked"


def load_torch_state(
    layer: LayerT, state: Any, *, names: Mapping[str, str] | None = None
) -> LayerT:
    """Copy the weights of a PyTorch model into a layer; all of them, or none if one does not fit.

    Entries that have our names are taken by name. Otherwise the layers of both models that have
    weights are matched in their order, which for torch is that of construction; what lies between
    them (activations, pools) does not count. PyTorch is not needed, unless `state` is a module.

    Parameters
    ----------
    layer : Layer
        Mostly a `Sequential`, of the same layers as the torch model.
    state : mapping of str to array, torch.nn.Module, or path
        A state dict of tensors or arrays, a module, or the name of a file ``.safetensors`` or
        ``.npz``. A safetensors file keeps no order: names are sorted, numbers in them by value.
    names : mapping of str to str, optional
        For layers of ours, as `state_dict` begins their entries ("0", "3.layer"), how torch's
        entries begin ("conv1", "layer1.0.bn2"). Give all or none.

    Returns
    -------
    layer
        The same layer.

    Raises
    ------
    ValueError
        If entries are missing, left over or of another shape. The message names them, and the
        layer keeps what it had.
    TypeError
        If an entry has another dtype than the layer, or is no array that NumPy can read.
    ImportError
        If a safetensors file is given and the package safetensors is missing.

    See Also
    --------
    load_keras_weights : The same for Keras.
    Layer.load_state_dict : For states with our names and layouts.

    Notes
    -----
    Where a model of ours has channels last, `Flatten` joins axes in another order than torch's
    does: the dense layer (and a batch normalisation before it) is permuted for that. How many
    channels there are is known by the convolution before. ``num_batches_tracked`` may be missing.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Conv1d(2, 1, 1, bias=False))
    >>> state = {
    ...     "encoder.weight": np.ones((2, 1, 3), np.float32),
    ...     "encoder.bias": np.zeros(2, np.float32),
    ...     "decoder.weight": np.ones((1, 2, 1), np.float32),
    ... }
    >>> nn.load_torch_state(model, state)(np.ones((1, 1, 4), np.float32))
    array([[[6., 6.]]], dtype=float32)
    """
    return _load(layer, torch_arrays(state), names, _from_torch, "channels_first")


def load_keras_weights(
    layer: LayerT, weights: Any, *, names: Mapping[str, str] | None = None
) -> LayerT:
    """Copy the weights of a Keras model into a layer; all of them, or none if one does not fit.

    Kernels are transposed: ``(*kernel, in, out)`` of convolutions, ``(*kernel, channels,
    multiplier)`` of depthwise ones, ``(*kernel, out, in)`` of transposed ones, ``(in, out)`` of
    dense layers. Entries are matched in their order.

    Parameters
    ----------
    layer : Layer
        Mostly a `Sequential`, of the same layers as the Keras model. A separable convolution is two
        of ours: one with ``groups`` equal to its channels and without a bias, and one of size 1.
    weights : keras.Model, list of array, mapping of str to array, or path
        A model or layer, what its ``get_weights()`` gives, arrays by their paths, or the name of a
        file ``.npz`` or ``.safetensors``.
    names : mapping of str to str, optional
        For layers of ours, as `state_dict` begins their entries ("0"), how Keras's entries begin
        ("conv2d"). Give all or none; a separable convolution stands for both of ours.

    Returns
    -------
    layer
        The same layer.

    Raises
    ------
    ValueError
        If entries are missing, left over or of another shape. The message names them, and the
        layer keeps what it had.
    TypeError
        If an entry has another dtype than the layer, or is no array that NumPy can read.
    ImportError
        If a safetensors file is given and the package safetensors is missing.

    See Also
    --------
    load_torch_state : The same for PyTorch.

    Notes
    -----
    Keras flattens with channels last, whatever the layout of its convolutions; for a model of ours
    with channels first, the dense layer behind ``Flatten`` is permuted.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> model = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU())
    >>> kernel, bias = np.ones((3, 2, 4), np.float32), np.zeros(4, np.float32)
    >>> nn.load_keras_weights(model, [kernel, bias])[0].weight.shape
    (4, 2, 3)
    """
    return _load(layer, keras_arrays(weights), names, _from_keras, "channels_last")


_UNKNOWN = -1  # channels whose number behind a Flatten is not followed


@dataclass(frozen=True)
class _Slot:
    """An array that a layer wants."""

    name: str  # as `state_dict` has it
    layer: Layer
    shape: Shape | None  # None: a batch normalisation that takes what comes
    places: Array | None  # where each feature behind a Flatten is found in theirs

    @property
    def role(self) -> str:
        return self.name.rpartition(".")[2]


def _leaves(layer: Layer, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """The layers without layers inside, in the order of `state_dict`, with their prefixes."""
    children = list(layer._children())
    if not children:
        yield prefix, layer
    for name, child in children:
        yield from _leaves(child, f"{prefix}{name}.")
    if isinstance(layer, Concat):
        yield prefix, layer  # behind its branches: from here on the channels are others


def _slots(root: Layer, theirs: Layout) -> Iterator[_Slot]:
    """Every array of the model in order, with what their layout before a Flatten means for it."""
    channels, layout, flat, reshaped = 0, theirs, False, False
    for prefix, layer in _leaves(root):
        if isinstance(layer, ConvBase):
            _refuse_order(prefix, reshaped and layer.data_format != theirs, theirs)
            reshaped = False
            channels, layout, flat = layer.out_channels, layer.data_format, False
        elif isinstance(layer, Flatten):
            flat = True
        elif isinstance(layer, Concat | Reshape | Unflatten):
            channels, reshaped = _UNKNOWN, not isinstance(layer, Concat)
        shapes: dict[str, Shape | None] = {n: v.shape for n, v in layer._stored().items()}
        if isinstance(layer, BatchNormBase) and not layer._known:
            shapes = dict.fromkeys(("weight", "bias", "running_mean", "running_var"))
            shapes[_TRACKED] = ()
        for name, shape in shapes.items():
            permuted = flat and channels != 0 and layout != theirs and shape != ()
            _refuse_order(prefix + name, permuted and channels == _UNKNOWN, theirs)
            places = _places(shape, name, layer, channels, layout) if permuted else None
            yield _Slot(prefix + name, layer, shape, places)
        if isinstance(layer, Linear):
            channels, flat = 0, False


def _refuse_order(name: str, unknown: bool, theirs: Layout) -> None:
    if unknown:
        raise ValueError(
            f"{name}: behind Concat, Reshape or Unflatten the order of features cannot be brought "
            f"from one layout to another; make the model with data_format={theirs!r}"
        )


def _places(
    shape: Shape | None, name: str, layer: Layer, channels: int, layout: str
) -> Array | None:
    """For each feature of ours behind a Flatten, where it is in theirs; None if it has no place."""
    dense = isinstance(layer, Linear)
    if shape is None or (dense and name == "bias") or not isinstance(layer, Linear | BatchNormBase):
        return None
    features = shape[-1]
    if features % channels:
        return None
    planes = np.arange(features)
    if layout == "channels_last":  # theirs has whole planes, one channel after the other
        return planes.reshape(channels, -1).T.reshape(-1)
    return planes.reshape(-1, channels).T.reshape(-1)


def _load(
    layer: LayerT, theirs: Named, names: Mapping[str, str] | None,
    convert: Callable[[_Slot, Array], Array], layout: Layout,
) -> LayerT:  # fmt: skip
    if not isinstance(layer, Layer):
        raise TypeError(f"layer must be a fastconv.nn layer, got {type(layer).__name__}")
    slots = list(_slots(layer, layout))
    state = layer.state_dict()
    for slot in slots:
        if slot.role == _TRACKED:  # of normalisations that do not know their channels yet
            state.setdefault(slot.name, np.zeros((), np.int64))
    if not any(name.endswith(_TRACKED) for name in theirs):
        slots = [slot for slot in slots if slot.role != _TRACKED]
    for slot, name in _matched(slots, theirs, names):
        array = convert(slot, theirs[name])
        if slot.shape is not None and array.shape != slot.shape:
            raise ValueError(
                f"{name} must have shape {slot.shape} for {slot.name} (after its axes are brought "
                f"into our order), got {array.shape}"
            )
        if slot.places is not None:
            array = array[..., slot.places]
        state[slot.name] = array
    layer.load_state_dict(state)
    return layer


def _matched(
    slots: list[_Slot], theirs: Named, names: Mapping[str, str] | None
) -> list[tuple[_Slot, str]]:
    """Pair what the layer wants with what there is; a ValueError that names what has no partner."""
    ours = {slot.name: slot for slot in slots}
    if names is None and ours.keys() == theirs.keys():
        return [(slot, slot.name) for slot in slots]
    if names is not None:
        return _by_layer(slots, theirs, names)
    pairs = list(zip(slots, theirs, strict=False))
    for slot, name in pairs:
        if role_of(name) not in (None, slot.role):
            raise ValueError(
                f"{name} does not fit where {slot.name} is wanted, of {slot.layer!r}; if the order "
                "of layers differs, give names="
            )
    _refuse_rest([slot.name for slot in slots[len(pairs) :]], list(theirs)[len(pairs) :])
    return pairs


def _by_layer(
    slots: list[_Slot], theirs: Named, names: Mapping[str, str]
) -> list[tuple[_Slot, str]]:
    """Pair the entries of layers that `names` maps to each other."""
    left = list(theirs)
    pairs, missing = [], []
    for slot in slots:
        prefix = layer_of(slot.name)
        group = names.get(prefix)
        fitting = [
            name for name in left if layer_of(name) == group and role_of(name) in (None, slot.role)
        ]
        if fitting:
            pairs.append((slot, fitting[0]))
            left.remove(fitting[0])
        else:
            missing.append(slot.name)
    unknown = [name for name in names if name not in {layer_of(slot.name) for slot in slots}]
    if unknown:
        raise ValueError(f"names: there is no layer with weights called {unknown}")
    _refuse_rest(missing, left)
    return pairs


def _refuse_rest(missing: list[str], unexpected: list[str]) -> None:
    if missing or unexpected:
        raise ValueError(
            f"the weights have the wrong entries: missing {missing}, unexpected {unexpected}"
        )


def _from_torch(slot: _Slot, array: Array) -> Array:
    return array


def _from_keras(slot: _Slot, array: Array) -> Array:
    """Bring the axes of a Keras array into our order."""
    layer, rank = slot.layer, array.ndim - 2
    if slot.role != "weight":
        return array
    if isinstance(layer, Linear) and array.ndim == 2:
        return array.T
    if isinstance(layer, ConvBase) and rank == layer._n:
        depthwise = layer.groups == layer.in_channels == array.shape[-2] != 1
        if depthwise and not isinstance(layer, ConvTranspose1d | ConvTranspose2d):
            array = array.reshape(*array.shape[:rank], 1, -1)
        return array.transpose(rank + 1, rank, *range(rank))
    if array.ndim > 1 and array.size == max(array.shape):
        return array.reshape(-1)  # prelu's slopes, which Keras keeps as (1, ..., C)
    return array
