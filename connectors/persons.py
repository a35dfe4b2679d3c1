"""Which sources' answers may name people, so that their captures can be erased on request.

Readers leave people's names out of evidence; the capture, which is the answer as it came, has them.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.installed import BUILT_IN

PERSONS: Mapping[str, str] = {
    "jp.gbizinfo": "names of representatives",
    "jp.invoice": "names and addresses of sole traders",
    "jp.suspension": "names of representatives in notices",
    "int.gleif": "names of sole proprietors",
    "no.brreg": "names and addresses of sole proprietors",
    "fr.entreprises": "names and addresses of sole traders",
    "eu.vies": "names and addresses of traders",
    "us.fedramp": "addresses of contact persons",
    "screening.yente": "people on lists",
}
"""What the built-in sources may name, each for a reason that its own module gives."""


def may_name_people(source: str) -> bool:
    """Whether an answer of this source may; of a connector that is not ours nobody knows better."""
    return source in PERSONS or source not in BUILT_IN
