"""Plans copy and pickle: the same bits, whatever they were made of and what became of them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import fastconv
from children import run_python

RNG = np.random.default_rng(0)


def random(*shape, dtype=np.float32):
    return RNG.standard_normal(shape).astype(dtype)


def plain(dtype):
    return fastconv.Conv2dPlan((2, 8, 17, 16), random(12, 8, 3, 3, dtype=dtype), padding=1)


# A plan of a dtype, by why it is here.
PLANS = {
    "plain sums and Winograd's": plain,
    "everything": lambda t: fastconv.Conv2dPlan(
        (2, 9, 8, 4), random(6, 2, 3, 2, dtype=t), random(6, dtype=t), (2, 1), ((1, 2), (0, 1)),
        (1, 2), 2, padding_mode="replicate", activation=("leaky_relu", 0.3), algorithm="im2col",
        threads=2, data_format="channels_last", precision="highest"),
    "slopes by channel": lambda t: fastconv.Conv1dPlan(
        (3, 40), random(4, 3, 5, dtype=t), padding="causal",
        activation=("prelu", random(4, dtype=t))),
    "one slope": lambda t: fastconv.Conv1dPlan(
        (3, 40), random(4, 3, 5, dtype=t), activation=("prelu", random(1, dtype=t))),
    "elu": lambda t: fastconv.Conv1dPlan((1, 3, 40), random(4, 3, 5, dtype=t),
                                         activation=("elu", 0.7)),
    "a family asked for": lambda t: fastconv.Conv2dPlan(
        (1, 8, 12, 12), random(8, 1, 3, 3, dtype=t), groups=8, padding="same",
        algorithm="depthwise", activation="silu"),
    "transposed": lambda t: fastconv.ConvTranspose2dPlan(
        (2, 6, 7, 5), random(6, 2, 3, 4, dtype=t), random(4, dtype=t), (2, 3), 1, (1, 2), 2,
        activation="gelu"),
    "transposed to a size": lambda t: fastconv.ConvTranspose1dPlan(
        (2, 3, 9), random(3, 2, 4, dtype=t), stride=3, padding="same", output_size=29),
    "transposed, for two shapes": lambda t: fastconv.ConvTranspose1dPlan(
        (2, 3, 9), random(3, 2, 4, dtype=t), stride=3, output_size=30).with_shape((1, 3, 20)),
    "a relative": lambda t: plain(t).with_shape((1, 8, 40, 9)),
    "a relative's relative, words": lambda t: fastconv.Conv2dPlan(
        (1, 3, 9, 9), random(4, 3, 4, 4, dtype=t), padding="same", stride=2,
        activation="relu6").with_shape((3, 12, 11)).with_shape((2, 3, 8, 9)),
    "tuned": lambda t: fastconv.tune(plain(t), 0.05),
    "forced": lambda t: forced(plain(t), "im2col"),
    "a whole array as padding": lambda t: fastconv.Conv2dPlan(
        [1, 2, 9, 9], random(4, 2, 3, 3, dtype=t), padding=np.array([1, 2]), stride=[2, 1]),
}  # fmt: skip


def forced(plan, name):
    """A plan as `tune` may leave it: with another entry than the cost model chose."""
    native = plan._plan
    other = [entry for entry in native.takers() if entry.startswith(name)]
    plan._adopt(native.with_algorithm(other[0]))
    assert plan._plan.parts[-1] != native.parts[-1]
    return plan


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {n}": lambda plan, n=n: pickle.loads(pickle.dumps(plan, n)) for n in (2, 5)},
    "twice": lambda plan: copy.copy(pickle.loads(pickle.dumps(copy.deepcopy(plan)))),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("kind", PLANS)
def test_copies_give_the_same_bits(kind, how, dtype):
    plan = PLANS[kind](dtype)
    x, dy = random(*plan._input_shape, dtype=dtype), random(*plan.output_shape, dtype=dtype)
    y, dx = plan(x), plan.input_grad(dy)
    twin = COPIES[how](plan)
    assert type(twin) is type(plan)
    assert twin is not plan
    assert repr(twin) == repr(plan)
    assert twin.algorithm == plan.algorithm
    assert twin(x).tobytes() == y.tobytes()
    assert twin.input_grad(dy).tobytes() == dx.tobytes()
    assert twin.explain() == plan.explain()
    del plan
    assert twin(x).tobytes() == y.tobytes()


@pytest.mark.parametrize("kind", ["plain sums and Winograd's", "transposed to a size", "tuned",
                                  "everything", "slopes by channel"])  # fmt: skip
def test_relatives_of_a_pickle_are_those_of_the_plan(kind):
    plan = PLANS[kind](np.float32)
    last = list(plan._input_shape)
    last[-2 if kind == "everything" else -1] += 3
    twin = pickle.loads(pickle.dumps(plan))
    a, b = plan.with_shape(last), twin.with_shape(last)
    x = random(*last)
    assert a.algorithm == b.algorithm
    assert a(x).tobytes() == b(x).tobytes()


@pytest.mark.parametrize("how", ["copy", "deepcopy"])
def test_copies_share_weights_but_not_what_tune_finds(how):
    plan = plain(np.float32)
    twin = COPIES[how](plan)
    assert twin._plan.shares_weights(plan._plan)
    before = plan._plan.parts[-1]
    forced(twin, "im2col")
    assert plan._plan.parts[-1] == before


def test_residuals_and_out_of_a_twin():
    plan = plain(np.float32)
    twin = pickle.loads(pickle.dumps(plan))
    x, r = random(2, 8, 17, 16), random(2, 12, 17, 16)
    out = np.empty_like(r)
    assert twin(x, r, out) is out
    assert out.tobytes() == plan(x, r).tobytes()


def test_another_process_gives_the_same_bits(tmp_path):
    plan, x = plain(np.float32), random(2, 8, 17, 16)
    (tmp_path / "plan").write_bytes(pickle.dumps((plan, x)))
    code = f"""
import pickle
plan, x = pickle.loads(open({str(tmp_path / "plan")!r}, "rb").read())
print(plan(x).tobytes().hex())
"""
    assert run_python(code, FASTCONV_ISA=fastconv.isa()) == plan(x).tobytes().hex()


def test_a_pickle_is_read_where_the_entry_does_not_exist(monkeypatch):
    plan, x = plain(np.float32), random(2, 8, 17, 16)
    rebuild, (kind, *rest, parts) = plan.__reduce__()
    twin = rebuild(kind, *rest, (*parts[:-1], "an_entry_of_another_version"))
    assert twin(x).tobytes() == plan(x).tobytes()


def test_the_size_of_a_pickle_is_that_of_the_weights():
    plan = fastconv.Conv2dPlan((8, 64, 56, 56), random(64, 64, 3, 3), padding=1)
    plan.input_grad(random(*plan.output_shape))
    assert len(pickle.dumps(plan)) < 64 * 64 * 9 * 4 + 2000
