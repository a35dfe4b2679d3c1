"""A foreign catalog as read: its listings, the drafts made of them, and what was remarkable on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from connectors.marketplaces.answers import Fault
from connectors.strict import Unexpected
from pipeline import schemas
from pipeline.documents import Json, NotJson, pointer, read_json
from pipeline.model import Text
from pipeline.problems import Violation

LARGEST = 64 * 1024 * 1024
"""Bytes of a file that is read. The largest known feed has a fifteenth of it."""

MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a foreign row that its reader should know, and what was done about it.

    ``field`` is the foreign field it is about, where there is one.
    """

    code: str
    text: Text
    listing: str = ""
    field: str = ""

    def as_json(self) -> dict[str, str]:
        """As the command prints it."""
        place = {"listing": self.listing, "field": self.field}
        return {
            "code": self.code,
            **{key: text for key, text in place.items() if text},
            **self.text.as_json(),
        }


SAYINGS: Mapping[str, Text] = {
    "import.repeated_id": Text(
        "同じIDの行が複数あります。最初の行だけを使いました。",
        "Several rows have this id. The first one counts.",
    ),
    "import.repeated_id_differs": Text(
        "同じIDの行の内容が食い違っています。最初の行を使いましたが、どちらが正しいか確認してください。",
        "Rows of one id contradict each other. The first one counts; find out which is right.",
    ),
    "import.stray_space": Text(
        "余分な空白がありました。取り除いて読みました。",
        "There is stray space about the text. It was taken off.",
    ),
    "import.date_is_words": Text(
        "日付の欄に日付でない語が書かれています。日付なしとして扱いました。",
        "Words stand where a date should. There is no date.",
    ),
    "import.expired": Text(
        "期限が過ぎています。ファイルの作成日時が新しくても、有効とはみなしません。",
        "Its term has ended. A fresh time stamp on the file does not renew it.",
    ),
    "import.not_in_force": Text(
        "掲載元で認可済み・公開中ではありません。",
        "It is not authorised, or not published, where it comes from.",
    ),
    "import.spelling": Text(
        "通常と異なる表記です。同じ語として数えました。",
        "A word is written in another way than usual. It was counted as the same word.",
    ),
    "import.unknown_word": Text(
        "意味が分からない語です。推測せず、下書きに入れていません。",
        "A word of unknown meaning. It was not guessed at and is not in the draft.",
    ),
    "import.not_carried_over": Text(
        "掲載元の認可・認証は、ここでの認証にはなりません。",
        "What the other marketplace authorised is no certificate here.",
    ),
    "import.no_equivalent": Text(
        "ここには対応する区分がありません。申請者が選んでください。",
        "There is no such kind here. The vendor has to choose.",
    ),
    "import.region_not_country": Text(
        "地域名であり、国が分かりません。国ごとに申告してください。",
        "A region is named, not a country. The countries have to be declared.",
    ),
    "import.currency": Text(
        "円建ての価格ではありません。円での価格を申告してください。",
        "The price is not in yen. A price in yen has to be declared.",
    ),
    "import.out_of_scope": Text(
        "ソフトウェアではなく役務です。このカタログの対象外です。",
        "This is a service by people, not software: out of this catalog's scope.",
    ),
    "import.identifier_malformed": Text(
        "法人識別子の形式が正しくありません。下書きに入れていません。",
        "The identifier of the organisation is not well-formed. It is not in the draft.",
    ),
    "import.supplier_unknown": Text(
        "供給者の記録が渡されていません。",
        "No record of this supplier was given.",
    ),
    "import.address_mended": Text(
        "URLにhttps://がありません。補って下書きに入れました。確認してください。",
        "The address lacks https://. It was added; check it.",
    ),
    "import.address_unusable": Text(
        "https のURLとして使えません。下書きに入れていません。",
        "The address cannot be used as an https address. It is not in the draft.",
    ),
    "import.cut": Text(
        "長すぎるため、途中までを下書きに入れました。",
        "The text is too long for the draft and was cut.",
    ),
    "import.row_not_read": Text(
        "IDか名称がないため、この行は読めませんでした。",
        "The row has no id or no name and could not be read.",
    ),
    "import.fresh_stamp_old_content": Text(
        "ファイルの作成日時だけが新しく、内容は前回と同じです。",
        "Only the file's time stamp is new. Its content is that of the time before.",
    ),
    "import.shape_changed": Text(
        "ファイルの形式が前回と異なります。項目ごとの比較はできないため、IDだけを比べました。",
        "The file has another shape than the one before. Fields cannot be compared; only the ids were.",
    ),
}
"""What is said about foreign rows, by its code."""

