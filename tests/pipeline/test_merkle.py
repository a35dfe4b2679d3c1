"""The Merkle tree of RFC 9162 beside its own definition."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from pipeline.documents import sha256
from pipeline.merkle import EMPTY_ROOT, Growth, Tree, included, leaf


def leaves(number: int) -> list[bytes]:
    return [leaf(sha256(str(each).encode())) for each in range(number)]


def definition(items: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word: split at the largest power of two below the number."""
    if len(items) == 1:
        return items[0]
    split = 1 << ((len(items) - 1).bit_length() - 1)
    left, right = definition(items[:split]), definition(items[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def test_an_empty_tree_has_the_digest_of_nothing_for_its_root() -> None:
    assert Tree([]).root == Growth().root == EMPTY_ROOT == hashlib.sha256().digest()


def test_a_leaf_is_told_apart_from_a_node() -> None:
    assert leaf(sha256(b"x")) == hashlib.sha256(b"\x00" + hashlib.sha256(b"x").digest()).digest()


@given(number=st.integers(1, 200), split=st.integers(0, 200))
def test_however_a_tree_grows_its_root_is_that_of_the_definition(number: int, split: int) -> None:
    items = leaves(number)
    grown = Growth().grown(items[:split]).grown(items[split:])
    assert grown.root == Tree(items).root == definition(items)
    assert grown.size == number


@given(number=st.integers(1, 200), data=st.data())
def test_a_proof_shows_its_own_leaf_at_its_own_place_and_nothing_else(
    number: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, number - 1))
    other = data.draw(st.integers(0, number + 1).filter(lambda each: each != index))
    items = leaves(number)
    tree = Tree(items)
    proof = tree.proof(index)
    assert len(proof) <= number.bit_length()
    assert included(items[index], index, number, proof, tree.root)
    assert not included(items[index], other, number, proof, tree.root)
    assert not included(leaf(sha256(b"another")), index, number, proof, tree.root)
    assert not included(items[index], index, number, [*proof, proof[0] if proof else items[0]], tree.root)
    assert not included(items[index], index, number, proof, EMPTY_ROOT)
    if proof:
        assert not included(items[index], index, number, proof[:-1], tree.root)
        assert not included(items[index], index, number, proof[::-1], tree.root) or proof == proof[::-1]
