"""A list of companies against the registers: what a clerk is told of each, without an application.

Pure, as rules are: what was declared and what sources answered in, remarks out. Nothing here approves
anybody: a company is *confirmed* to be in a register under that name, and not closed. Silence of a source
that does not hold everybody says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from pipeline.identifiers import OrganisationId
from pipeline.model import Evidence, Gap, Presence, Text
from rules.names import best


@dataclass(frozen=True, slots=True)
class Company:
    """A company as a list declares it. ``invoice_number`` is ``T`` and thirteen digits, or blank."""

    name: str = ""
    identifiers: tuple[OrganisationId, ...] = ()
    invoice_number: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A company that bears the declared name, or a like one. Which of them is meant a person decides."""

    identifier: OrganisationId
    name: str
    state: str
    match: str

    def as_json(self) -> dict[str, str]:
        """For results."""
        return {
            "identifier": str(self.identifier),
            "name": self.name,
            "state": self.state,
            "match": self.match,
        }


class Standing(StrEnum):
    """What the remarks on a company add up to, the gravest first."""

    INVALID = "invalid"
    """The list itself is wrong there."""
    ATTENTION = "attention"
    """A person should look."""
    NOT_CHECKED = "not_checked"
    """A source could not be asked; verify again later."""
    CONFIRMED = "confirmed"
    """A register has it, under this name and not closed, and nothing else was found."""
    NOTHING_FOUND = "nothing_found"
    """The sources that were asked have nothing on it; none of them would have confirmed it."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to be told of a company. ``detail`` is data: a name, a date, a number."""

    code: str
    source: str
    detail: str = ""

    @property
    def standing(self) -> Standing:
        """How grave it is."""
        return REMARKS[self.code][0]

    @property
    def text(self) -> Text:
        """It in words, with the remedy."""
        return REMARKS[self.code][1]

    def as_json(self) -> dict[str, Any]:
        """For results."""
        return {
            "code": self.code,
            "source": self.source,
            "standing": str(self.standing),
            "detail": self.detail,
            **self.text.as_json(),
        }


REMARKS: Final[Mapping[str, tuple[Standing, Text]]] = MappingProxyType(
    {
        "IDENTIFIER_MALFORMED": (
            Standing.INVALID,
            Text("番号の形式又は検査数字が正しくありません。番号を確認してください。",
                 "The number has a wrong form or check digit. Look the number up."),
        ),
        "ROW_EMPTY": (
            Standing.INVALID,
            Text("番号も名称もありません。どちらかを記入してください。",
                 "There is neither a number nor a name. Give one of them."),
        ),
        "ROW_MALFORMED": (
            Standing.INVALID,
            Text("列の数が見出しと合いません。行を直してください。",
                 "The row has other columns than the headings. Mend the row."),
        ),
        "NAME_ONLY": (
            Standing.ATTENTION,
            Text("番号がなく、名称だけでは確認できません。候補から番号を選んで記入してください。",
                 "A name alone confirms nothing. Choose the number from the candidates and give it."),
        ),
        "NO_SOURCE": (
            Standing.NOT_CHECKED,
            Text("選択した情報源にはこの番号で照会できるものがありません。",
                 "None of the chosen sources can be asked by this number."),
        ),
        "NOT_CHECKED": (
            Standing.NOT_CHECKED,
            Text("情報源から回答を得られませんでした。後でもう一度実行してください。",
                 "The source gave no usable answer. Run it again later."),
        ),
        "NOT_FOUND": (
            Standing.ATTENTION,
            Text("この番号は登録簿にありません。番号を確認してください。",
                 "The register has no such number. Look the number up."),
        ),
        "WITHDRAWN": (
            Standing.ATTENTION,
            Text("この番号の指定は取り消されています。", "The assignment of this number was withdrawn."),
        ),
        "CLOSED": (
            Standing.ATTENTION,
            Text("登録簿上、閉鎖されています。承継者の有無を確認してください。",
                 "It is closed in the register. See whether somebody succeeded it."),
        ),
        "WARNING": (
            Standing.ATTENTION,
            Text("登録簿に注意すべき記載があります。", "The register has something to look at."),
        ),
        "NAME_DIFFERS": (
            Standing.ATTENTION,
            Text("名称が登録簿と異なります。番号と名称のどちらが正しいか確認してください。",
                 "The register has another name. See whether number or name is right."),
        ),
        "NAME_FORMER": (
            Standing.ATTENTION,
            Text("旧名称です。現在の名称に改めてください。", "That is a former name. Use the present one."),
        ),
        "NAME_UNCLEAR": (
            Standing.ATTENTION,
            Text("名称が登録簿と同じか判断できません。担当者が確認してください。",
                 "Whether the names are the same cannot be told. Somebody should look."),
        ),
        "LEI_NOT_CURRENT": (
            Standing.ATTENTION,
            Text("LEIの登録が有効（ISSUED）ではありません。", "The LEI is not in the status ISSUED."),
        ),
        "NOT_AN_ISSUER": (
            Standing.ATTENTION,
            Text("適格請求書発行事業者として登録されていません。",
                 "It is not registered as a qualified invoice issuer."),
        ),
        "ISSUER_ENDED": (
            Standing.ATTENTION,
            Text("適格請求書発行事業者の登録が取消し又は失効しています。",
                 "The registration as a qualified invoice issuer has ended."),
        ),
        "SUSPENSION_FOUND": (
            Standing.ATTENTION,
            Text("指名停止の記載があります。期間と対象を確認してください。",
                 "There is a nomination suspension. See for how long and for whom."),
        ),
        "SCREENING_CANDIDATE": (
            Standing.ATTENTION,
            Text("制裁・取引制限の名簿に似た名称があります。同一かどうか担当者が確認してください。",
                 "A list of sanctions or debarments has a like name. See whether it is the same."),
        ),
        "NOT_SHOWN": (
            Standing.NOTHING_FOUND,
            Text("この情報源には載っていませんが、載らない者もいます。",
                 "This source has no such entry; not everybody is in it."),
        ),
    }
)  # fmt: skip
"""Every remark: its gravity and its words."""

