"""What connectors are told so that they ask the sandbox."""

from __future__ import annotations

from connectors.sandbox.registers.brreg import BrregRegister
from connectors.sandbox.registers.companies_house import CompaniesHouseRegister
from connectors.sandbox.registers.entreprises import EntreprisesRegister
from connectors.sandbox.registers.fedramp import FedrampRegister
from connectors.sandbox.registers.gbizinfo import TOKEN
from connectors.sandbox.registers.gleif import GleifRegister
from connectors.sandbox.registers.invoice import InvoiceRegister
from connectors.sandbox.registers.nta import APPLICATION_ID, NtaRegister
from connectors.sandbox.registers.pages import (
    IsmapRegister,
    IsmsRegister,
    PrivacyMarkRegister,
    StartupRegister,
    SuspensionRegister,
)
from connectors.sandbox.registers.vies import ViesRegister
from connectors.sandbox.registers.yente import YenteRegister

_KEYS = {
    NtaRegister.source: {"application_id": APPLICATION_ID},
    InvoiceRegister.source: {"application_id": APPLICATION_ID},
    "jp.gbizinfo": {"token": TOKEN},
    CompaniesHouseRegister.source: {"api_key": "sandbox"},
    ViesRegister.source: {"legal_basis": "invented numbers of invented companies"},
}

_BASES = {
    "jp.gbizinfo": "gbizinfo/v2/hojin",
    **{
        register.source: register.base
        for register in (
            NtaRegister,
            InvoiceRegister,
            IsmapRegister,
            IsmsRegister,
            PrivacyMarkRegister,
            SuspensionRegister,
            StartupRegister,
            GleifRegister,
            CompaniesHouseRegister,
            BrregRegister,
            EntreprisesRegister,
            ViesRegister,
            FedrampRegister,
            YenteRegister,
        )
    },
}


def sources(root: str) -> dict[str, dict[str, str]]:
    """The settings of every source that a sandbox at this address serves: what ``SEKISHO_SOURCES`` takes."""
    return {
        source: {"base_url": f"{root}/{base}", **_KEYS.get(source, {})} for source, base in _BASES.items()
    }
