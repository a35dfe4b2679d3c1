"""Policies: the packs, the officers' tables, proposals with what they change and would have decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from tornado.web import HTTPError

from pipeline.calendar import day_of
from pipeline.people import Role
from rules.backtest import Backtest
from rules.charts import bars
from rules.library import Library
from rules.pack import Pack, PackError
from rules.sheets import Sheet
from storage.decisions import SqlHistory
from storage.policies import Publication, PublicationError
from tasks.policies import ProposalError, Standing, approve, pack_of, propose, standings
from web.desk.page import Page, id_or_none
from web.desk.pages import policy
from web.desk.pages.actions import read_day
from web.desk.pages.case import tomorrow

LARGEST = 1_000_000
"""Bytes of a pack file."""


class PolicyHandler(Page):
    """A page about policies."""

    def today(self) -> date:
        """Today in Japan."""
        return day_of(self.desk.clock.now())

    def publications(self) -> list[Publication]:
        """Every version that officers proposed."""
        with self.desk.memory.read() as tx:
            return tx.policies.all()

    def in_force(self) -> Library:
        """The packs in force today."""
        return policy.current(self.publications(), self.today())


class Policies(PolicyHandler):
    """The packs and how they stand; officers propose one here."""

    needs = {"GET": Role.VIEWER, "POST": Role.OFFICER}  # noqa: RUF012 - as in Gate

    async def get(self) -> None:
        """List them."""
        await self._show([])

    async def post(self) -> None:
        """Propose a pack."""
        uploaded = self.request.files.get("file", [])
        text = uploaded[0]["body"].decode("utf-8", errors="replace") if uploaded else self._typed()
        effective = read_day(self.field("effective"))
        said = []
        if effective is None:
            said.append(self.language.translate("Choose the first day on which the pack is in force."))
        elif len(text) > LARGEST:
            said.append(self.language.translate("The file is too large."))
        else:
            desk, name = self.desk, self.person.name
            try:
                made = await self.run(propose, desk.memory, desk.clock, text, name, effective)
            except PackError as error:
                said += [str(fault) for fault in error.faults]
            except (ProposalError, PublicationError) as error:
                said.append(str(error))
            else:
                self.redirect(self.reverse_url("desk_proposal", str(made.id)))
                return
        self.set_status(422)
        await self._show(said, text)

    def _typed(self) -> str:
        return str(self.get_body_argument("text", "", strip=False))

    async def _show(self, said: Sequence[str], typed: str = "") -> None:
        found = await self.run(self._rows)
        self.show(
            "desk_policies.html",
            rows=found,
            said=said,
            typed=typed,
            tomorrow=tomorrow(self.desk.clock.now()).isoformat(),
            candidate=self.desk.settings.policy_candidate,
            base=self.desk.settings.policy,
        )

    def _rows(self) -> list[policy.PackRow]:
        return policy.rows(self.publications(), self.today())


class PackPage(PolicyHandler):
    """The officers' tables of a pack in force."""

    async def get(self, name: str) -> None:
        """Show them."""
        lead, sheets = await self.run(self._read, name)
        self.show("desk_pack.html", name=name, lead=lead, sheets=sheets)

    def _read(self, name: str) -> tuple[list[str], list[Sheet]]:
        try:
            return policy.tables(self.in_force().pack(name), self.language.code)
        except PackError:
            raise HTTPError(404) from None


@dataclass(frozen=True, slots=True)
class _Reading:
    publication: Publication
    standing: Standing
    lead: list[str]
    sheets: list[Sheet]
    changes: Sheet | None
    faults: list[str]


class ProposalPage(PolicyHandler):
    """A proposed pack: what it says and changes, and what it would have decided; another officer approves."""

    needs = {"GET": Role.VIEWER, "POST": Role.OFFICER}  # noqa: RUF012 - as in Gate

    async def get(self, text: str) -> None:
        """Show it."""
        await self._show(text, "")

    async def post(self, text: str) -> None:
        """Approve it."""
        if self.field("sure") != "yes":
            await self._show(text, self.language.translate("Say that you are sure."))
            return
        desk, name, said = self.desk, self.person.name, ""
        try:
            await self.run(approve, desk.memory, desk.clock, self._id(text), name)
        except PublicationError as error:
            if error.code == "unknown":
                raise HTTPError(404) from None
            known = {
                "same_officer": self.language.translate("You proposed it; another officer has to approve."),
                "approved_already": self.language.translate("It is approved already."),
            }
            said = known.get(error.code, str(error))
            self.set_status(403 if error.code == "same_officer" else 409)
        except (PackError, ProposalError) as error:
            said = str(error)
            self.set_status(422)
        await self._show(text, said)

    def _id(self, text: str) -> UUID:
        found = id_or_none(text)
        if found is None:
            raise HTTPError(404)
        return found

    async def _show(self, text: str, said: str) -> None:
        read = await self.run(self._read, self._id(text))
        self.show(
            "desk_proposal.html",
            read=read,
            standing=policy.STANDINGS[read.standing],
            said=said,
            own=read.publication.proposed_by == self.person.name,
            open=read.standing is Standing.PROPOSED,
        )

    def _read(self, publication_id: UUID) -> _Reading:
        publications = self.publications()
        found = [one for one in publications if one.id == publication_id]
        if not found:
            raise HTTPError(404)
        publication, language = found[0], self.language.code
        standing = standings(publications, self.today())[publication.id]
        try:
            pack = pack_of(publication)
        except PackError as error:
            return _Reading(publication, standing, [], [], None, [str(fault) for fault in error.faults])
        lead, sheets = policy.tables(pack, language)
        before = self.in_force().packs.get(pack.name)
        return _Reading(publication, standing, lead, sheets, policy.changes(before, pack, language), [])


class BacktestPage(PolicyHandler):
    """What a proposed pack would have decided of what was judged last. It changes nothing."""

    async def get(self, text: str) -> None:
        """Try it."""
        publication_id = id_or_none(text)
        if publication_id is None:
            raise HTTPError(404)
        try:
            publication, result = await self.run(self._try, publication_id)
        except PackError as error:
            raise HTTPError(409, "; ".join(str(fault) for fault in error.faults)) from None
        title = self.language.translate("Rules that flip decisions")
        self.show(
            "desk_backtest.html", publication=publication, tried=result, chart=bars(title, result.causes)
        )

    def _try(self, publication_id: UUID) -> tuple[Publication, policy.Tried]:
        with self.desk.memory.read() as tx:
            try:
                publication = tx.policies.get(publication_id)
            except PublicationError:
                raise HTTPError(404) from None
        pack: Pack = pack_of(publication)
        before, after = policy.rulesets(self.desk.settings.policy, self.in_force(), pack)
        history = SqlHistory(self.desk.database)
        run = Backtest(before, after, publication.effective, simulation=False)
        dossiers = ((one.reference, one.dossier) for one in history.latest(policy.MOST_DOSSIERS))
        return publication, policy.tried(run, dossiers, history.count)
