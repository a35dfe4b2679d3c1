"""The fault table: every connector before every fault; and the kit before connectors that are careless."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from connectors import (
    conformance,
    gbizinfo,
    installed,
    invoice,
    ismap,
    isms,
    nta,
    privacymark,
    startup,
    suspension,
)
from connectors.conformance import CASES, Nonconformance, Reply, Specimen, examine
from connectors.sandbox import registrations
from connectors.sandbox.registers import Reply as Answer
from connectors.sandbox.registers import Request
from connectors.sandbox.registers.gbizinfo import TOKEN, GBizInfoRegister
from connectors.sandbox.registers.invoice import InvoiceRegister
from connectors.sandbox.registers.nta import APPLICATION_ID, NtaRegister
from connectors.sandbox.registers.pages import (
    IsmapRegister,
    IsmsRegister,
    PrivacyMarkRegister,
    StartupRegister,
    SuspensionRegister,
)
from connectors.sandbox.world import load
from pipeline.errors import SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Evidence, Inquiry, Presence

WORLD = load()
LISTS = registrations.of(WORLD)
NOBODY = "4060003990120"
KEYS = {"application_id": "K9secretK9sec", "token": "K9secretK9secretK9secret"}


def number(key: str) -> str:
    return WORLD.company(key).identifiers["JP-JCN"]


def reply(answer: Answer) -> Reply:
    assert answer.status in {200, 404}
    status = "200 OK" if answer.status == 200 else "404 Not Found"
    return Reply(answer.body, answer.media_type, status)


def inquiry(source: str, scheme: str, subject: str, role: str = "vendor", name: str = "") -> Inquiry:
    return Inquiry(source, role, OrganisationId(scheme, subject), name)


def specimen(
    factory: Callable[[Mapping[str, str]], Any],
    asked: Inquiry,
    other: str,
    found: list[Answer],
    absent: list[Answer],
    settings: tuple[str, ...] = (),
    status_404: str = "refused",
) -> Specimen:
    return Specimen(
        factory=factory,
        inquiry=asked,
        other=replace(asked, subject=replace(asked.subject, id=other), name="株式会社別人"),
        found=tuple(map(reply, found)),
        absent=tuple(map(reply, absent)),
        settings={name: KEYS[name] for name in settings},
        secrets=frozenset(settings),
        status_404=status_404,
    )


def from_nta(subject: str, form: str) -> list[Answer]:
    query = f"id={APPLICATION_ID}&number={subject}&type={form}&history=1"
    return [NtaRegister(WORLD).answer("num", query)]


def from_invoice(subject: str) -> list[Answer]:
    query = f"id={APPLICATION_ID}&number={subject}&type=21"
    return [InvoiceRegister(WORLD, LISTS).answer("num", query)]


def from_gbizinfo(subject: str, *lists: str) -> list[Answer]:
    register = GBizInfoRegister(WORLD, LISTS)
    headers = {"x-hojininfo-api-token": TOKEN}
    return [
        register.answer_request(Request("GET", f"{subject}{part}", "", headers))
        for part in ("", *(f"/{name}" for name in lists))
    ]


def from_suspension(name: str) -> list[Answer]:
    form = f"jigyoubunya=shimeiteishi&jigyousya={name}".encode("ascii", "replace")
    request = Request("POST", "nega-inf/cgi-bin/search.cgi", "", {}, form)
    return [SuspensionRegister(LISTS).answer_request(request)]


def csv_of(form: str) -> Callable[[Mapping[str, str]], nta.Nta]:
    return lambda settings: nta.connector({**settings, "form": form})


HOMEI, NIHON = number("homei"), "株式会社ことのは会議録"
SUSPENDED = (
    b"%E6%9C%89%E9%99%90%E4%BC%9A%E7%A4%BE%E5%BC%93%E3%83%B6%E6%B5%9C%E6%B0%B4%E7%94%A3%E5%8A%A0%E5%B7%A5"
)
SPECIMENS = {
    "jp.nta in XML": specimen(
        nta.connector, inquiry("jp.nta", "JP-JCN", HOMEI), NOBODY,
        from_nta(HOMEI, "12"), from_nta(NOBODY, "12"), ("application_id",),
    ),
    "jp.nta in CSV": specimen(
        csv_of("02"), inquiry("jp.nta", "JP-JCN", HOMEI), NOBODY,
        from_nta(HOMEI, "02"), from_nta(NOBODY, "02"), ("application_id",),
    ),
    "jp.invoice": specimen(
        invoice.connector, inquiry("jp.invoice", "JP-INVOICE", f"T{HOMEI}"), f"T{NOBODY}",
        from_invoice(f"T{HOMEI}"), from_invoice(f"T{NOBODY}"), ("application_id",),
    ),
    "jp.gbizinfo": specimen(
        gbizinfo.connector, inquiry("jp.gbizinfo", "JP-JCN", HOMEI), NOBODY,
        from_gbizinfo(HOMEI, *gbizinfo.LISTS), from_gbizinfo(NOBODY), ("token",), "absent",
    ),
    "jp.ismap": specimen(
        ismap.connector, inquiry("jp.ismap", "JP-ISMAP", "C99-0001-2", "ismap"), "C97-0001-1",
        [IsmapRegister(LISTS).answer("csm", "id=cloud_service_list")],
        [Answer(200, "text/html", "<html><p>登録されているサービスはありません。</p></html>".encode())],
    ),
    "jp.isms": specimen(
        isms.connector, inquiry("jp.isms", "JP-ISMS", "HQ-27001-0101", "iso27001"), "HQ-27001-0999",
        [IsmsRegister(LISTS).answer("lst/ind/CR_HQ-27001-0101.html", "")],
        [IsmsRegister(LISTS).answer("lst/ind/CR_HQ-27001-0999.html", "")],
    ),
    "jp.privacymark": specimen(
        privacymark.connector, inquiry("jp.privacymark", "JP-PMARK", "99000103"), "99000999",
        [PrivacyMarkRegister(LISTS).answer("pmark/details", "login_number=99000103")],
        [PrivacyMarkRegister(LISTS).answer("pmark/details", "login_number=99000999")],
    ),
    "jp.suspension": specimen(
        suspension.connector, inquiry("jp.suspension", "JP-JCN", number("yumigahama"), name="弓ヶ浜"), NOBODY,
        from_suspension(SUSPENDED.decode()), from_suspension("nobody"),
    ),
    "jp.startup": specimen(
        startup.connector, inquiry("jp.startup", "JP-JCN", number("kotonoha"), "j-startup", NIHON), NOBODY,
        [StartupRegister(LISTS).answer("startups/", "")],
        [Answer(200, "text/html", "<html><p>該当する企業はありません。</p></html>".encode())],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", SPECIMENS)
def test_fault_table(name: str, case: str) -> None:
    CASES[case](SPECIMENS[name])


def test_every_japanese_source_is_in_the_fault_table() -> None:
    examined = {name.partition(" ")[0] for name in SPECIMENS}
    assert examined == {source for source in installed.BUILT_IN if source.startswith("jp.")}


class Careless:
    """A connector to be caught: each mistake is switched on by its name."""

    source = "xx.careless"

    def __init__(self, settings: Mapping[str, str], mistake: str = "") -> None:
        self._good = invoice.connector(settings)
        self._url = settings["base_url"]
        self._key = settings["application_id"]
        self._mistake = mistake
        self._reads = 0

    def inquiries(self, application: Any) -> list[Inquiry]:
        return list(self._good.inquiries(application))

    def fetch(self, asked: Inquiry) -> Capture:
        if self._mistake == "fetch raises":
            raise OSError
        try:
            capture = self._good.fetch(asked)
        except SourceUnavailable as error:
            if self._mistake == "another word":
                raise SourceUnavailable("jp.invoice", "oh no") from None
            if self._mistake == "the key in the error":
                raise SourceUnavailable("jp.invoice", error.reason, self._key) from None
            if self._mistake == "an outage is an absence":
                return replace(SEEN, body=SPECIMENS["jp.invoice"].absent[0].body)
            raise
        if self._mistake == "the key in the address":
            return replace(capture, url=f"{capture.url}{self._key}")
        return capture

    def parse(self, asked: Inquiry, capture: Capture) -> Evidence:
        self._reads += 1
        if self._mistake == "parse asks the network":
            socket.create_connection(("127.0.0.1", 9)).close()
        if self._mistake == "parse raises":
            json.loads(capture.body)
        if self._mistake == "parse gives none":
            return None  # type: ignore[return-value]
        if self._mistake == "everything is absent":
            return replace(self._good.parse(asked, capture), presence=Presence.ABSENT)
        if self._mistake == "everything is found":
            return replace(self._good.parse(asked, capture), presence=Presence.FOUND)
        if self._mistake == "anybody's record":
            return replace(self._good.parse(SPECIMENS["jp.invoice"].inquiry, capture), subject=asked.subject)
        if self._mistake == "another role":
            return replace(self._good.parse(asked, capture), role="maker")
        if self._mistake == "no JSON":
            return replace(self._good.parse(asked, capture), record={"x": object()})
        if self._mistake == "not pure":
            CALLS.append(1)
            return replace(self._good.parse(asked, capture), record={"reads": len(CALLS)})
        return self._good.parse(asked, capture)

    def close(self) -> None:
        self._good.close()


CALLS: list[int] = []
SEEN = conformance._fetched(SPECIMENS["jp.invoice"], SPECIMENS["jp.invoice"].found)


def careless(mistake: str) -> Specimen:
    return replace(SPECIMENS["jp.invoice"], factory=lambda settings: Careless(settings, mistake))


@pytest.mark.parametrize(
    ("mistake", "case", "fault"),
    [
        ("fetch raises", "500", "fetch raised OSError"),
        ("fetch raises", "a subject that is found", "not taken: OSError"),
        ("another word", "500", "closed set"),
        ("the key in the error", "500", "application_id is shown"),
        ("the key in the address", "a subject that is found", "application_id is shown"),
        ("an outage is an absence", "500", "absent, not server_error"),
        ("an outage is an absence", "429", "taken for an answer"),
        ("parse asks the network", "parse is pure and needs no network", "reaches out"),
        ("parse raises", "hostile bytes", "parse raised"),
        ("parse gives none", "a subject that is found", "no evidence"),
        ("everything is absent", "a subject that is found", "and found"),
        ("everything is found", "a subject that is unknown", "is found"),
        ("anybody's record", "an answer about somebody else", "another's record"),
        ("another role", "a subject that is found", "role"),
        ("no JSON", "a subject that is found", "no JSON"),
        ("not pure", "parse is pure and needs no network", "two ways"),
    ],
)
def test_the_kit_catches_a_connector_that_breaks_its_word(mistake: str, case: str, fault: str) -> None:
    with pytest.raises(Nonconformance, match=fault):
        CASES[case](careless(mistake))


def test_every_finding_is_told_by_its_case() -> None:
    findings = list(examine(careless("another role")))
    assert [finding.case for finding in findings] == list(CASES)
    faults = {finding.case: finding.fault for finding in findings if finding.fault}
    assert set(faults) == {"a subject that is found"}
    assert str(findings[0]).startswith("a subject that is found: the evidence is not")
    assert str(findings[-1]) == "changed layout: nothing: conforms"
