"""Packed bits are the set of rows that a mask says."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.engine import bits


@given(st.lists(st.booleans(), min_size=1, max_size=70), st.sets(st.integers(0, 69)))
def test_packed_bits_are_the_mask(mask: list[bool], excluded: set[int]) -> None:
    packed = bits.pack(np.array(mask))
    wanted = {row for row, shown in enumerate(mask) if shown}
    assert bits.count(packed) == len(wanted)
    assert bits.rows(packed).tolist() == sorted(wanted)
    out = np.array([row for row in excluded if row < len(mask)], np.int64)
    left = bits.without(packed, out)
    assert bits.rows(left).tolist() == sorted(wanted - excluded)
    asked = np.arange(len(mask))
    assert bits.held(packed, asked).tolist() == mask
