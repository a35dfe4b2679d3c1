"""The description of the API (OpenAPI 3.1), written out, as the routes read raw requests.

Tests hold it to the routes and hold real answers to its schemas.
"""

from __future__ import annotations

from html import escape
from typing import Any

from pipeline import schemas
from pipeline.documents import Json
from pipeline.fit import LARGEST_VALUE, ROUTES
from pipeline.lifecycle import State
from pipeline.model import ChangeKind, CheckState, Presence, Verdict
from pipeline.problems import CATALOGUE, SUBMISSION_INVALID
from pipeline.review.model import AppealState
from pipeline.review.words import DOCUMENTS, QUESTIONS

TITLE = "Sekisho"

Schema = dict[str, Any]


def document() -> Schema:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": "1",
            "description": "Vendors apply and see how it stands; catalog services follow the listings.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/applications": {"post": _SUBMIT},
            "/v1/applications/{id}": {"get": _STATUS},
            "/v1/messages": {"post": _MESSAGE},
            "/v1/applications/{id}/receipt": {"get": _RECEIPT},
            "/v1/receipts/{digest}": {"get": _RECEIPT_BY_DIGEST},
            "/v1/decisions/{id}/receipt": {"get": _RECEIPT_OF_DECISION},
            "/v1/listings": {"get": _LISTINGS},
            "/v1/listings/changes": {"get": _CHANGES},
            "/v1/listings/snapshot": {"get": _SNAPSHOT},
            "/v1/listings/{id}": {"get": _LISTING},
            "/v1/listings/{id}/fit": {"get": _FIT_ONE},
            "/v1/fit": {"get": _FIT_MANY},
            "/v1/journal/head": {"get": _JOURNAL_HEAD},
            "/.well-known/jwks.json": {"get": _KEYS},
            "/v1/schemas/{name}": {"get": _schema_operation()},
            "/v1/schemas/{name}/{version}": {"get": _schema_operation(_path("version", {"type": "integer"}))},
            "/livez": {"get": _probe("livez", "The process answers.")},
            "/readyz": {
                "get": _probe("readyz", "The process can serve, or what keeps it from serving.", 503)
            },
        },
        "components": {
            "schemas": {
                **{schema.name.capitalize(): _component(schema.document) for schema in schemas.SCHEMAS},
                "Accepted": _ACCEPTED,
                "Status": _STATUS_DOCUMENT,
                "ListingPage": _page(_ITEM, {"type": ["string", "null"]}),
                "ChangePage": _page(_CHANGE, {"type": "integer", "minimum": 0}),
                "Fit": _object(asked=_ASKED, **_FIT, generated_at=_MOMENT),
                "FitPage": _object(
                    asked=_ASKED,
                    items={"type": "array", "items": _object(**_FIT)},
                    next={"type": ["string", "null"]},
                    has_more={"type": "boolean"},
                    generated_at=_MOMENT,
                ),
                "Problem": _PROBLEM,
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "The sender's token."},
                "webhook": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "webhook-signature",
                    "description": "Standard Webhooks 1.0: v1 (HMAC-SHA256) or v1a (Ed25519) over "
                    "`{webhook-id}.{webhook-timestamp}.{body}`. For GET the body is `GET ` and the path.",
                },
            },
        },
    }


def page() -> str:
    """The description as a plain page, which loads nothing from anywhere."""
    rows = "".join(
        f"<tr><td>{method.upper()}<td><code>{escape(path)}</code><td>{escape(operation['summary'])}"
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    )
    codes = "".join(
        f"<tr><td>{kind.status}<td><code>{escape(kind.code)}</code><td lang=ja>{escape(kind.text.ja)}"
        f"<td>{escape(kind.text.en)}"
        for kind in CATALOGUE.values()
    )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{TITLE}: API</title><h1>{TITLE}: API</h1>"
        '<p>The whole description is at <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).'
        f"<table><caption>Operations</caption><tr><th>Method<th>Path<th>What it does{rows}</table>"
        f"<table><caption>Problems</caption><tr><th>Status<th>Code<th>日本語<th>English{codes}</table>"
    )


