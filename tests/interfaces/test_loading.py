"""Models of PyTorch and Keras, and ours with their weights: the same results."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from children import run_python
from fastconv import nn

RNG = np.random.default_rng(0)


def torch_model(torch):
    t = torch.nn
    model = t.Sequential(
        t.Conv2d(3, 12, 3, stride=2, padding=1, groups=3), t.BatchNorm2d(12), t.PReLU(12),
        t.Sequential(t.Conv2d(12, 12, 3, padding=2, dilation=2, groups=12, bias=False),
                     t.BatchNorm2d(12), t.ReLU()),
        t.ConvTranspose2d(12, 6, 3, stride=2, padding=1, output_padding=1), t.SiLU(),
        t.MaxPool2d(2), t.Flatten(), t.BatchNorm1d(6 * 6 * 5), t.Linear(180, 7), t.ReLU(),
        t.Linear(7, 4),
    )  # fmt: skip
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
        for parameter in model.parameters():
            parameter.sub_(1)
    return model.eval()


def our_model(**how):
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, stride=2, padding=1, groups=3, **how), nn.BatchNorm2d(**how),
        nn.PReLU(12, **how),
        nn.Sequential(nn.Conv2d(12, 12, 3, padding=2, dilation=2, groups=12, bias=False, **how),
                      nn.BatchNorm2d(num_features=12, **how), nn.ReLU()),
        nn.ConvTranspose2d(12, 6, 3, stride=2, padding=1, output_padding=1, **how), nn.SiLU(),
        nn.MaxPool2d(2, **how), nn.Flatten(), nn.BatchNorm1d(num_features=180), nn.Linear(180, 7),
        nn.ReLU(), nn.Linear(7, 4),
    ).eval()  # fmt: skip


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize(
    "source", ["module", "state", "arrays", "parameters", "safetensors", "npz"]
)
def test_a_torch_model(source, data_format, tmp_path):
    torch = pytest.importorskip("torch", reason="an extra of its own")
    theirs = torch_model(torch)
    state = theirs.state_dict()
    if source == "module":
        given = theirs
    elif source == "arrays":
        given = {name: tensor.numpy() for name, tensor in state.items()}
    elif source == "parameters":  # which torch differentiates
        given = {**state, **dict(theirs.named_parameters())}
    elif source == "safetensors":
        pytest.importorskip("safetensors", reason="an extra of its own")
        from safetensors.torch import save_file

        given = tmp_path / "model.safetensors"
        # The file keeps no order: of PReLU's weight and the rest, numbers tell.
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, given)
    elif source == "npz":
        given = tmp_path / "model.npz"
        np.savez(given, **{name: tensor.numpy() for name, tensor in state.items()})
    else:
        given = state
    ours = nn.load_torch_state(our_model(data_format=data_format), given)
    x = RNG.standard_normal((2, 3, 12, 10)).astype(np.float32)
    with torch.no_grad():
        want = theirs(torch.from_numpy(x)).numpy()
    image = x if data_format == "channels_first" else np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    np.testing.assert_allclose(ours(image), want, rtol=1e-4, atol=1e-4)


def test_tensors_that_numpy_cannot_read_are_refused_by_name():
    torch = pytest.importorskip("torch", reason="an extra of its own")
    layer = nn.Linear(3, 2)
    state = {"weight": torch.ones(2, 3), "bias": torch.ones(2, dtype=torch.bfloat16)}
    with pytest.raises(TypeError, match=r"state\['bias'\] must be an array that NumPy can read"):
        nn.load_torch_state(layer, state)
    state["bias"] = torch.ones(2, device="meta")
    with pytest.raises(TypeError, match=r"state\['bias'\] must "):
        nn.load_torch_state(layer, state)


KERAS = """
import numpy as np
import keras
from keras import layers as k
from fastconv import nn

rng = np.random.default_rng(0)
theirs = keras.Sequential([
    k.Input((13, 12, 3)),
    k.Conv2D(8, (3, 2), padding="same", activation="relu"),
    k.BatchNormalization(epsilon=1e-3),
    k.DepthwiseConv2D(3, depth_multiplier=2),
    k.PReLU(shared_axes=[1, 2]),
    k.SeparableConv2D(6, 3, padding="same"),
    k.MaxPooling2D(),
    k.Conv2DTranspose(5, 3, strides=1, padding="valid"),
    k.Conv2D(10, 3, groups=5),
    k.Flatten(),
    k.Dense(7, activation="relu"),
    k.Dense(4),
])
for weight in theirs.weights:
    weight.assign(rng.uniform(0.5, 1.5, weight.shape) - ("moving" not in weight.path))

def ours(how):
    return nn.Sequential(
        nn.Conv2d(3, 8, (3, 2), padding="same", activation="relu", **how),
        nn.BatchNorm2d(1e-3, num_features=8, **how),
        nn.Conv2d(8, 16, 3, groups=8, **how), nn.PReLU(16, **how),
        nn.Conv2d(16, 16, 3, padding="same", groups=16, bias=False, **how),
        nn.Conv2d(16, 6, 1, **how),
        nn.MaxPool2d(2, **how), nn.ConvTranspose2d(6, 5, 3, **how),
        nn.Conv2d(5, 10, 3, groups=5, **how), nn.Flatten(), nn.Linear(250, 7), nn.ReLU(),
        nn.Linear(7, 4)).eval()

x = rng.standard_normal((2, 13, 12, 3)).astype(np.float32)
want = np.asarray(theirs(x))
weights = {w.path: w.numpy() for w in theirs.weights}
np.savez("weights.npz", *theirs.get_weights())
for given in (theirs, theirs.get_weights(), weights, "weights.npz"):
    for layout, image in (("channels_last", x), ("channels_first", x.transpose(0, 3, 1, 2))):
        model = nn.load_keras_weights(ours({"data_format": layout}), given)
        np.testing.assert_allclose(model(image), want, rtol=1e-3, atol=1e-3)
print("same")
"""


@pytest.mark.skipif(
    find_spec("keras") is None or find_spec("jax") is None,
    reason="an extra of its own: keras, and jax for its NumPy backend",
)
def test_a_keras_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_python(KERAS, timeout=200, KERAS_BACKEND="numpy") == "same"