UNTOLD: Sequence[tuple[str | int, ...]] = (
    ("product", "name", "ja"),
    ("product", "summary", "ja"),
    ("product", "deployment"),
    ("product", "languages"),
    ("product", "prices"),
    ("product", "support"),
    ("qualification",),
    ("gbizid",),
    ("declarations",),
    ("ismap",),
    ("certifications",),
    ("hosting",),
    ("foreign_law",),
    ("subprocessors",),
    ("support_access",),
    ("ai",),
    ("portability",),
)
"""What the schema leaves open and the rules or buyers here still ask for."""


def remark(code: str, listing: str = "", field: str = "") -> Remark:
    """The remark of a code."""
    return Remark(code, SAYINGS[code], listing, field)


@dataclass(frozen=True, slots=True)
class ForeignListing:
    """One listing elsewhere.

    ``written`` is the row as it stands there, without addresses of people; ``application`` the draft; and
    ``unused`` the fields of the row that the draft has no place for. ``faults`` is what is amiss with it by
    the rules of its own marketplace, where they were given.
    """

    id: str
    written: Json
    application: Json
    remarks: Sequence[Remark]
    unused: Sequence[str]
    faults: Sequence[Fault] = ()

    def missing(self) -> list[Violation]:
        """What the draft lacks to be an application (``required`` and the like), and then to be judged well.

        The second kind has the code ``import.untold``: the schema lets it pass, a rule or a buyer asks.
        """
        schema = schemas.find("application", 1)
        assert schema is not None
        found = schema.violations(self.application)
        named = {violation.pointer for violation in found}
        for path in UNTOLD:
            place = pointer(*path)
            if not _has(self.application, path) and not any(place.startswith(f"{above}/") for above in named):
                label = schema.label(*path)
                text = Text(
                    f"「{label.ja}」が掲載元にありません。",
                    f"The other marketplace does not tell {label.en}.",
                )
                found.append(Violation(place, "import.untold", text))
        return found


@dataclass(frozen=True, slots=True)
class ForeignCatalog:
    """A file of a marketplace, read. ``stamp`` is when it says it was made, and ``shape`` which form it has.

    ``counts`` are what the file holds, by the marketplace's own words, each listing once.
    """

    marketplace: str
    shape: str
    status_field: str
    stamp: str
    rows: int
    listings: Sequence[ForeignListing]
    remarks: Sequence[Remark]
    counts: Mapping[str, Mapping[str, int]]
    repeated: Sequence[str]
    expired: int


