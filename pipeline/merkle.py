"""The Merkle tree of RFC 9162, 2.1, over the digests of the journal's entries.

The chain shows that a journal is whole to whoever has all of it. The tree shows to whoever has one entry that
it belongs there: its root is signed with each head, and a proof has at most as many digests as the number of
entries has binary digits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EMPTY_ROOT = hashlib.sha256().digest()


def leaf(digest: str) -> bytes:
    """The leaf of an entry, given the entry's digest (``sha256:`` and hexadecimal)."""
    return hashlib.sha256(b"\x00" + bytes.fromhex(digest.removeprefix("sha256:"))).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Growth:
    """What has to be known of a tree to let it grow: its size, and the roots of its perfect subtrees.

    There is one for each binary digit 1 of the size, the largest first.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def grown(self, leaves: Iterable[bytes]) -> Growth:
        """The same with leaves added."""
        size, peaks = self.size, list(self.peaks)
        for added in leaves:
            node, full = added, size
            while full & 1:
                node = _node(peaks.pop(), node)
                full >>= 1
            peaks.append(node)
            size += 1
        return Growth(size, tuple(peaks))

    @property
    def root(self) -> bytes:
        """The root of the tree as it is."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = _node(peak, root)
        return root


class Tree:
    """A whole tree, to make proofs from."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(level := self._levels[-1]) > 1:
            above = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
            self._levels.append(above + level[len(level) - len(level) % 2 :])

    @property
    def root(self) -> bytes:
        """The root."""
        return self._levels[-1][0] if self._levels[0] else EMPTY_ROOT

    def proof(self, index: int) -> list[bytes]:
        """The inclusion proof of the leaf at an index, from 0 (RFC 9162, 2.1.3.1)."""
        path = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            index >>= 1
        return path


def included(added: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows that a leaf is at this index of the tree of this size (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, last, node = index, size - 1, added
    for other in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            node = _node(other, node)
            while first and not first & 1:
                first >>= 1
                last >>= 1
        else:
            node = _node(node, other)
        first >>= 1
        last >>= 1
    return last == 0 and node == root