def _component(schema: Json) -> Schema:
    """A schema file as a component: its references lead to the components."""
    home = f"#/components/schemas/{str(schema['$id']).split(':')[3].capitalize()}"
    homes = {other.id: f"#/components/schemas/{other.name.capitalize()}" for other in schemas.SCHEMAS}

    def rewritten(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: _reference(member) if name == "$ref" else rewritten(member)
                for name, member in value.items()
            }
        return [rewritten(item) for item in value] if isinstance(value, list) else value

    def _reference(reference: str) -> str:
        base, _, fragment = reference.partition("#")
        return homes.get(base, home) + fragment

    return {name: rewritten(member) for name, member in schema.items() if name not in {"$schema", "$id"}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _nullable(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


def _path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _header(name: str, description: str, *, required: bool = True) -> Schema:
    schema = {"type": "string"}
    return {"name": name, "in": "header", "required": required, "schema": schema, "description": description}


def _answer(description: str, schema: Schema, *headers: str, media_type: str = "application/json") -> Schema:
    return {
        "description": description,
        "headers": {name: {"schema": {"type": "string"}} for name in headers},
        "content": {media_type: {"schema": schema}},
    }


def _problems(*statuses: int) -> Schema:
    return {
        str(status): _answer(
            ", ".join(f"`{kind.code}`" for kind in CATALOGUE.values() if kind.status == status),
            _ref("Problem"),
            *(["Retry-After"] if status in {429, 503} else []),
            media_type="application/problem+json",
        )
        for status in statuses
    }


_STRING: Schema = {"type": "string"}
_DAY: Schema = {"type": "string", "format": "date"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_UUID: Schema = {"type": "string", "format": "uuid"}
_DIGEST: Schema = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_REFERENCE: Schema = {"type": "string", "pattern": "^SK-[0-9A-HJKMNP-TV-Z]{9}$"}
_TEXT = _object(ja=_STRING, en=_STRING)
_STATE = {"enum": [str(state) for state in State]}

_NOT_MODIFIED: Schema = {"description": "The caller has it: If-None-Match names its ETag."}
_IF_NONE_MATCH = _header("if-none-match", "ETags that the caller has, or *.", required=False)

_PROBLEM: Schema = {
    "description": "RFC 9457. `code` is stable, `ja` and `en` are for people, `detail` for developers.",
    "type": "object",
    "properties": {
        "type": _STRING,
        "title": _STRING,
        "status": {"type": "integer"},
        "detail": _STRING,
        "code": {"enum": list(CATALOGUE)},
        "ja": _STRING,
        "en": _STRING,
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": _object(pointer=_STRING, code=_STRING, ja=_STRING, en=_STRING),
            "description": f"With `{SUBMISSION_INVALID.code}`: every place that is wrong, by JSON Pointer.",
        },
    },
    "required": ["type", "title", "status", "detail", "code", "ja", "en"],
    "additionalProperties": False,
}

_ACCEPTED = _object(id=_UUID, reference=_REFERENCE, status=_STATE, links=_object(self=_STRING))

_STATUS_DOCUMENT = _object(
    id=_UUID,
    reference=_REFERENCE,
    state=_object(code=_STATE, ja=_STRING, en=_STRING),
    final={"type": "boolean"},
    received_at=_MOMENT,
    changed_at=_MOMENT,
    document=_object(digest=_DIGEST, salt={"type": ["string", "null"]}),
    checks={
        "type": "array",
        "items": _object(
            source=_STRING,
            role=_STRING,
            state=_object(code={"enum": [str(state) for state in CheckState]}, ja=_STRING, en=_STRING),
            outcome={"enum": [*(str(presence) for presence in Presence), None]},
            reason={"type": ["string", "null"]},
            tries={"type": "integer", "minimum": 0},
            answered_at=_nullable(_MOMENT),
            next_try_at=_nullable(_MOMENT),
        ),
    },
    decision=_nullable(
        _object(
            number={"type": "integer", "minimum": 1},
            verdict={"enum": [str(verdict) for verdict in Verdict]},
            reason={"type": ["string", "null"]},
            reasons={
                "type": "array",
                "items": _object(rule={"type": ["string", "null"]}, code=_STRING, ja=_STRING, en=_STRING),
            },
            decided_at=_MOMENT,
            by={"enum": ["policy", "reviewer"]},
            policy={"type": "array", "items": _STRING},
        )
    ),
    buyers={
        "type": "array",
        "items": _object(
            buyer=_STRING,
            title=_TEXT,
            verdict={"enum": [str(verdict) for verdict in Verdict]},
            policy={"type": "array", "items": _STRING},
            differs={
                "type": "array",
                "items": _object(
                    rule=_STRING,
                    title=_TEXT,
                    outcome=_STRING,
                    effect={"enum": ["none", "note", "review", "reject"]},
                    national_effect={"enum": ["none", "note", "review", "reject", None]},
                    reason={"type": ["string", "null"]},
                    message=_TEXT,
                    why={"type": "array", "items": _TEXT},
                ),
            },
        ),
    },
    asked_of_vendor={
        "type": "array",
        "items": _object(
            rule=_STRING,
            outcome=_STRING,
            effect={"enum": ["review", "reject"]},
            reason={"type": ["string", "null"]},
            message=_nullable(_TEXT),
            remedy=_nullable(_TEXT),
            basis={"type": "array", "items": _STRING},
        ),
    },
    turn=_object(
        code={"enum": ["reviewer", "vendor", "source", "date", "pipeline", "nobody"]},
        ja=_STRING,
        en=_STRING,
        due_on=_nullable(_DAY),
        clock={"enum": ["running", "stopped", None]},
    ),
    questions={
        "type": "array",
        "items": _object(
            id=_UUID,
            code={"enum": list(QUESTIONS)},
            ja=_STRING,
            en=_STRING,
            field={"type": ["string", "null"]},
            document=_nullable(_object(code={"enum": list(DOCUMENTS)}, ja=_STRING, en=_STRING)),
            text={"type": ["string", "null"]},
            asked_at=_MOMENT,
            due_on=_DAY,
            outcome={"enum": ["open", "answered", "corrected", "lapsed", "taken_back"]},
        ),
    },
    messages={"type": "array", "items": _object(at=_MOMENT, text=_STRING)},
    appeal=_nullable(
        _object(
            decision={"type": "integer", "minimum": 1},
            state={"enum": ["possible", *(str(state) for state in AppealState)]},
            until=_nullable(_DAY),
        )
    ),
    links={
        "type": "object",
        "properties": {"self": _STRING, "listing": _STRING, "receipt": _STRING},
        "required": ["self"],
        "additionalProperties": False,
    },
)

_ITEM = _object(
    listing_id=_UUID,
    version={"type": "integer", "minimum": 1},
    published_at=_MOMENT,
    digest=_DIGEST,
    data=_ref("Listing"),
)
_CHANGE = _object(
    seq={"type": "integer", "minimum": 1},
    type={"enum": [f"listing.{kind}" for kind in ChangeKind]},
    listing_id=_UUID,
    version={"type": "integer", "minimum": 1},
    occurred_at=_MOMENT,
    reason={
        "type": ["string", "null"],
        "description": "Why the listing is out, as a code; null where it is in.",
    },
    digest=_nullable(_DIGEST),
    data={**_nullable(_ref("Listing")), "description": "The version; null where the listing is out."},
)


def _page(item: Schema, cursor: Schema) -> Schema:
    return _object(
        items={"type": "array", "items": item},
        next=cursor,
        has_more={"type": "boolean"},
        generated_at={
            **_MOMENT,
            "description": "When this was sent. What a listing stands for: `data_as_of`.",
        },
    )


_ASKED: Schema = {"type": "object", "description": "What was asked: the buyer, and the members of the use."}
_FIT: dict[str, Schema] = {
    "listing_id": _UUID,
    "version": {"type": "integer", "minimum": 1},
    "digest": _DIGEST,
    "basis": _DIGEST,
    "decided_by": {"enum": ["policy", "person"]},
    "verdict": {"enum": [str(verdict) for verdict in Verdict]},
    "reasons": {
        "type": "array",
        "items": _object(
            rule=_STRING,
            title=_TEXT,
            outcome=_STRING,
            effect={"enum": ["review", "reject"]},
            reason=_STRING,
            message=_TEXT,
            basis={"type": "array", "items": _STRING},
        ),
    },
    "policy": {"type": "array", "items": _STRING},
    "use": {"type": "object", "description": "The whole use that was judged: as declared, and as asked."},
    "as_of": _nullable(_MOMENT),
    "evidence_as_of": _nullable(_MOMENT),
}
_TRUTH: Schema = {"enum": ["true", "false"]}
_USE_PARAMETERS: list[Schema] = [
    _query("buyer", _STRING, "Code of a buyer: its own rules count. Left out: the national ones alone."),
    _query(
        "confidentiality", {"type": "integer", "minimum": 1, "maximum": 3}, "Class of the common standards."
    ),
    _query("personal_data", _TRUTH, "Personal data is handled."),
    _query("my_number", _TRUTH, "My Number data is handled."),
    _query("low_impact", _TRUTH, "Low-impact work (ISMAP-LIU)."),
    _query("route", {"enum": list(ROUTES)}, "How the buyer would contract."),
    _query("value_jpy", {"type": "integer", "minimum": 0, "maximum": LARGEST_VALUE}, "Value in yen."),
]

_LIMIT = _query("limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}, "Items a page.")

_SUBMIT: Schema = {
    "operationId": "submit",
    "summary": "Submit an application, signed as Standard Webhooks 1.0 say.",
    "description": "Answered once the application is in the database. The same message may be sent again at "
    "any time: it opens no second case. Bodies to 64 KiB, times within 300 s.",
    "security": [{"webhook": []}],
    "parameters": [
        _header(
            "webhook-id", "1 to 255 letters, digits and signs of _ ~ : @ + / = -; the same on every retry."
        ),
        _header("webhook-timestamp", "Seconds since 1970, of this attempt."),
        _header("webhook-signature", "`v1,…` or `v1a,…`, several separated by spaces; eight are looked at."),
        _header("sekisho-sender", "Name or id of the sender.", required=False),
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Submission")}}},
    "responses": {
        "202": _answer("Accepted.", _ref("Accepted"), "Location"),
        "200": _answer("The same message came before.", _ref("Accepted"), "Location", "webhook-repeated"),
        **_problems(400, 401, 408, 413, 415, 422, 429, 503),
    },
}
_STATUS: Schema = {
    "operationId": "status",
    "summary": "See how an own application stands and what is asked of the vendor.",
    "security": [{"bearer": []}, {"webhook": []}],
    "parameters": [_path("id", _UUID), _IF_NONE_MATCH],
    "responses": {
        "200": _answer("The application as it stands.", _ref("Status"), "ETag", "Retry-After"),
        "304": _NOT_MODIFIED,
        **_problems(400, 401, 404, 503),
    },
}
_MESSAGE: Schema = {
    "operationId": "message",
    "summary": "Withdraw an application, answer a question or appeal, signed as a submission is.",
    "description": "`application.withdrawn`, `question.answered` or `appeal.submitted`. Done once it is "
    "answered. The same message may be sent again at any time: it is not acted on twice.",
    "security": [{"webhook": []}],
    "parameters": _SUBMIT["parameters"],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"oneOf": [_ref(schema.name.capitalize()) for schema in schemas.MESSAGES.values()]}
            }
        },
    },
    "responses": {
        "200": _answer(
            "Done, now or when it came before.", _ref("Accepted"), "Content-Location", "webhook-repeated"
        ),
        **_problems(400, 401, 408, 413, 415, 422, 429, 503),
    },
}
_LISTINGS: Schema = {
    "operationId": "listings",
    "summary": "Read the listings in force, page by page.",
    "security": [],
    "parameters": [_query("page_token", _STRING, "`next` of the page before."), _LIMIT, _IF_NONE_MATCH],
    "responses": {
        "200": _answer("A page; `next` is null on the last.", _ref("ListingPage"), "Link", "ETag"),
        "304": _NOT_MODIFIED,
        **_problems(400, 503),
    },
}
_CHANGES: Schema = {
    "operationId": "changes",
    "summary": "Follow the catalog: every change, oldest first, without gaps.",
    "description": "Start without `after`, or with the snapshot and its position; then always give the last "
    "`next`. Below what is kept it is 410, and Link names the snapshot. Positions are in the order of "
    "commits; a change is never inserted before one that was read. A tombstone takes a listing out and says "
    "why: hidden, suspended, withdrawn and expired are different things.",
    "security": [],
    "parameters": [
        _query("after", {"type": "integer", "minimum": 0, "default": 0}, "The position read last."),
        _query(
            "wait",
            {"type": "integer", "minimum": 0, "maximum": 60, "default": 0},
            "Seconds for which the answer is held back while there are no changes beyond the position.",
        ),
        _LIMIT,
        _IF_NONE_MATCH,
    ],
    "responses": {
        "200": _answer("Changes beyond the position, maybe none.", _ref("ChangePage"), "Link", "ETag"),
        "304": _NOT_MODIFIED,
        **_problems(400, 410, 503),
    },
}
_SNAPSHOT: Schema = {
    "operationId": "snapshot",
    "summary": "Take the whole catalog as a file, and the position from which to follow the feed.",
    "description": "Gzipped NDJSON. The first line is `{schema, position, count, digest, generated_at}`, "
    "then a line a listing as on its pages, in the order of the ids. `digest` is the SHA-256 of one line a "
    "listing, `{listing_id} {version} {digest}` with a line feed, in that order. Parts may be asked for by "
    "Range.",
    "security": [],
    "parameters": [_IF_NONE_MATCH, _header("range", "Bytes (RFC 9110, 14).", required=False)],
    "responses": {
        "200": _answer(
            "The file.",
            {"type": "string", "format": "binary"},
            *("ETag", "Link", "Sekisho-Position", "Sekisho-Count", "Sekisho-State"),
            media_type="application/gzip",
        ),
        "206": {"description": "The part that was asked for."},
        "304": _NOT_MODIFIED,
        **_problems(503),
    },
}
_LISTING: Schema = {
    "operationId": "listing",
    "summary": "Read one listing; its ETag is its digest.",
    "security": [],
    "parameters": [_path("id", _UUID), _IF_NONE_MATCH],
    "responses": {
        "200": _answer("The version in force.", _ref("Listing"), "ETag", "Last-Modified", "Link"),
        "304": _NOT_MODIFIED,
        **_problems(404, 410, 503),
    },
}


