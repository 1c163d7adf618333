"""API keys: form, checksum, and that nothing else passes for one."""

import hashlib
import string
import zlib

import pytest
from hypothesis import given, strategies as st

from pipeline_dist.accounts import keys

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


def base62(text: str) -> int:
    number = 0
    for character in text:
        number = number * 62 + ALPHABET.index(character)
    return number


def test_has_the_documented_form() -> None:
    key = keys.mint()
    body, check = key[4:47], key[47:]

    assert key.startswith("ppk_")
    assert len(key) == 4 + 43 + 6
    assert base62(body) < 2**256
    assert base62(check) == zlib.crc32(key[:47].encode())


def test_is_well_formed_when_minted() -> None:
    assert all(keys.is_well_formed(keys.mint()) for _ in range(200))


def test_is_never_the_same() -> None:
    assert len({keys.mint() for _ in range(1000)}) == 1000


@given(place=st.integers(0, 52), character=st.sampled_from(ALPHABET + "_-"))
def test_one_wrong_character_is_noticed(place: int, character: str) -> None:
    key = keys.mint()
    wrong = key[:place] + character + key[place + 1 :]

    assert keys.is_well_formed(wrong) == (wrong == key)


@given(place=st.integers(4, 51))
def test_two_swapped_characters_are_noticed(place: int) -> None:
    key = keys.mint()
    swapped = key[:place] + key[place + 1] + key[place] + key[place + 2 :]

    assert keys.is_well_formed(swapped) == (swapped == key)


@pytest.mark.parametrize("key", ["", "ppk_", "ppk_" + "0" * 48, "ppk_" + "é" * 49, "x" * 10_000])
def test_other_texts_are_no_keys(key: str) -> None:
    assert not keys.is_well_formed(key)


def test_nothing_around_it_is_ignored() -> None:
    key = keys.mint()

    assert not keys.is_well_formed(key + "\n")
    assert not keys.is_well_formed(" " + key)


def test_digest_is_its_sha256_and_the_prefix_says_little() -> None:
    key = keys.mint()

    assert keys.digest(key) == hashlib.sha256(key.encode()).hexdigest()
    assert keys.prefix(key) == key[:12]
