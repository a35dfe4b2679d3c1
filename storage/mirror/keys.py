"""What a mirror's rows are found by. How names and addresses are brought to keys is given from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.register import Row
from storage.mirror.loading import Key


@dataclass(frozen=True, slots=True)
class Keys:
    """The two ways to a key, and the version of both: keys of different versions do not meet."""

    version: str
    name: Callable[[str], str]
    address: Callable[[str], str]

    def of_names(self, row: Row) -> Iterator[Key]:
        """The keys of a row's names: the registered one, and the one in English if it has one."""
        for name in (row.name, row.english_name):
            if name and (key := self.name(name)):
                yield key, row.number

    def of_address(self, row: Row) -> Iterator[Key]:
        """The key of a row's address."""
        if row.address and (key := self.address(row.address)):
            yield key, row.number
