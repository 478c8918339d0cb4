"""Weights of other libraries for our layers: layouts, order, names, and what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from fastconv import nn, reference

RNG = np.random.default_rng(0)


def random(*shape, dtype=np.float32):
    return RNG.standard_normal(shape).astype(dtype)


def torch_like(model, prefix="net.part"):
    """A state of torch's: our names under other ones, in our order, with other numbers."""
    state = {}
    for name, value in model.state_dict().items():
        layer, _, leaf = name.rpartition(".")
        key = f"{prefix}{layer.replace('.', '_')}.{leaf}"
        state[key] = random(*value.shape) if value.dtype.kind == "f" else np.array(7)
    return state


def convolutional(data_format="channels_first"):
    how = {"data_format": data_format}
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, groups=3, **how), nn.BatchNorm2d(num_features=6, **how),
        nn.PReLU(6, **how), nn.ConvTranspose2d(6, 4, 2, stride=2, **how), nn.MaxPool2d(2, **how),
        nn.Residual(nn.Conv2d(4, 4, 3, padding=1, bias=False, **how)),
        nn.Flatten(), nn.BatchNorm1d(num_features=4 * 3 * 2), nn.Dropout(0.5), nn.Linear(24, 5),
        nn.ReLU(), nn.Linear(5, 2),
    ).eval()  # fmt: skip


def moved(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def positive(state):
    return {k: np.abs(v) + 0.5 if k.endswith("var") else v for k, v in state.items()}


def test_a_torch_state_under_other_names_is_taken_in_order():
    model, state = convolutional(), positive(torch_like(convolutional()))
    assert nn.load_torch_state(model, state) is model
    for (name, ours), theirs in zip(model.state_dict().items(), state.values(), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


def test_our_own_names_are_taken_by_name():
    model = convolutional()
    state = dict(reversed(model.state_dict().items()))
    state = {k: v + v.dtype.type(1) for k, v in state.items()}
    nn.load_torch_state(model, state)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[name])


def test_flatten_of_channels_last_is_permuted_with_its_normalisation():
    state, x = positive(torch_like(convolutional())), random(2, 3, 7, 5)
    planes = nn.load_torch_state(convolutional(), state)
    pixels = nn.load_torch_state(convolutional("channels_last"), state)
    np.testing.assert_allclose(pixels(moved(x)), planes(x), rtol=1e-4, atol=1e-5)


def test_dense_layers_without_flatten_are_not_permuted():
    model = nn.Sequential(nn.Conv1d(2, 4, 3, data_format="channels_last"), nn.Linear(4, 3))
    state = torch_like(model)
    nn.load_torch_state(model, state)
    np.testing.assert_array_equal(model[1].weight, state["net.part1.weight"])


@pytest.mark.parametrize("tracked", [True, False])
def test_normalisation_that_does_not_know_its_channels(tracked):
    known = nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(num_features=4))
    state = torch_like(known)
    if not tracked:
        state = {k: v for k, v in state.items() if not k.endswith("tracked")}
    model = nn.load_torch_state(nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d()), state)
    got = model.state_dict()
    np.testing.assert_array_equal(got["1.running_var"], state["net.part1.running_var"])
    assert got["1.num_batches_tracked"] == (7 if tracked else 0)


def test_names_say_which_layer_is_which():
    model = nn.Sequential(nn.Conv1d(2, 2, 3), nn.ReLU(), nn.Residual(nn.Conv1d(2, 2, 3, padding=1)))
    state = {f"{layer}.{leaf}": random(*shape) for layer in ("second", "first")
             for leaf, shape in (("weight", (2, 2, 3)), ("bias", (2,)))}  # fmt: skip
    names = {"0": "first", "2.layer": "second"}
    nn.load_torch_state(model, state, names=names)
    np.testing.assert_array_equal(model[0].weight, state["first.weight"])
    np.testing.assert_array_equal(model[2].layer.bias, state["second.bias"])
    with pytest.raises(ValueError, match=r"missing \['0.weight', '0.bias'\], unexpected \['second"):
        nn.load_torch_state(model, state, names={"2.layer": "first"})
    with pytest.raises(ValueError, match=r"no layer with weights called \['1'\]"):
        nn.load_torch_state(model, state, names={**names, "1": "second"})


def keras_like(model):
    """What Keras would keep for a model of ours, by the formula of each layer."""
    arrays = []
    for layer in model:
        state = layer.state_dict()
        if isinstance(layer, nn.Conv1d | nn.Conv2d) and layer.groups == layer.in_channels > 1:
            w = np.moveaxis(state["weight"][:, 0], 0, -1)  # (*kernel, channels * multiplier)
            arrays.append(w.reshape(*w.shape[:-1], layer.in_channels, -1))
        elif isinstance(layer, nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d):
            arrays.append(np.moveaxis(np.moveaxis(state["weight"], 0, -1), 0, -2))
        elif isinstance(layer, nn.Linear):
            arrays.append(state["weight"].T)
        elif isinstance(layer, nn.PReLU):
            arrays.append(state["weight"].reshape(1, 1, -1))
        elif "weight" in state:
            arrays += [state["weight"]]
        arrays += [state[n] for n in ("bias", "running_mean", "running_var") if n in state]
    return arrays


