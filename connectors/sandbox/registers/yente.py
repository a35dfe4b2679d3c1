"""yente: ``POST /match/{dataset}`` over the world's listed bodies.

The score is the share of common words of two names, which is not how yente scores: enough to have candidates
above and below the threshold, with parts that add up.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from connectors.sandbox.registers import Reply, Request
from connectors.sandbox.world import Listed, World

_LARGEST_BATCH = 100


class YenteRegister:
    """``screening.yente``: candidates for a batch of questions."""

    source = "screening.yente"
    base = "yente"
    methods = ("POST",)

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, path: str, query: str) -> Reply:  # noqa: ARG002 - nothing is answered to a GET
        """404: questions are posted."""
        return _reply({"detail": "Not Found"}, status=404)

    def answer_request(self, request: Request) -> Reply:
        """Answer a batch. The subjects are the register numbers that are asked about."""
        if not request.path.startswith("match/"):
            return _reply({"detail": "Not Found"}, status=404)
        parameters = parse_qs(request.query)
        threshold = float(parameters.get("threshold", ["0.7"])[0])
        try:
            queries = json.loads(request.body)["queries"]
            asked = {key: query["properties"] for key, query in queries.items()}
            names = {key: " ".join(properties.get("name", [])) for key, properties in asked.items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return _reply({"detail": "Invalid query"}, status=400)
        if not 0 < len(asked) <= _LARGEST_BATCH:
            return _reply({"detail": f"Between 1 and {_LARGEST_BATCH} queries"}, status=400)
        responses = {
            key: {
                "status": 200,
                "results": self._results(names[key], parameters.get("topics", []), threshold),
                "total": {"value": len(self._world.listed), "relation": "eq"},
                "query": queries[key],
            }
            for key in asked
        }
        subjects = [
            number for properties in asked.values() for number in properties.get("registrationNumber", ())
        ]
        return _reply({"responses": responses, "limit": 5}, tuple(map(str, subjects)))

    def _results(self, name: str, topics: list[str], threshold: float) -> list[dict[str, Any]]:
        scored = [
            (round(_likeness(name, listed.name), 2), listed)
            for listed in self._world.listed
            if not topics or set(topics) & set(listed.topics)
        ]
        best = sorted(scored, key=lambda pair: -pair[0])
        return [self._result(listed, score, threshold) for score, listed in best if score >= 0.4]

    def _result(self, listed: Listed, score: float, threshold: float) -> dict[str, Any]:
        moment = f"{self._world.as_of}T02:00:00"
        return {
            "id": listed.id,
            "caption": listed.name,
            "schema": "Company",
            "properties": {
                "name": [listed.name],
                "jurisdiction": [listed.country],
                "topics": list(listed.topics),
                "programId": list(listed.programs),
            },
            "datasets": list(listed.datasets),
            "referents": [],
            "target": True,
            "first_seen": moment,
            "last_seen": moment,
            "last_change": moment,
            "score": score,
            "match": score >= threshold,
            "explanations": {"name_literal_match": {"score": score, "detail": None}},
        }


def _likeness(one: str, other: str) -> float:
    """Two letters of a word at a time: what share is common."""
    pairs = [
        {text[place : place + 2] for place in range(len(text) - 1)}
        for text in (one.casefold(), other.casefold())
    ]
    union = pairs[0] | pairs[1]
    return len(pairs[0] & pairs[1]) / len(union) if union else 0.0


def _reply(document: dict[str, Any], subjects: tuple[str, ...] = (), status: int = 200) -> Reply:
    return Reply(status, "application/json", json.dumps(document, ensure_ascii=False).encode(), subjects)