_FIT_ONE: Schema = {
    "operationId": "fit",
    "summary": "Ask whether a listing fits a use: approve, review or reject, with reasons.",
    "description": "What is left out is as the vendor declared it. The rules are those of today, the "
    "evidence is that of the listing; no source is asked and nothing is kept.",
    "security": [],
    "parameters": [_path("id", _UUID), *_USE_PARAMETERS],
    "responses": {"200": _answer("The verdict.", _ref("Fit")), **_problems(400, 404, 410, 503)},
}
_FIT_MANY: Schema = {
    "operationId": "fits",
    "summary": "Ask the same of a page of listings, or of those that are named.",
    "security": [],
    "parameters": [
        *_USE_PARAMETERS,
        {
            **_query(
                "listing", {"type": "array", "items": _UUID, "maxItems": 100}, "Listings, instead of a page."
            ),
            "explode": True,
        },
        _query("page_token", _STRING, "`next` of the page before."),
        _query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "Items a page."),
    ],
    "responses": {"200": _answer("The verdicts.", _ref("FitPage")), **_problems(400, 404, 410, 503)},
}


def _schema_operation(*more: Schema) -> Schema:
    names = {"enum": sorted({schema.name for schema in schemas.SCHEMAS})}
    return {
        "operationId": "schema_version" if more else "schema",
        "summary": "Read a JSON Schema (2020-12)"
        + (" in one version." if more else " in its newest version."),
        "security": [],
        "parameters": [_path("name", names), *more, _IF_NONE_MATCH],
        "responses": {
            "200": _answer("The schema.", {"type": "object"}, "ETag", media_type="application/schema+json"),
            "304": _NOT_MODIFIED,
            **_problems(404),
        },
    }


