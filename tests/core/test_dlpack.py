"""Objects that have nothing but DLPack are arrays wherever fastconv takes one."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from fastconv import grad, nn

RNG = np.random.default_rng(0)
X = RNG.integers(-9, 10, (2, 4, 6, 7)).astype(np.float32)
W = RNG.integers(-9, 10, (6, 4, 3, 3)).astype(np.float32)
B = RNG.integers(-9, 10, 6).astype(np.float32)
Y = fastconv.conv2d(X, W)
CPU, CUDA, PINNED = 1, 2, 3


class Tensor:
    """What another library's array is to us."""

    def __init__(self, array, device=(CPU, 0), error=None):
        self.array, self.device, self.error = array, device, error
        self.calls = 0

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, **options):
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.array.__dlpack__(**options)


class WithArray(Tensor):
    """One that NumPy can also make an array of."""

    def __array__(self, dtype=None, copy=None):
        return self.array


class Nowhere(Tensor):
    def __dlpack_device__(self):
        raise RuntimeError("it is gone")


CALLS = {
    "convolution": lambda t: fastconv.conv2d(t(X), t(W), t(B), padding=1, activation="relu"),
    "residual": lambda t: fastconv.conv2d(t(X), t(W), residual=t(Y)),
    "slopes": lambda t: fastconv.conv2d(t(X), t(W), activation=("prelu", t(B))),
    "transposed": lambda t: fastconv.conv_transpose2d(t(Y), t(W)),
    "plan": lambda t: fastconv.Conv2dPlan(X.shape, t(W), t(B))(t(X)),
    "pool": lambda t: fastconv.max_pool2d(t(X), 2),
    "integers": lambda t: fastconv.sum_pool2d(t(X.astype(np.uint8)), 2),
    "indices": lambda t: fastconv.max_unpool2d(
        t(X[:, :, :3, :3]), t(np.tile(np.arange(9).reshape(3, 3), (2, 4, 1, 1))), 2),
    "columns": lambda t: fastconv.unfold(t(X), 2),
    "activation": lambda t: fastconv.silu(t(X)),
    "softmax": lambda t: fastconv.softmax(t(X)),
    "prelu": lambda t: fastconv.prelu(t(X), t(B[:4])),
    "normalisation": lambda t: fastconv.batch_norm(
        t(X), t(B[:4]), t(B[:4] ** 2), t(B[:4]), t(B[:4]), activation=("prelu", t(B[:4]))),
    "sum": lambda t: fastconv.add(t(X), t(X), activation=("prelu", t(B[:4]))),
    "gradient of weights": lambda t: grad.conv2d_weight(t(X), W.shape, t(Y)),
    "gradient of input": lambda t: grad.conv2d_input(X.shape, t(W), t(Y)),
    "gradient of an activation": lambda t: grad.relu(t(X), t(X)),
    "layer": lambda t: nn.Conv2d(4, 6, 3, rng=0)(t(X)),
    "dense layer": lambda t: nn.Linear(7, 3, rng=0)(t(X)),
}  # fmt: skip


@pytest.mark.parametrize("kind", [Tensor, WithArray])
@pytest.mark.parametrize("call", CALLS)
def test_results_are_those_of_numpys_arrays(call, kind):
    want, got = CALLS[call](np.asarray), CALLS[call](kind)
    assert type(got) is np.ndarray
    np.testing.assert_array_equal(got, want)


def test_no_element_is_copied_and_strides_are_kept():
    last = np.ascontiguousarray(X.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for array in (last, X[:, :, ::-2, 1:], X[::-1]):
        np.testing.assert_array_equal(
            fastconv.conv2d(Tensor(array), W[:, :, :2, :2]),
            fastconv.conv2d(array, W[:, :, :2, :2]),
        )
    image = Tensor(X.copy())
    fastconv.relu(image, out=image.array)  # the same memory, which is seen
    np.testing.assert_array_equal(image.array, np.maximum(X, 0))


def test_memory_that_is_pinned_is_the_cpus():
    np.testing.assert_array_equal(fastconv.conv2d(Tensor(X, (PINNED, 0)), W), Y)


def test_numpys_own_arrays_take_no_detour():
    class Own(np.ndarray):
        def __dlpack__(self, **options):
            raise AssertionError

    np.testing.assert_array_equal(fastconv.conv2d(X.view(Own), W), Y)


@pytest.mark.parametrize("name", ["input", "weight", "bias", "residual", "out"])
def test_what_is_not_readable_is_refused_by_name(name):
    def call(tensor):
        arrays = {"input": X, "weight": W, name: tensor}
        return fastconv.conv2d(**arrays)

    array = {"input": X, "weight": W, "bias": B, "residual": Y, "out": np.empty_like(Y)}[name]
    with pytest.raises(TypeError, match=rf"^{name} must lie in the CPU's memory, got a Tensor on "
                                        r"DLPack's device \(2, 0\); copy it first"):  # fmt: skip
        call(Tensor(array, (CUDA, 0)))
    with pytest.raises(TypeError, match=rf"^{name} must be an array that NumPy can read, got a "
                                        "Tensor: no such dtype$"):  # fmt: skip
        call(Tensor(array, error=BufferError("no such dtype\nand a page more")))
    with pytest.raises(TypeError, match=f"^{name} must have dtype .* got int64"):
        call(Tensor(array.astype(np.int64)))
    with pytest.raises(TypeError, match=f"^{name} must be an array .* got a Nowhere: it is gone"):
        call(Nowhere(array))
    with pytest.raises(KeyboardInterrupt):
        call(Tensor(array, error=KeyboardInterrupt()))


def test_what_numpy_refuses_by_dlpack_may_still_be_an_array():
    tensor = WithArray(X, error=BufferError("read-only"))
    np.testing.assert_array_equal(fastconv.conv2d(tensor, W), Y)
    assert tensor.calls == 1


def test_memory_that_nobody_may_write_is_read():
    x = X.copy()
    x.flags.writeable = False
    np.testing.assert_array_equal(fastconv.conv2d(WithArray(x), W), Y)


def test_out_is_written_in_place():
    memory = np.zeros_like(Y)
    y = fastconv.conv2d(X, W, out=Tensor(memory))
    assert type(y) is np.ndarray
    assert np.shares_memory(y, memory)
    np.testing.assert_array_equal(memory, Y)
    for function in (fastconv.relu, fastconv.softmax):
        memory = np.zeros_like(X)
        function(X, out=Tensor(memory))
        np.testing.assert_array_equal(memory, function(X))


def test_out_must_be_writable_and_fit():
    locked = np.zeros_like(Y)
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="out must be writable, got a read-only array"):
        fastconv.conv2d(X, W, out=WithArray(locked))
    assert not locked.any()
    with pytest.raises(ValueError, match="out must have shape"):
        fastconv.conv2d(X, W, out=Tensor(np.zeros_like(X)))


def test_layers_take_states_of_tensors():
    layer, state = nn.Conv2d(4, 6, 3), {"weight": Tensor(W), "bias": Tensor(B)}
    layer.load_state_dict(state)
    np.testing.assert_array_equal(layer(X), fastconv.conv2d(X, W, B))
    state["bias"] = Tensor(B, (CUDA, 0))
    with pytest.raises(TypeError, match=r"state\['bias'\] must lie in the CPU's memory"):
        layer.load_state_dict(state)
