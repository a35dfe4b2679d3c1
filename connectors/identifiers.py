"""Identifiers of organisations: whether one can be, before any register is asked.

The check digits are those of python-stdnum; lengths and alphabets that it leaves open are closed here (its
``lei`` takes ``98``, its ``vat`` adds a zero to a Belgian number of nine digits). Well-formed is not
assigned: only the register knows that. A number whose check digit is wrong is nobody's and is never mended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import stdnum.eu.vat
import stdnum.fr.siren
import stdnum.lei
import stdnum.no.orgnr

from pipeline import corporate_number
from pipeline.identifiers import OrganisationId

_UK = re.compile(r"[0-9]{8}|[A-Z][A-Z0-9][0-9]{3}[A-Z0-9]{3}")
"""Eight digits, or a prefix of two (``SC``, ``NI``, ``OC``, ``FC``, ``R0``, …) and six, mostly digits."""

_VAT = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,12}")
"""As the WSDL of VIES has it, after the country code."""

_UEI = re.compile(r"[A-HJ-NP-Z1-9][A-HJ-NP-Z0-9]{11}")
"""Twelve letters and digits, none of them O or I, the first no zero. No rule of the check digit is public."""


def is_well_formed(identifier: OrganisationId) -> bool:
    """Whether a register of this scheme may have assigned this number.

    False for a scheme that is none of :data:`SCHEMES`.
    """
    check = SCHEMES.get(identifier.scheme)
    return check is not None and check(identifier.id)


def _is_lei(number: str) -> bool:
    return re.fullmatch(r"[0-9A-Z]{18}[0-9]{2}", number) is not None and stdnum.lei.is_valid(number)


def _is_british(number: str) -> bool:
    return _UK.fullmatch(number) is not None and set(number) != {"0"}


def _is_irish(number: str) -> bool:
    return re.fullmatch(r"[0-9]{1,6}", number) is not None and set(number) != {"0"}


def _is_norwegian(number: str) -> bool:
    return re.fullmatch(r"[0-9]{9}", number) is not None and stdnum.no.orgnr.is_valid(number)


def _is_french(number: str) -> bool:
    return re.fullmatch(r"[0-9]{9}", number) is not None and stdnum.fr.siren.is_valid(number)


def _is_vat(number: str) -> bool:
    # What stdnum changes in reading is not the number that the state assigned. Greece is EL there, not GR.
    return (
        _VAT.fullmatch(number) is not None
        and not number.startswith("GR")
        and stdnum.eu.vat.is_valid(number)
        and stdnum.eu.vat.compact(number) == number
    )


def _is_uei(number: str) -> bool:
    return _UEI.fullmatch(number) is not None


SCHEMES: Mapping[str, Callable[[str], bool]] = {
    "JP-JCN": corporate_number.is_well_formed,
    "XI-LEI": _is_lei,
    "GB-COH": _is_british,
    "IE-CRO": _is_irish,
    "NO-BRC": _is_norwegian,
    "FR-INSEE": _is_french,
    "XI-VAT": _is_vat,
    "US-UEI": _is_uei,
}
"""The check of each scheme that an application may name."""
