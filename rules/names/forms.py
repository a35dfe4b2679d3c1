"""Legal forms of companies: how each is written, and which of them name the same thing.

Sources: ISO 20275 (entity legal forms) for the Latin and Cyrillic ones; 会社法 and the corporate number
register for the Japanese ones and their abbreviations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_JAPANESE: Final[Mapping[str, str]] = {
    "株式会社": "(株) 株式會社",
    "有限会社": "(有) 有限會社",
    "合同会社": "(同)",
    "合名会社": "(名)",
    "合資会社": "(資)",
    "一般社団法人": "(一社)",
    "一般財団法人": "(一財)",
    "公益社団法人": "(公社)",
    "公益財団法人": "(公財)",
    "特定非営利活動法人": "(特非) NPO法人",
    "医療法人社団": "",
    "医療法人財団": "",
    "医療法人": "(医)",
    "社会福祉法人": "(福)",
    "学校法人": "(学)",
    "宗教法人": "(宗)",
    "独立行政法人": "(独)",
    "地方独立行政法人": "",
    "国立大学法人": "",
    "弁護士法人": "",
    "税理士法人": "",
    "監査法人": "",
    "農事組合法人": "",
    "協同組合": "",
    "企業組合": "",
    "相互会社": "",
    "股份有限公司": "股份公司",
    "有限責任公司": "有限责任公司",
    "有限公司": "",
    "주식회사": "(주)",
    "유한회사": "(유)",
}
"""Form and abbreviations, after NFKC (which turns ㈱ into (株))."""

JAPANESE: Final[Mapping[str, str]] = {
    written: form
    for form, abbreviations in sorted(_JAPANESE.items())
    for written in (form, *abbreviations.split())
}
"""Each way of writing to its form. They stand before or behind the name without a space."""

JAPANESE_BANK: Final[Mapping[str, str]] = {"カ": "株式会社", "ユ": "有限会社", "ド": "合同会社"}
"""One katakana before ``)`` or after ``(``, as bank transfers have it."""

_LATIN: Final[Mapping[str, str]] = {
    "inc": "inc | incorporated",
    "corp": "corp | corporation",
    "co": "co | company | cie | compagnie",
    "co ltd": "co ltd | company limited | co limited | company ltd",
    "ltd": "ltd | limited",
    "plc": "plc | public limited company",
    "llc": "llc | limited liability company | limited liability co",
    "llp": "llp | limited liability partnership",
    "lp": "lp | limited partnership",
    "dac": "dac | designated activity company",
    "pte ltd": "pte ltd | private limited | pte limited | pvt ltd | private ltd | pvt limited",
    "pty ltd": "pty ltd | proprietary limited | pty limited",
    "sdn bhd": "sdn bhd | sendirian berhad",
    "bhd": "bhd | berhad",
    "pt": "pt | perseroan terbatas",
    "kk": "kk | kabushiki kaisha | kabushikikaisha | kabushiki gaisha",
    "gk": "gk | godo kaisha | goudou kaisha",
    "yk": "yk | yugen kaisha",
    "ag": "ag | aktiengesellschaft",
    "gmbh": "gmbh | gesellschaft mit beschrankter haftung | mbh",
    "gmbh co kg": "gmbh and co kg | gmbh co kg",
    "kg": "kg | kommanditgesellschaft",
    "se": "se | societas europaea",
    "sa": "sa | societe anonyme | sociedad anonima | sociedade anonima | spolka akcyjna",
    "sas": "sas | societe par actions simplifiee",
    "sarl": "sarl | societe a responsabilite limitee",
    "srl": "srl | societa a responsabilita limitata | societatea cu raspundere limitata | "
    "sociedad de responsabilidad limitada",
    "sl": "sl | sociedad limitada",
    "spa": "spa | societa per azioni",
    "sa de cv": "sa de cv | sociedad anonima de capital variable",
    "s de rl": "s de rl de cv | s de rl",
    "ltda": "ltda | limitada",
    "bv": "bv | besloten vennootschap",
    "nv": "nv | naamloze vennootschap",
    "bvba": "bvba | sprl",
    "ab": "ab | aktiebolag",
    "as": "as | aksjeselskap | aktieselskab",
    "asa": "asa | allmennaksjeselskap",
    "aps": "aps | anpartsselskab",
    "oy": "oy | osakeyhtio",
    "oyj": "oyj | julkinen osakeyhtio",
    "sp z oo": "sp z oo | sp zoo | spolka z ograniczona odpowiedzialnoscia",
    "sro": "sro | spol s ro | spolecnost s rucenim omezenym",
    "doo": "doo",
    "kft": "kft | korlatolt felelossegu tarsasag",
    "ooo": "ooo | obshchestvo s ogranichennoy otvetstvennostyu | "
    "obshchestvo s ogranichennoi otvetstvennostyu",
    "jsc": "jsc | joint stock company | joint stock co | ao | aktsionernoe obshchestvo | "
    "aktsionernoye obshchestvo",
    "ojsc": "ojsc | open joint stock company | oao | otkrytoe aktsionernoe obshchestvo | "
    "otkrytoye aktsionernoye obshchestvo",
    "pjsc": "pjsc | public joint stock company | pao | publichnoe aktsionernoe obshchestvo | "
    "publichnoye aktsionernoye obshchestvo",
    "cjsc": "cjsc | closed joint stock company | zao | zakrytoe aktsionernoe obshchestvo",
}
"""Form and ways of writing, in lower case without accents and marks."""

LATIN: Final[Mapping[tuple[str, ...], str]] = {
    tuple(written.split()): form for form, ways in _LATIN.items() for written in ways.split(" | ")
}
"""Each way of writing, as words, to its form."""

LONGEST_LATIN: Final = max(map(len, LATIN))
"""Words of the longest."""

ROMANISED: Final = frozenset({"kk", "gk", "yk"})
"""Japanese forms in Latin letters."""

LEADING: Final = frozenset({"ooo", "jsc", "ojsc", "pjsc", "cjsc", "llc", "pt", "ab", "srl", "kk", "gk", "yk"})
"""Short forms that stand before the name. Elsewhere a leading "SA" or "Co" is part of it."""

_RELATED: Final = (
    frozenset({"inc", "corp", "co", "co ltd", "kk", "株式会社"}),
    frozenset({"ltd", "co ltd", "株式会社"}),
    frozenset({"jsc", "ojsc", "pjsc", "cjsc"}),
    frozenset({"llc", "ooo"}),
    frozenset({"llc", "gk", "合同会社"}),
    frozenset({"ltd", "yk", "有限会社"}),
    frozenset({"co ltd", "有限公司", "股份有限公司", "有限責任公司"}),
)
"""Forms that translate one another, or that people use for one another."""


def related(one: str, other: str) -> bool:
    """Whether two forms may stand for the same: GmbH and AG may not."""
    return one == other or any(one in group and other in group for group in _RELATED)
