"""The packs in a folder, and the policies that can be made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

from rules.assessment import assessment
from rules.layers import join
from rules.loader import read_pack
from rules.pack import Fault, Kind, Pack, PackError
from rules.ruleset import Ruleset

PACKS = Path(str(resources.files("rules") / "packs"))
"""The packs that come with Sekisho."""


_BUYERS = frozenset({Kind.BUYER_NATIONAL, Kind.BUYER_LOCAL})


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
        buyers = [_fitted(self.pack(name), policy) for name in overlays]
        for pack in buyers:
            if pack.kind not in _BUYERS:
                raise PackError([pack.source.fault("/kind", "is not a buyer's overlay", "name an overlay")])
        tracks = [
            pack for _, pack in sorted(self.packs.items()) if pack.kind is Kind.TRACK and pack.extends == base
        ]
        origin = None if policy.selects_from is None else self.pack(policy.selects_from)
        return join(policy, [*buyers, *tracks], origin)

    def buyers(self, base: str) -> list[str]:
        """The overlays that can be laid over a base: its own, and those of the pack that it selects from."""
        policy = self.pack(base)
        return sorted(
            pack.name
            for pack in self.packs.values()
            if pack.kind in _BUYERS and pack.extends in {policy.name, policy.selects_from}
        )

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
            if pack.kind in _BUYERS:
                assert pack.extends is not None
                policies = [(pack.extends, [pack.name])]
            elif pack.kind is Kind.TRACK:
                policies = []
            else:
                over = self.buyers(pack.name) if pack.selects_from in self.packs else []
                policies = [(pack.name, []), *((pack.name, [name]) for name in over)]
            for base, overlays in policies:
                try:
                    self.ruleset(base, overlays)
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


def _fitted(overlay: Pack, base: Pack) -> Pack:
    """The overlay as it lies over a base that only selects from the pack it was written for: without its
    changes of rules that were not selected.
    """
    if overlay.extends == base.name or overlay.extends != base.selects_from:
        return overlay
    changes = tuple(change for change in overlay.changes if change.rule in base.selects)
    return replace(overlay, extends=base.name, changes=changes)
