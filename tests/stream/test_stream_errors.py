"""What streams refuse, and that a refusal changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv

GOOD = np.ones((4, 2, 3), np.float32)
WRONG = {
    "a weight that is no array of 3 axes": (ValueError, "weight", (GOOD[0],), {}),
    "an empty weight": (ValueError, "weight", (GOOD[:, :, :0],), {}),
    "integers": (TypeError, "weight", (GOOD.astype(int),), {"dtype": int}),
    "another dtype": (TypeError, "weight", (GOOD.astype(np.float64),), {}),
    "a dtype that is none": (TypeError, "float99", (GOOD,), {"dtype": "float99"}),
    "a bias of another length": (ValueError, "bias", (GOOD, np.ones(3, np.float32)), {}),
    "a bias of another dtype": (TypeError, "bias", (GOOD, np.ones(4)), {}),
    "a stride of 0": (ValueError, "stride", (GOOD, None, 0), {}),
    "a stride that is no int": (TypeError, "stride", (GOOD, None, 1.5), {"align": "stride"}),
    "a dilation of 0": (ValueError, "dilation", (GOOD, None, 1, 0), {}),
    "groups that divide nothing": (ValueError, "groups", (GOOD, None, 1, 1, 3), {"channels": 6}),
    "other channels": (ValueError, "channels", (GOOD,), {"channels": 3}),
    "channels that are no int": (TypeError, "channels", (GOOD,), {"channels": "2"}),
    "a negative batch": (ValueError, "batch", (GOOD,), {"batch": -1}),
    "a bool as batch": (TypeError, "batch", (GOOD,), {"batch": True}),
    "an unknown activation": (ValueError, "activation", (GOOD,), {"activation": "rel"}),
    "an unknown alignment": (ValueError, "align", (GOOD,), {"align": "end"}),
    "an unknown layout": (ValueError, "data_format", (GOOD,), {"data_format": "NCW"}),
    "an unknown algorithm": (ValueError, "algorithm", (GOOD,), {"algorithm": "fastest"}),
    "an algorithm that has no streams": (ValueError, "im2col", (GOOD,), {"algorithm": "im2col"}),
    "no threads": (ValueError, "threads", (GOOD,), {"threads": 0}),
    "a past that nobody could keep": (
        (ValueError, MemoryError), "past", (GOOD, None, 1, 2**31 - 1), {"batch": 2**20}),
}  # fmt: skip


@pytest.mark.parametrize("why", WRONG)
def test_bad_arguments_are_refused(why):
    error, name, arguments, more = WRONG[why]
    with pytest.raises(error, match=name):
        fastconv.ConvStream1d(*arguments, **({"channels": 2} | more))


BLOCKS = {
    "other channels": (ValueError, "block", np.ones((2, 3, 5), np.float32)),
    "another batch": (ValueError, "block", np.ones((1, 2, 5), np.float32)),
    "no batch where there are two items": (ValueError, "block", np.ones((2, 5), np.float32)),
    "four axes": (ValueError, "block", np.ones((2, 2, 5, 1), np.float32)),
    "another dtype": (TypeError, "block", np.ones((2, 2, 5))),
    "integers": (TypeError, "block", np.ones((2, 2, 5), int)),
    "None": (TypeError, "block", None),
    "a masked array": (TypeError, "block", np.ma.ones((2, 2, 5), np.float32)),
}


@pytest.mark.parametrize("why", BLOCKS)
def test_a_block_that_does_not_fit_changes_nothing(why):
    error, name, block = BLOCKS[why]
    stream = fastconv.ConvStream1d(GOOD, stride=2, channels=2, batch=2)
    stream(np.arange(20, dtype=np.float32).reshape(2, 2, 5))
    before = stream.state
    with pytest.raises(error, match=name):
        stream(block)
    with pytest.raises((ValueError, TypeError), match="out"):
        stream(np.ones((2, 2, 3), np.float32), out=np.ones((2, 4, 9), np.float32))
    np.testing.assert_array_equal(stream.state, before)


def test_a_state_that_does_not_fit_changes_nothing():
    stream = fastconv.ConvStream1d(GOOD, stride=2, channels=2)
    stream(np.ones((2, 3), np.float32))
    before = stream.state
    for wrong in (np.ones((1, 2, 1)), np.ones((1, 2, 4)), np.ones((1, 3, 2)), np.ones((2, 2, 2)),
                  np.ones((2, 2))):  # fmt: skip
        with pytest.raises(ValueError, match="state must"):
            stream.state = wrong.astype(np.float32)
    with pytest.raises(TypeError, match="state must"):
        stream.state = np.ones((1, 2, 2))
    for wrong in (np.array([1]), np.array([[True]]), np.array([True, True])):
        with pytest.raises((ValueError, TypeError), match="mask must"):
            stream.reset(wrong)
    np.testing.assert_array_equal(stream.state, before)
