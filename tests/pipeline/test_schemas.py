"""The schemas, and what is said of a document that does not obey."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from cli.samples import samples
from pipeline import schemas
from pipeline.documents import pointer
from pipeline.schemas import SCHEMAS, find, validate_submission

Json = dict[str, Any]

# What a schema may say beside the keywords that the code gives words for.
STRUCTURE = {
    "$schema",
    "$id",
    "$ref",
    "$defs",
    "title",
    "description",
    "properties",
    "items",
    "allOf",
    "if",
    "then",
    "additionalProperties",
}


def submission(**changes: Any) -> Json:
    """A valid submission; ``changes`` replaces members of the application."""
    document = copy.deepcopy(dict(samples()[0].document))
    document |= {
        "isms_in_progress": {"contract": True, "audit_on": "2027-01-31"},
        "supersedes": "01890000-0000-7000-8000-00000000000A",
    }
    document |= changes
    return {"type": "application.submitted", "timestamp": "2026-11-02T09:00:00.5+09:00", "data": document}


def told(document: object) -> set[tuple[str, str]]:
    return {(violation.pointer, violation.code) for violation in validate_submission(document)}


def at(document: Json, *path: str | int) -> tuple[Any, Any]:
    """The container of a place and its last part."""
    node: Any = document
    for part in path[:-1]:
        node = node[part]
    return node, path[-1]


def nodes(schema: Any) -> Iterator[Json]:
    """Every schema in a schema."""
    yield schema
    for name, member in schema.items():
        if name in {"properties", "$defs"}:
            for inner in member.values():
                yield from nodes(inner)
        elif name in {"items", "if", "then"}:
            yield from nodes(member)
        elif name == "allOf":
            for inner in member:
                yield from nodes(inner)


def test_every_sample_obeys() -> None:
    for sample in samples():
        assert told(submission() | {"data": sample.document}) == set(), sample.name


def test_a_submission_with_every_member_obeys() -> None:
    document = submission()
    everything = set(find("application").document["properties"])
    for sample in samples():
        document["data"] = {**sample.document, **document["data"]}
    assert set(document["data"]) == everything
    assert told(document) == set()


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: f"{schema.name}-{schema.version}")
def test_a_schema_is_one(schema: schemas.Schema) -> None:
    jsonschema.Draft202012Validator.check_schema(schema.document)
    assert schema.id == f"urn:sekisho:schema:{schema.name}:{schema.version}"


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_for_every_keyword_there_are_words(schema: schemas.Schema) -> None:
    used = {keyword for node in nodes(schema.document) for keyword in node} - STRUCTURE
    assert used <= set(schemas._SAYINGS)
    kinds = {
        node[keyword] for node in nodes(schema.document) for keyword in ("type", "format") if keyword in node
    }
    assert kinds <= set(schemas._KINDS)


def test_every_member_has_a_japanese_name() -> None:
    application = find("application").document
    for node in nodes(application):
        for name, member in node.get("properties", {}).items():
            if not any(node is branch for branch in conditions(application)):
                path = member.get("$ref", "").rpartition("/")[2]
                assert "title" in member or "title" in application["$defs"][path], name


def conditions(schema: Json) -> list[Json]:
    """The schemas that only narrow what another one describes."""
    return [
        inner
        for node in nodes(schema)
        for branch in node.get("allOf", ())
        for side in ("if", "then")
        for inner in nodes(branch[side])
    ]


def test_patterns_are_in_ascii_and_have_a_largest_length() -> None:
    for schema in SCHEMAS:
        for node in nodes(schema.document):
            if "pattern" in node and schema.name != "listing":
                assert "\\d" not in node["pattern"]
                assert "maxLength" in node


PATTERNED: dict[str, tuple[tuple[str | int, ...], str]] = {
    "country": (("vendor", "country"), "JP"),
    "corporate number": (("vendor", "identifiers"), "7000012050002"),
    "day": (("vendor", "founded_on"), "2012-04-01"),
    "invoice number": (("vendor", "invoice_number"), "T7000012050002"),
    "telephone": (("contact", "phone"), "+81 78 000 0000"),
    "mail": (("contact", "email"), "desk@example.jp"),
    "code": (("product", "code"), "chat-2"),
    "address": (("product", "url"), "https://example.jp/2"),
    "edition": (("certifications",), "2022"),
    "supersedes": (("supersedes",), "01890000-0000-7000-8000-000000000001"),
    "moment": ((), "2026-11-02T09:00:00Z"),
}


def with_value(name: str, value: str) -> Json:
    document = submission()
    path, _ = PATTERNED[name]
    if name == "moment":
        document["timestamp"] = value
    elif name == "corporate number":
        document["data"]["vendor"]["identifiers"] = [{"scheme": "JP-JCN", "id": value}]
    elif name == "edition":
        document["data"]["certifications"] = [{"type": "ISO27001", "edition": value}]
    else:
        container, last = at(document["data"], *path)
        container[last] = value
    return document


@pytest.mark.parametrize("name", PATTERNED)
def test_a_value_in_its_form_obeys(name: str) -> None:
    assert told(with_value(name, PATTERNED[name][1])) == set()


@pytest.mark.parametrize("name", PATTERNED)
@pytest.mark.parametrize("after", ["\n", "\r\n", " ", "\t", "\u3000", "\u2028", "\x0b"])
def test_nothing_may_follow_a_value(name: str, after: str) -> None:
    if (name, after) == ("telephone", " "):
        return
    assert told(with_value(name, PATTERNED[name][1] + after)) != set()


FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
MATHEMATICAL = str.maketrans("0123456789", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")


@pytest.mark.parametrize(
    "name", [name for name, (_, value) in PATTERNED.items() if any(map(str.isdigit, value))]
)
@pytest.mark.parametrize(
    "digits", [FULL_WIDTH, ARABIC_INDIC, MATHEMATICAL], ids=["full width", "arabic", "bold"]
)
def test_digits_are_those_of_ascii(name: str, digits: dict[int, int]) -> None:
    assert told(with_value(name, PATTERNED[name][1].translate(digits))) != set()


@pytest.mark.parametrize(
    ("scheme", "good", "wrong"),
    [
        ("JP-JCN", "7000012050002", "700001205000"),
        ("XI-LEI", "5299001ERX0K10IZUL40", "5299001erx0k10izul40"),
        ("GB-COH", "SC123456", "12345"),
        ("IE-CRO", "54321", "IE54321"),
        ("NO-BRC", "923609016", "923 609 016"),
        ("FR-INSEE", "552032534", "55203253400646"),
        ("XI-VAT", "BE0244142664", "0244142664"),
        ("US-UEI", "ABCDEFGHJK12", "ABC"),
    ],
)
def test_an_identifier_has_the_form_of_its_scheme(scheme: str, good: str, wrong: str) -> None:
    document = submission()
    document["data"]["vendor"]["identifiers"] = [{"scheme": scheme, "id": good}]
    assert told(document) == set()
    document["data"]["vendor"]["identifiers"][0]["id"] = wrong
    assert {violation[0] for violation in told(document)} == {"/data/vendor/identifiers/0/id"}


@pytest.mark.parametrize(
    "day", ["2026-02-29", "2026-13-01", "2026-00-10", "0000-01-01", "26-01-01", "2026/01/01"]
)
def test_a_day_is_one_of_the_calendar(day: str) -> None:
    assert ("/data/vendor/founded_on") in {place for place, _ in told(with_value("day", day))}


@pytest.mark.parametrize(
    "address",
    [
        "http://example.jp",
        "https://",
        "https:///x",
        "https://user:secret@example.jp/",
        "https://example.jp@evil.example/",
        "https://exa mple.jp/",
        "javascript:alert(1)",
        "//example.jp",
        "https://例え.jp/",
    ],
)
def test_an_address_is_https_and_names_no_user(address: str) -> None:
    assert told(with_value("address", address)) != set()


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("type",), "application.sent", {("/type", "const")}),
        (("timestamp",), "yesterday", {("/timestamp", "format")}),
        (("timestamp",), 1795416768, {("/timestamp", "type")}),
        (("data",), [], {("/data", "type")}),
        (("data", "schema"), "application/2", {("/data/schema", "const")}),
        (
            ("data", "vendor", "name"),
            "",
            {("/data/vendor/name", "too_short"), ("/data/vendor/name", "blank")},
        ),
        (("data", "vendor", "name"), " \u3000", {("/data/vendor/name", "blank")}),
        (("data", "vendor", "name"), "あ" * 301, {("/data/vendor/name", "too_long")}),
        (("data", "vendor", "name"), None, {("/data/vendor/name", "type")}),
        (("data", "vendor", "is_manufacturer"), "true", {("/data/vendor/is_manufacturer", "type")}),
        (("data", "vendor", "capital_jpy"), -1, {("/data/vendor/capital_jpy", "too_small")}),
        (("data", "vendor", "capital_jpy"), 10**16, {("/data/vendor/capital_jpy", "too_large")}),
        (("data", "vendor", "capital_jpy"), 1.5, {("/data/vendor/capital_jpy", "type")}),
        (("data", "vendor", "identifiers"), [], {("/data/vendor/identifiers", "too_few")}),
        (("data", "use", "confidentiality"), 4, {("/data/use/confidentiality", "too_large")}),
        (("data", "product", "category"), "games", {("/data/product/category", "enum")}),
        (("data", "product", "name"), {}, {("/data/product/name", "too_few_members")}),
        (("data", "support_access"), ["JP", "JP"], {("/data/support_access", "not_unique")}),
        (("data", "nick~name/"), 1, {("/data/nick~0name~1", "additional_property")}),
        (("more",), 1, {("/more", "additional_property")}),
    ],
)
def test_each_code_at_its_place(path: tuple[str, ...], value: object, expected: set[tuple[str, str]]) -> None:
    document = submission()
    container, last = at(document, *path)
    container[last] = value
    assert told(document) == expected


@pytest.mark.parametrize("path", [("type",), ("data",), ("data", "vendor"), ("data", "vendor", "country")])
def test_what_is_missing_is_named_itself(path: tuple[str, ...]) -> None:
    document = submission()
    container, last = at(document, *path)
    del container[last]
    assert told(document) == {(pointer(*path), "required")}


def test_a_reseller_names_the_maker() -> None:
    document = submission()
    document["data"]["vendor"]["role"] = "reseller"
    document["data"].pop("maker", None)
    assert told(document) == {("/data/maker", "required")}


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_pointers() -> None:
    violations = validate_submission({"type": 1, "data": {"vendor": {"identifiers": [{}]}, "use": 0}})
    pointers = [violation.pointer for violation in violations]
    assert pointers == sorted(pointers)
    assert len(violations) == 14
    assert validate_submission({"type": 1, "data": {"vendor": {"identifiers": [{}]}, "use": 0}}) == violations


def test_texts_name_the_field_in_both_languages_and_repeat_no_value() -> None:
    secret = "山田太郎@example"
    document = submission()
    document["data"]["contact"]["email"] = secret
    [violation] = validate_submission(document)
    assert violation.text.ja == "「メールアドレス」はメールアドレスの形式で指定してください。"
    assert violation.text.en == "“email” must be a mail address."
    assert secret not in str(violation)


def test_an_item_of_a_list_is_called_by_what_it_is() -> None:
    document = submission(support_access=["JP", "Japan"])
    texts = {violation.text.ja for violation in validate_submission(document)}
    assert texts == {"「国」は2文字以内です。", "「国」の形式が正しくありません（^[A-Z]{2}$）。"}


def test_a_long_name_of_the_callers_own_is_not_repeated() -> None:
    [violation] = validate_submission(submission() | {"x" * 101: 1})
    assert (violation.pointer, violation.code) == ("", "additional_property")
    [violation] = validate_submission(submission() | {"x" * 100: 1})
    assert violation.pointer == "/" + "x" * 100


@pytest.mark.parametrize("depth", [260, 900])
def test_what_is_deeper_than_the_validator_goes_is_a_violation(depth: int) -> None:
    deep: Any = 0
    for _ in range(depth):
        deep = [deep]
    assert told(deep) == {("", "too_deep")}


def test_of_a_list_without_end_only_the_beginning_is_looked_at() -> None:
    violations = validate_submission(submission(support_access=list(range(100_000))))
    assert len(violations) == 52


def test_schemas_are_found_by_name_and_version() -> None:
    assert find("application") is find("application", 1)
    assert find("application", 2) is None
    assert find("nothing") is None
