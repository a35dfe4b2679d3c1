"""The packs in a folder, and the policies that can be made of them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from rules.assessment import assessment
from rules.layers import join
from rules.loader import read_pack
from rules.pack import Fault, Kind, Pack, PackError
from rules.ruleset import Ruleset

PACKS = Path(str(resources.files("rules") / "packs"))
"""The packs that come with Sekisho."""


class Library:
    """Every pack of a folder by name."""

    def __init__(self, packs: Sequence[Pack]) -> None:
        """:raises PackError: when two packs share a name."""
        self.packs: dict[str, Pack] = {}
        for pack in packs:
            if pack.name in self.packs:
                there = self.packs[pack.name].source.file
                raise PackError(
                    [pack.source.fault("/pack", f"{there} is named {pack.name} too", "give one another name")]
                )
            self.packs[pack.name] = pack

    @classmethod
    def read(cls, folder: Path = PACKS) -> Library:
        """Read every pack of a folder (``*.yaml``).

        :raises PackError: with everything that is wrong with any of them.
        """
        packs: list[Pack] = []
        faults: list[Fault] = []
        for file in sorted(folder.glob("*.yaml")):
            try:
                packs.append(read_pack(file))
            except PackError as error:
                faults.extend(error.faults)
        if faults:
            raise PackError(faults)
        return cls(packs)

    def including(self, packs: Sequence[Pack]) -> Library:
        """A library with these packs besides, each in the place of the one of its name.

        :raises PackError: when two of them share a name.
        """
        given = Library(packs).packs
        return Library([*(pack for name, pack in self.packs.items() if name not in given), *given.values()])

    def ruleset(self, base: str, overlays: Sequence[str] = ()) -> Ruleset:
        """The policy of a base with these buyers' overlays, and every track of the base; or a foreign
        assessment.

        :raises PackError: when a name is unknown, or the packs cannot be joined.
        """
        policy = self.pack(base)
        if policy.kind is Kind.ASSESSMENT:
            if overlays:
                raise PackError(
                    [policy.source.fault("/kind", "an assessment has no overlays", "use it alone")]
                )
            return assessment(policy)
        if policy.kind is not Kind.BASE:
            raise PackError([policy.source.fault("/kind", "is not a base", f"use it over {policy.extends}")])
        buyers = [self.pack(name) for name in overlays]
        for pack in buyers:
            if pack.kind not in {Kind.BUYER_NATIONAL, Kind.BUYER_LOCAL}:
                raise PackError([pack.source.fault("/kind", "is not a buyer's overlay", "name an overlay")])
        tracks = [
            pack for _, pack in sorted(self.packs.items()) if pack.kind is Kind.TRACK and pack.extends == base
        ]
        origin = None if policy.selects_from is None else self.pack(policy.selects_from)
        return join(policy, [*buyers, *tracks], origin)

    def check(self, names: Sequence[str] | None = None) -> None:
        """Join every base, alone and with each of its overlays; with ``names`` only what these packs are in.

        :raises PackError: with everything that is wrong.
        """
        faults: dict[Fault, None] = {}
        for pack in self.packs.values() if names is None else self._concerned(names):
            if pack.extends is not None and self._kind(pack.extends) is not Kind.BASE:
                fault = pack.source.fault("/extends", f"{pack.extends} is no base here", "name a base")
                faults[fault] = None
                continue
            over = pack.extends if pack.kind in {Kind.BUYER_NATIONAL, Kind.BUYER_LOCAL} else None
            if pack.kind in {Kind.BASE, Kind.ASSESSMENT} or over is not None:
                try:
                    self.ruleset(over or pack.name, [pack.name] if over else [])
                except PackError as error:
                    faults.update(dict.fromkeys(error.faults))
        if faults:
            raise PackError(list(faults))

    def _concerned(self, names: Sequence[str]) -> list[Pack]:
        """These packs, and those that they break when they are wrong: their base, what lies over them."""
        chosen = [self.pack(name) for name in names]
        below = {pack.extends for pack in chosen} | {pack.name for pack in chosen}
        return [
            pack
            for pack in self.packs.values()
            if pack.name in below or pack.extends in names or pack.selects_from in below
        ]

    def _kind(self, name: str) -> Kind | None:
        return self.packs[name].kind if name in self.packs else None

    def pack(self, name: str) -> Pack:
        """The pack of this name.

        :raises PackError: when there is none.
        """
        if name not in self.packs:
            raise PackError(
                [Fault(name, 1, "", "there is no such pack", "take one of: " + ", ".join(self.packs))]
            )
        return self.packs[name]