def of_kerass_kind():
    last = {"data_format": "channels_last"}
    return nn.Sequential(
        nn.Conv2d(4, 8, (3, 2), groups=2, **last), nn.BatchNorm2d(num_features=8, **last),
        nn.PReLU(8, **last), nn.Conv2d(8, 16, 3, groups=8, bias=False, **last),
        nn.Conv2d(16, 5, 1, **last), nn.ConvTranspose2d(5, 3, (2, 3), stride=2, **last),
        nn.Flatten(), nn.Linear(3 * 8 * 7, 4),
    ).eval()  # fmt: skip


def filled(model):
    for layer in model:
        for name, value in layer.state_dict().items():
            if value.dtype.kind == "f":
                draw_into(layer, name, value)
    return model


def draw_into(layer, name, value):
    state = layer.state_dict()
    state[name] = np.abs(random(*value.shape)) + 0.5
    layer.load_state_dict(state)


def test_kerass_layouts():
    model = filled(of_kerass_kind())
    twin = nn.load_keras_weights(of_kerass_kind(), keras_like(model))
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(twin.state_dict()[name], value, err_msg=name)


def test_flatten_of_keras_is_permuted_for_channels_first():
    def model(data_format):
        return nn.Sequential(nn.Conv2d(2, 3, 2, data_format=data_format), nn.Flatten(),
                             nn.Linear(3 * 4 * 3, 5)).eval()  # fmt: skip

    weights = [random(2, 2, 2, 3), random(3), random(36, 5), random(5)]
    x = random(2, 2, 5, 4)
    last = nn.load_keras_weights(model("channels_last"), weights)
    first = nn.load_keras_weights(model("channels_first"), weights)
    np.testing.assert_allclose(first(x), last(moved(x)), rtol=1e-4, atol=1e-5)
    want = reference.conv2d(x, weights[0].transpose(3, 2, 0, 1), weights[1])
    want = moved(want).reshape(2, -1) @ weights[2] + weights[3]
    np.testing.assert_allclose(first(x), want, rtol=1e-4, atol=1e-5)


def test_kerass_names_and_one_separable_layer_for_two_of_ours():
    model = nn.Sequential(
        nn.Conv1d(3, 6, 3, groups=3, bias=False), nn.Conv1d(6, 4, 1), nn.BatchNorm1d(num_features=4)
    )
    weights = {
        "bn/gamma": random(4), "bn/beta": random(4), "bn/moving_mean": random(4),
        "bn/moving_variance": random(4), "sep/pointwise_kernel": random(1, 6, 4),
        "sep/depthwise_kernel": random(3, 3, 2), "sep/bias": random(4),
    }  # fmt: skip
    weights = {k: weights[k] for k in sorted(weights)}
    names = {"0": "sep", "1": "sep", "2": "bn"}
    nn.load_keras_weights(model, weights, names=names)
    np.testing.assert_array_equal(model[1].bias, weights["sep/bias"])
    np.testing.assert_array_equal(model[2].weight, weights["bn/gamma"])
    np.testing.assert_array_equal(
        model[0].weight.reshape(3, 2, 3), weights["sep/depthwise_kernel"].transpose(1, 2, 0)
    )


