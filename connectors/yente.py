"""``screening.yente``: candidates from lists of sanctions and debarments, found by yente (OpenSanctions).

Source: yente 5.5 (its interface and data classes). Either the hosted service (a key, 0.10 EUR a question, a
monthly quota and then 429) or one's own server without a key. yente is free software; **the data are free for
non-commercial use only**: whether a public body needs a licence is to be asked before this is switched on.
There is no default address.

**A candidate is a case for a person, never a finding.** The scores are of names first: measured, ``Siemens
AG`` is 0.90 of ``Siemens Energy AG``, and 日本電気 is 0.77 of 日本電産, both above the threshold and both
wrong; a Japanese name with its legal form at the other end scores nothing. Its silence means that no list in
the dataset has anything like it under this spelling, no more.

Several subjects go in one request, as many as a hundred. People are not asked for, and the name of one that
comes all the same stays out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from connectors import schemas, strict
from connectors.evidence import evidence, unasked
from connectors.limits import Rate
from connectors.parties import parties
from connectors.strict import Unexpected
from connectors.terms import Terms
from connectors.transport import DEFAULT_LIMITS, Limits, Transport
from pipeline.documents import Json, digest
from pipeline.errors import ConfigurationError
from pipeline.model import Capture, Evidence, Inquiry, Text

SOURCE = "screening.yente"
BATCH = 100
RATES = (Rate(10, 1),)
"""Ours: the hosted service limits by the month, one's own server by what it bears."""

DATASET = "default"
THRESHOLD = 0.70
"""From which score yente calls a candidate a match; its own default."""

TOPICS = ("sanction", "sanction.linked", "debarment", "export.control", "corp.disqual")
"""What is screened for: sanctions, debarments, export controls, disqualified companies."""

CANDIDATES = 5

ENTITY_SCHEME = "XI-OPENSANCTIONS"

_PROPERTIES: Mapping[str, str] = {
    "XI-LEI": "leiCode", "US-UEI": "uniqueEntityId", "XI-VAT": "vatCode",
    "JP-JCN": "registrationNumber", "GB-COH": "registrationNumber", "NO-BRC": "registrationNumber",
    "FR-INSEE": "registrationNumber", "IE-CRO": "registrationNumber",
}  # fmt: skip
"""Which property of a FollowTheMoney company holds the number of a scheme."""


_ORGANISATIONS = frozenset({"Company", "Organization", "LegalEntity", "PublicBody"})
"""Schemata whose captions are names of organisations. (A ship or a security is no personal matter either, but
no vendor.)"""


class Yente:
    """The connector. Its record has one key beside ``threshold``:

    ``candidates``, best first, each with ``id``, ``name`` (of an organisation only), ``schema``, ``score`` (0
    to 1), ``match`` (whether that reaches the threshold), ``parts`` (the features that were scored, and what
    each gave), ``topics``, ``datasets``, ``programs``, ``countries``, ``numbers`` (register numbers and LEIs)
    and ``last_change``; left out where the answer does not say.

    The subject is found if a candidate matches.

    :param api_key: of the hosted service; blank for a server without. A secret.
    :param own_network: the server is in the operator's own network; then plain ``http`` will do.
    """

    source = SOURCE
    rates = RATES
    asked_by = ("subject", "name")
    terms = Terms(
        licence=Text("データは非営利利用に限り無償", "the data are free for non-commercial use only"),
        silence=Text("この表記に近いものは名簿にない", "no list has the like under this spelling"),
    )
    batch_size = BATCH

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str = "",
        dataset: str = DATASET,
        threshold: float = THRESHOLD,
        own_network: bool = False,
        contact: str = "",
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._threshold = threshold
        parameters = [("limit", str(CANDIDATES)), ("threshold", str(threshold))]
        parameters += [("topics", topic) for topic in TOPICS]
        self._target = f"/match/{quote(dataset, safe='')}?{urlencode(parameters)}"
        self._transport = Transport(
            SOURCE,
            base_url,
            accept=("application/json",),
            headers={"Authorization": f"ApiKey {api_key}"} if api_key else {},
            own_network=own_network,
            contact=contact,
            limits=limits,
        )

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for vendor and maker each: by its name and its first identifier."""
        for party in parties(application):
            if party.identifiers:
                yield Inquiry(SOURCE, party.role, party.identifiers[0], party.name)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The candidates for one subject."""
        return self.fetch_many([inquiry])

    def fetch_many(self, inquiries: Sequence[Inquiry]) -> Capture:
        """The candidates for up to a hundred subjects; the same question is asked once."""
        queries = {_key(inquiry): _query(inquiry) for inquiry in inquiries}
        return self._transport.post(self._target, orjson.dumps({"queries": queries}), "application/json")

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read what an answer says to this subject's question."""
        with strict.reading(capture):
            answer = strict.json_object(capture.body)
            schemas.check(SOURCE, answer)
            matches = answer["responses"].get(_key(inquiry))
            if matches is None:
                raise Unexpected("the answer has none to this question")
            candidates = [_candidate(result) for result in matches["results"]]
            if any(two["score"] > one["score"] for one, two in pairwise(candidates)):
                raise Unexpected("the candidates are not in the order of their scores")
        record = {"threshold": self._threshold, "candidates": candidates}
        found = any(candidate["match"] for candidate in candidates)
        return evidence(inquiry, capture, record, found=found)

    def evidence_in(self, capture: Capture) -> list[Evidence]:
        """The candidates of a saved answer, or the entities of a file of them (one JSON object a line).

        :raises SourceChanged: when it is neither.
        """
        with strict.reading(capture):
            if b'"responses"' in capture.body:
                answer = strict.json_object(capture.body)
                schemas.check(SOURCE, answer)
                records = [
                    _candidate(result)
                    for matches in answer["responses"].values()
                    for result in matches["results"]
                ]
            else:
                entities = [strict.json_object(line) for line in capture.body.splitlines() if line.strip()]
                for entity in entities:
                    schemas.check(SOURCE, entity, "entity")
                records = [_candidate(entity) for entity in entities]
        return [unasked(SOURCE, ENTITY_SCHEME, record["id"], capture, record) for record in records]

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()


