"""Request ids: what was signed comes back, and nothing else is believed."""

from dataclasses import replace
from secrets import token_bytes
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import Arm, Entity, Mode, Namespace
from app.services.receipt import LONGEST_VERSION, Receipt, read, sign, whose

KEY = bytes(range(32))
SOMEONE = Entity(Namespace.USER, "42")
RECEIPT = Receipt("adapted", "treatment", 5, 12, "629cf52bfa5d", 1_795_496_340, whose(SOMEONE))

receipts = st.builds(
    Receipt,
    mode=st.sampled_from(get_args(Mode)),
    arm=st.sampled_from(get_args(Arm)),
    support=st.integers(0, 255),
    epoch=st.integers(0, 2**64 - 1),
    version=st.text("0123456789abcdef", max_size=LONGEST_VERSION),
    issued_at=st.integers(0, 2**32 - 1),
    issuer=st.binary(min_size=8, max_size=8),
)


@given(receipts, st.binary(min_size=1, max_size=64))
def test_what_was_signed_comes_back(receipt: Receipt, key: bytes) -> None:
    assert read(key, sign(key, receipt)) == receipt


@given(receipts)
def test_it_fits_into_an_event(receipt: Receipt) -> None:
    text = sign(KEY, receipt)
    assert len(text) <= 128
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.integers(0), st.sampled_from("AQgw-_"))
def test_another_spelling_is_not_believed(place: int, letter: str) -> None:
    """Also where base64 would read the same bytes: one answer must not count as two."""
    text = sign(KEY, RECEIPT)
    place %= len(text)
    forged = text[:place] + letter + text[place + 1 :]
    assert (read(KEY, forged) == RECEIPT) == (forged == text)


@given(st.text(max_size=128))
def test_any_other_text_is_nothing(text: str) -> None:
    assert read(KEY, text) is None


def test_additions_and_another_key_are_not_believed() -> None:
    text = sign(KEY, RECEIPT)
    for forged in (text + "=", text + "\n", " " + text, text + "AAAA", text[:-1], text + "!"):
        assert read(KEY, forged) is None
    assert read(token_bytes(32), text) is None


def test_every_answer_has_another_one() -> None:
    assert len({sign(KEY, RECEIPT) for _ in range(1_000)}) == 1_000


def test_what_is_larger_than_its_field_is_cut() -> None:
    wide = replace(RECEIPT, support=1_000, version="v" * 100)
    assert read(KEY, sign(KEY, wide)) == replace(RECEIPT, support=255, version="v" * 32)


@pytest.mark.parametrize("namespace", Namespace)
def test_it_is_of_one_entity(namespace: Namespace) -> None:
    same, other = Entity(namespace, "1"), Entity(namespace, "2")
    assert len(whose(same)) == 8
    assert whose(same) != whose(other)
    assert whose(None) not in {whose(same), whose(other)}
