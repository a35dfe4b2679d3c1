"""``GET /v1/schemas/{name}``: the JSON Schemas, byte for byte, the newest version or a given one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pipeline import schemas
from pipeline.documents import sha256
from pipeline.problems import NOT_FOUND, Problem
from web.answers import entity

MEDIA_TYPE = "application/schema+json"


async def schema(request: Request) -> Response:
    """One schema."""
    name, version = request.path_params["name"], request.path_params.get("version")
    for candidate in reversed(schemas.SCHEMAS):
        if candidate.name == name and version in {None, str(candidate.version)}:
            headers = {"Cache-Control": "public, max-age=300"}
            return entity(request, candidate.body, sha256(candidate.body), headers, media_type=MEDIA_TYPE)
    raise Problem(NOT_FOUND)