_RECEIPT: Schema = {
    "operationId": "receipt",
    "summary": "Read the signed receipt of the decision in force on an own application.",
    "description": "A JSON Web Signature (RFC 7515, compact, Ed25519); its payload obeys the schema Receipt.",
    "security": [{"bearer": []}, {"webhook": []}],
    "parameters": [_path("id", _UUID), _IF_NONE_MATCH],
    "responses": {
        "200": _answer("The receipt.", _STRING, "ETag", "Link", media_type="application/jose"),
        "304": _NOT_MODIFIED,
        **_problems(400, 401, 404, 503),
    },
}

_RECEIPT_OF_DECISION: Schema = {
    "operationId": "receiptOfDecision",
    "summary": "Read the receipt of a decision, as its listing links it.",
    "security": [],
    "parameters": [_path("id", _UUID), _IF_NONE_MATCH],
    "responses": {
        "200": _answer("The receipt.", _STRING, "ETag", "Link", media_type="application/jose"),
        "304": _NOT_MODIFIED,
        **_problems(404, 503),
    },
}
_RECEIPT_BY_DIGEST: Schema = {
    "operationId": "receiptByDigest",
    "summary": "Read a receipt by its digest, as the status links it.",
    "security": [],
    "parameters": [_path("digest", _DIGEST), _IF_NONE_MATCH],
    "responses": {
        "200": _answer("The receipt.", _STRING, "ETag", "Link", media_type="application/jose"),
        "304": _NOT_MODIFIED,
        **_problems(404, 503),
    },
}