def connector(settings: Mapping[str, str]) -> Yente:
    """The connector from ``base_url`` and, as wished, ``api_key``, ``dataset``, ``threshold`` (from 0 to 1),
    ``network`` (``private`` for a server in the own network), ``contact`` and ``timeout``.

    :raises ConfigurationError: when one of them cannot be used.
    """
    network = settings.get("network", "public")
    try:
        threshold = float(settings.get("threshold", THRESHOLD))
    except ValueError:
        threshold = -1.0
    faults = [
        *([] if 0 < threshold <= 1 else [f"{SOURCE}: threshold is a number above 0 and up to 1"]),
        *([] if network in {"public", "private"} else [f"{SOURCE}: network is public or private"]),
    ]
    if faults:
        raise ConfigurationError(faults)
    return Yente(
        settings["base_url"],
        api_key=settings.get("api_key", ""),
        dataset=settings.get("dataset", DATASET),
        threshold=threshold,
        own_network=network == "private",
        contact=settings.get("contact", ""),
        limits=Limits.of(settings),
    )


def _key(inquiry: Inquiry) -> str:
    """The name of the inquiry's question in a batch: by what is asked, not by its place."""
    return digest([inquiry.subject.scheme, inquiry.subject.id, inquiry.name]).removeprefix("sha256:")[:24]


def _query(inquiry: Inquiry) -> dict[str, Any]:
    subject = inquiry.subject
    state = subject.scheme.partition("-")[0]
    properties = {
        "name": [inquiry.name] if inquiry.name else [],
        _PROPERTIES.get(subject.scheme, "registrationNumber"): [subject.id],
        "jurisdiction": [] if state == "XI" else [state.lower()],
    }
    return {
        "schema": "Company",
        "properties": {key: values for key, values in properties.items() if values},
    }


def _candidate(entity: Json) -> dict[str, Any]:
    properties = entity["properties"]
    parts = entity.get("features") or {
        feature: part["score"] for feature, part in entity.get("explanations", {}).items()
    }
    candidate = {
        "id": entity["id"],
        "name": entity["caption"] if entity["schema"] in _ORGANISATIONS else None,
        "schema": entity["schema"],
        "score": entity.get("score"),
        "match": entity.get("match"),
        "parts": parts or None,
        "topics": sorted(properties.get("topics", ())),
        "datasets": sorted(entity.get("datasets", ())),
        "programs": sorted(properties.get("programId", ())) or None,
        "countries": sorted({*properties.get("jurisdiction", ()), *properties.get("country", ())}) or None,
        "numbers": sorted({*properties.get("registrationNumber", ()), *properties.get("leiCode", ())})
        or None,
        "last_change": entity.get("last_change"),
    }
    return {key: value for key, value in candidate.items() if value is not None}