@dataclass(slots=True)
class Draft:
    """An application in the making, of one foreign row."""

    listing: str
    row: Json
    application: dict[str, Any] = field(
        default_factory=lambda: {"schema": "application/1", "vendor": {}, "product": {}}
    )
    remarks: list[Remark] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def remark(self, code: str, field: str = "") -> None:
        """Note something about the row, or one field of it."""
        made = remark(code, self.listing, field)
        if made not in self.remarks:
            self.remarks.append(made)

    def put(self, path: Sequence[str], value: object) -> None:
        """Set a member of the draft."""
        node = self.application
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = value

    def text(self, name: str) -> str | None:
        """A field's text without the space about it; None where it says nothing."""
        self.used.add(name)
        value = self.row.get(name)
        return (value.strip() or None) if isinstance(value, str) else None

    def put_text(self, path: Sequence[str], name: str, longest: int) -> None:
        """Carry a field's text over."""
        if (text := self.text(name)) is not None:
            self.put(path, self.fit(text, longest, name))

    def fit(self, text: str, longest: int, name: str) -> str:
        """The text as far as the draft takes it, in plain spaces and without control characters."""
        plain = re.sub(r"[^\S\n]+", " ", re.sub(r"\r\n?", "\n", text))
        plain = "".join(sign for sign in plain if sign == "\n" or sign.isprintable())
        plain = (plain if longest > 300 else " ".join(plain.split())).strip()
        if len(plain) > longest:
            self.remark("import.cut", name)
            plain = plain[:longest].rstrip()
        return plain

    def put_address(self, path: Sequence[str], name: str) -> None:
        """Carry a web address over, if it can be one."""
        text = self.text(name)
        if text is None:
            return
        if "://" not in text:
            # A bare host with a dot, perhaps with a path; anything else in this field is a sentence.
            if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(/[!-~]*)?", text) is None:
                self.remark("import.address_unusable", name)
                return
            text = f"https://{text}"
            self.remark("import.address_mended", name)
        text = re.sub(r"^https://", "https://", text, flags=re.IGNORECASE)
        try:
            parts = urlsplit(text)
            usable = parts.scheme == "https" and bool(parts.hostname) and parts.username is None
        except ValueError:
            usable = False
        if usable and len(text) <= 500 and re.fullmatch(r"https://[!-~]+", text) and "\\" not in text:
            self.put(path, text)
        else:
            self.remark("import.address_unusable", name)

    def finished(self, written: Json) -> ForeignListing:
        """The listing with this draft."""
        unused = sorted(set(written) - self.used)
        return ForeignListing(self.listing, written, self.application, tuple(self.remarks), tuple(unused))


def code_of(id_: str) -> str | None:
    """The product code of a foreign id; None for an id that gives none."""
    code = re.sub(r"[^a-z0-9._-]+", "-", id_.lower()).strip("-._")[:60]
    return code or None


def stray_fields(row: Json) -> list[str]:
    """The fields with space about their text."""
    return sorted(name for name, value in row.items() if isinstance(value, str) and value != value.strip())


def without_people(row: Json) -> dict[str, Any]:
    """The row without what may be names or addresses of people."""
    return {name: value for name, value in row.items() if _PEOPLE.search(name) is None}


_PEOPLE = re.compile(
    r"(e-?mail|phone(number)?|contact(name|information|s)?)$|(^|_)(poc|contact)_", re.IGNORECASE
)
"""Names of fields; ``phoneSupport`` and the like are about a service."""


def documents(body: bytes) -> Iterator[object]:
    """The JSON values of a file: the one it is, or one a line (JSON Lines).

    :raises Unexpected: saying which line is no JSON, or that the file is too large.
    """
    if len(body) > LARGEST:
        raise Unexpected(f"the file has more than {LARGEST} bytes")
    try:
        yield read_json(body)
        return
    except NotJson as error:
        lines = [line for line in body.split(b"\n") if line.strip()]
        if len(lines) < 2 or not lines[0].rstrip().endswith(b"}"):
            raise Unexpected(f"the file is not JSON ({error.code}: {error})") from None
    if len(lines) > MOST_ROWS:
        raise Unexpected(f"the file has more than {MOST_ROWS} rows")
    for number, line in enumerate(body.split(b"\n"), 1):
        if line.strip():
            try:
                yield read_json(line)
            except NotJson as error:
                raise Unexpected(f"line {number} is not JSON ({error.code})") from None


def objects(values: object, what: str) -> list[dict[str, Any]]:
    """A list of JSON objects."""
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise Unexpected(f"{what} is not a list of objects")
    if len(values) > MOST_ROWS:
        raise Unexpected(f"{what} has more than {MOST_ROWS} rows")
    return cast("list[dict[str, Any]]", values)


def _has(document: object, path: Sequence[str | int]) -> bool:
    for part in path:
        if not isinstance(document, Mapping) or part not in document:
            return False
        document = document[part]
    return True