_JOURNAL_HEAD: Schema = {
    "operationId": "readJournalHead",
    "summary": "Read the newest signed head of the journal.",
    "description": "Keep one, and a later export can be held to it: `sekisho audit verify --head`.",
    "security": [],
    "parameters": [_IF_NONE_MATCH],
    "responses": {
        "200": _answer(
            "The head.",
            _object(
                position={"type": "integer", "minimum": 1},
                sha256=_DIGEST,
                root=_DIGEST,
                at=_MOMENT,
                head={"type": "string", "description": "The same, signed: a JWS (RFC 7515), compact."},
            ),
            "ETag",
        ),
        "304": _NOT_MODIFIED,
        **_problems(404, 503),
    },
}

_KEYS: Schema = {
    "operationId": "readKeys",
    "summary": "Read the public keys that verify heads and receipts (JWKS, RFC 7517).",
    "security": [],
    "parameters": [_IF_NONE_MATCH],
    "responses": {
        "200": _answer(
            "Keys in force, and those that signed before.",
            _object(
                keys={
                    "type": "array",
                    "items": _object(
                        kty={"const": "OKP"},
                        crv={"const": "Ed25519"},
                        x=_STRING,
                        kid=_STRING,
                        use={"const": "sig"},
                        alg={"const": "Ed25519"},
                    ),
                }
            ),
            "ETag",
            media_type="application/jwk-set+json",
        ),
        "304": _NOT_MODIFIED,
        **_problems(503),
    },
}


def _probe(name: str, summary: str, *statuses: int) -> Schema:
    faults = {"type": "array", "items": _STRING}
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "responses": {
            str(status): _answer(
                "Whether it is so, and what is in the way.", _object(ok={"type": "boolean"}, faults=faults)
            )
            for status in (200, *statuses)
        },
    }