def test_files(tmp_path):
    model, state = convolutional(), positive(torch_like(convolutional()))
    np.savez(tmp_path / "state.npz", **state)
    nn.load_torch_state(model, tmp_path / "state.npz")
    weights = [random(3, 2, 4), random(4)]
    np.savez(tmp_path / "weights.npz", *weights)
    conv = nn.load_keras_weights(nn.Conv1d(2, 4, 3), str(tmp_path / "weights.npz"))
    np.testing.assert_array_equal(conv.bias, weights[1])
    for (name, ours), theirs in zip(model.state_dict().items(), state.values(), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
    np.savez(tmp_path / "objects.npz", weight=np.array([{}], object))
    with pytest.raises(ValueError, match="allow_pickle"):
        nn.load_torch_state(model, tmp_path / "objects.npz")
    with pytest.raises(ValueError, match=r"must be .npz or .safetensors, got '.*model.pt'"):
        nn.load_torch_state(model, tmp_path / "model.pt")
    with pytest.raises(FileNotFoundError):
        nn.load_torch_state(model, tmp_path / "nowhere.npz")


def test_a_safetensors_file_is_read_in_the_order_of_its_numbers(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy", reason="an extra of its own")
    model = nn.Sequential(*(nn.Conv1d(2, 2, 1) for _ in range(12)))
    state = {f"layers.{i}.{leaf}": random(*shape) for i in range(12)
             for leaf, shape in (("weight", (2, 2, 1)), ("bias", (2,)))}  # fmt: skip
    safetensors.save_file(state, tmp_path / "model.safetensors")
    nn.load_torch_state(model, tmp_path / "model.safetensors")
    np.testing.assert_array_equal(model[10].bias, state["layers.10.bias"])
    np.testing.assert_array_equal(model[2].weight, state["layers.2.weight"])


def test_without_safetensors_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r"pip install 'fastconv\[safetensors\]'"):
        nn.load_torch_state(nn.Linear(2, 2), tmp_path / "model.safetensors")


class Tensor:
    """What a tensor of torch, or a variable of Keras, is to us."""

    def __init__(self, array, path=""):
        self.array, self.path = array, path

    def detach(self):
        return self.array

    def numpy(self):
        return self.array


def test_modules_and_variables():
    layer = nn.Linear(3, 2)
    state = {"weight": Tensor(random(2, 3)), "bias": Tensor(random(2))}

    class Module:
        def state_dict(self):
            return state

    nn.load_torch_state(layer, Module())
    np.testing.assert_array_equal(layer.bias, state["bias"].array)

    class Model:
        weights = (Tensor(random(3, 2), "dense/kernel"), Tensor(random(2), "dense/bias"))

    nn.load_keras_weights(layer, Model())
    np.testing.assert_array_equal(layer.weight, Model.weights[0].array.T)


WRONG = {
    "missing": (lambda s: s.pop("b.bias"), ValueError, r"missing \['1.bias'\], unexpected \[\]"),
    "left over": (lambda s: s.update({"c.weight": random(2)}), ValueError,
                  r"missing \[\], unexpected \['c.weight'\]"),
    "another shape": (lambda s: s.update({"a.weight": random(3, 2)}), ValueError,
                      r"a.weight must have shape \(2, 3\) for 0.weight .*, got \(3, 2\)"),
    "another dtype": (lambda s: s.update({"a.bias": random(2, dtype=np.float64)}), TypeError,
                      r"state\['0.bias'\] must be float32, got float64"),
    "another order": (lambda s: s.update({"a.weight": s.pop("a.weight")}), ValueError,
                      r"a.bias does not fit where 0.weight is wanted, of Linear\(3, 2\); if the"),
    "no array": (lambda s: s.update({"a.bias": None}), TypeError, r"state\['a.bias'\] must be an"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_named_and_nothing_is_loaded(case):
    change, error, message = WRONG[case]
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    state = {"a.weight": random(2, 3), "a.bias": random(2), "b.weight": random(2, 2),
             "b.bias": random(2)}  # fmt: skip
    before = model.state_dict()
    change(state)
    with pytest.raises(error, match=message):
        nn.load_torch_state(model, state)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_keras_weights_that_do_not_fit_are_named():
    model = nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(num_features=4))
    kernel = random(3, 2, 4)
    with pytest.raises(ValueError, match=r"0 must have shape \(4, 2, 3\) for 0.weight"):
        nn.load_keras_weights(model, [kernel[:2], *[random(4)] * 5])
    with pytest.raises(ValueError, match=r"missing \['1.running_var'\]"):
        nn.load_keras_weights(model, [kernel, *[random(4)] * 4])
    centred = {"c/kernel": kernel, "c/bias": random(4), "n/beta": random(4),
               "n/moving_mean": random(4), "n/moving_variance": random(4)}  # fmt: skip
    with pytest.raises(ValueError, match=r"n/beta does not fit where 1\.weight is wanted"):
        nn.load_keras_weights(model, centred)


@pytest.mark.parametrize("wrong", [3, None, 1.5])
def test_arguments_of_other_types(wrong):
    with pytest.raises(TypeError, match="state must be a mapping"):
        nn.load_torch_state(nn.Linear(2, 2), wrong)
    with pytest.raises(TypeError, match="weights must be a Keras model"):
        nn.load_keras_weights(nn.Linear(2, 2), wrong)
    with pytest.raises(TypeError, match=r"layer must be a fastconv\.nn layer"):
        nn.load_torch_state(wrong, {})


def test_loaded_layers_compute_with_the_new_weights():
    layer = nn.Conv1d(2, 3, 3).eval()
    x = random(1, 2, 9)
    layer(x)  # packs the old ones
    w, b = random(3, 2, 3), random(3)
    nn.load_torch_state(layer, {"weight": w, "bias": b})
    np.testing.assert_allclose(layer(x), reference.conv1d(x, w, b), rtol=1e-5, atol=1e-5)
