"""Which policy a text means: names of packs, files, folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rules.assessment import pack_of_schema
from rules.library import Library
from rules.loader import read_pack, read_schema
from rules.pack import Fault, Kind, Pack, PackError
from rules.ruleset import Ruleset

_JSON = ".json"
_FILES = frozenset({".yaml", ".yml", _JSON})


def is_file(text: str) -> bool:
    """Whether a text names a file, and not a pack."""
    return "/" in text or Path(text).suffix in _FILES


def read_policy_file(file: Path) -> Pack:
    """The pack in a file; a bare JSON Schema (``.json``) makes an assessment.

    :raises PackError: with everything that is wrong with the file.
    """
    if file.suffix != _JSON:
        return read_pack(file)
    try:
        return pack_of_schema(read_schema(file), file.stem)
    except ValueError as error:
        raise PackError([_fault(file, str(error), "name a JSON Schema")]) from None


def select(base: str, overlays: Sequence[str] = (), library: Library | None = None) -> Ruleset:
    """The policy of a base and overlays, each named or given as a file.

    A pack in a file takes the place of the one of its name.

    :raises PackError: with everything that is wrong.
    """
    known = Library.read() if library is None else library
    names = []
    given = []
    for text in (base, *overlays):
        if is_file(text):
            pack = read_policy_file(Path(text))
            given.append(pack)
            names.append(pack.name)
        else:
            names.append(text)
    return known.including(given).ruleset(names[0], names[1:])


def select_packs(text: str, library: Library | None = None) -> Ruleset:
    """The policy that ``[FOLDER:]BASE[+OVERLAY…]`` means; a folder alone stands for its only base.

    :raises PackError: with everything that is wrong.
    """
    folder, colon, rest = text.partition(":")
    if colon and Path(folder).is_dir():
        library = Library.read(Path(folder))
    elif Path(text).is_dir():
        library = Library.read(Path(text))
        bases = [pack.name for pack in library.packs.values() if pack.kind in {Kind.BASE, Kind.ASSESSMENT}]
        if len(bases) != 1:
            what = "has no base" if not bases else "has several bases: " + ", ".join(bases)
            raise PackError([_fault(Path(text), what, "say which: FOLDER:BASE")])
        return library.ruleset(bases[0])
    else:
        rest = text
    base, *overlays = rest.split("+")
    return select(base, overlays, library)


def _fault(file: Path, problem: str, remedy: str) -> Fault:
    return Fault(file.name, 1, "", problem, remedy)