REGISTERS: Final = frozenset(
    {"jp.nta", "gb.companies-house", "no.brreg", "fr.entreprises", "int.gleif", "eu.vies"}
)
"""Sources that say of a number whose it is."""

_NOT_EVERYBODY: Final = frozenset({"fr.entreprises"})

_GRAVITY: Final = {standing: place for place, standing in enumerate(Standing)}


def remarks_on(
    company: Company, evidence: Sequence[Evidence], gaps: Sequence[Gap], as_of: str
) -> list[Remark]:
    """What there is to say of a company.

    :param as_of: the day (``YYYY-MM-DD``) for which registrations count.
    """
    found = [Remark("NOT_CHECKED", gap.source, gap.reason) for gap in gaps]
    for one in evidence:
        read = _READERS.get(one.source)
        if read is not None:
            found += read(one, company, as_of)
        elif one.source in REGISTERS:
            found += _register(one, company)
    return found


def standing_of(remarks: Iterable[Remark], evidence: Iterable[Evidence]) -> Standing:
    """What remarks and evidence add up to."""
    confirmed = any(one.source in REGISTERS and one.presence is Presence.FOUND for one in evidence)
    least = Standing.CONFIRMED if confirmed else Standing.NOTHING_FOUND
    grave = [one.standing for one in remarks if one.standing is not Standing.NOTHING_FOUND]
    return min([least, *grave], key=_GRAVITY.__getitem__)


def _register(one: Evidence, company: Company) -> list[Remark]:
    """A register of companies: presence, closure, warnings, name."""
    record = one.record
    if one.presence is Presence.ABSENT:
        return [Remark("NOT_SHOWN" if one.source in _NOT_EVERYBODY else "NOT_FOUND", one.source)]
    if record.get("withdrawn"):
        return [Remark("WITHDRAWN", one.source)]
    found = []
    if record.get("closed"):
        succession = f" → {record['successor']}" if record.get("successor") else ""
        found.append(Remark("CLOSED", one.source, f"{record.get('closed_on') or ''}{succession}"))
    found += [Remark("WARNING", one.source, str(warning)) for warning in record.get("warnings", ())]
    return found + _name(one, company)


def _gleif(one: Evidence, company: Company, _as_of: str) -> list[Remark]:
    if one.presence is Presence.ABSENT and one.subject.scheme != "XI-LEI":
        return [Remark("NOT_SHOWN", one.source)]
    found = _register(one, company)
    status = one.record.get("registration_status")
    if status is not None and status != "ISSUED":
        found.append(Remark("LEI_NOT_CURRENT", one.source, str(status)))
    return found


def _invoice(one: Evidence, company: Company, as_of: str) -> list[Remark]:
    record = one.record
    if one.presence is Presence.ABSENT or record.get("deleted"):
        return [Remark("NOT_AN_ISSUER", one.source)]
    ended = [record[key] for key in ("revoked_on", "expired_on") if record.get(key, "9999") <= as_of]
    if ended:
        return [Remark("ISSUER_ENDED", one.source, min(ended))]
    if record.get("registered_on", "") > as_of:
        return [Remark("NOT_AN_ISSUER", one.source, record["registered_on"])]
    # An individual's name is not in the record.
    return _name(one, company) if "name" in record else []


_OF_A_SUSPENSION: Final = ("authority", "valid_from", "valid_to")


def _suspension(one: Evidence, _company: Company, as_of: str) -> list[Remark]:
    return [
        Remark(
            "SUSPENSION_FOUND",
            one.source,
            f"{entry.get('authority', '')} {entry.get('valid_to', '')}".strip(),
        )
        for entry in one.record.get("suspensions", ())
        if entry.get("valid_to", "9999") >= as_of
    ]


def _screening(one: Evidence, _company: Company, _as_of: str) -> list[Remark]:
    return [
        Remark("SCREENING_CANDIDATE", one.source, f"{each.get('name') or each['id']} ({each.get('score')})")
        for each in one.record.get("candidates", ())
        if each.get("match")
    ]


_READERS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "int.gleif": _gleif,
        "jp.invoice": _invoice,
        "jp.suspension": _suspension,
        "screening.yente": _screening,
    }
)


def _name(one: Evidence, company: Company) -> list[Remark]:
    """Whether the declared name is the register's; nothing where either is not given."""
    record = one.record
    present = [record[key] for key in ("name", "english_name", "trade_name", "other_name") if record.get(key)]
    present += [each["name"] for each in record.get("other_names", ()) if isinstance(each, Mapping)]
    if not company.name or not present:
        return []
    approximate = bool(record.get("name_is_approximate"))
    closest = best(company.name, present, approximate=approximate)
    if closest is None or closest.result == "same":
        return []
    former = best(company.name, record.get("former_names", ()), approximate=approximate)
    if former is not None and former.result == "same":
        return [Remark("NAME_FORMER", one.source, present[0])]
    unclear = closest.result == "unclear" or not closest.is_comparable
    return [Remark("NAME_UNCLEAR" if unclear else "NAME_DIFFERS", one.source, present[0])]
