"""The policy in force on a day: published packs over those that come with Sekisho; a candidate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigurationError
from rules.cases import CASES, changed
from rules.facts import dossier_of
from rules.library import PACKS
from rules.pack import PackError
from rules.strict_yaml import read_yaml
from storage.database import Database
from storage.memory import SqlMemory
from storage.policies import PublicationError
from tasks.policies import REFRESH, ProposalError, PublishedPolicy, approve, officer, propose

CLEAN: dict[str, Any] = read_yaml((CASES / "clean-vendor.yaml").read_text("utf-8")).value
SLOW = changed(CLEAN, {"portability.retrieval_days": 45})
NATIONAL = (PACKS / "jp-national.yaml").read_text("utf-8")
TODAY = date(2026, 11, 2)


def national(version: str, days: int) -> str:
    text = NATIONAL.replace("version: 2026.2.0", f"version: {version}")
    return text.replace(
        "retrieval_days: {2024-04-01: {value: 30}", f"retrieval_days: {{2024-04-01: {{value: {days}}}"
    )


@dataclass
class Hands:
    """A clock that is set by hand. It begins at noon in Japan."""

    moment: datetime = datetime(2026, 11, 2, 3, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


@dataclass
class Office:
    memory: SqlMemory
    clock: Hands

    def publish(self, text: str, effective: date, by: str = "alice", and_by: str = "bob") -> None:
        publication = propose(self.memory, self.clock, text, by, effective)
        approve(self.memory, self.clock, publication.id, and_by)

    def policy(self, candidate: str = "") -> PublishedPolicy:
        return PublishedPolicy(self.memory, self.clock, "jp-national", candidate)


@pytest.fixture
def office(database: Database) -> Office:
    return Office(SqlMemory(database), Hands())


def decided(policy: PublishedPolicy, day: date, facts: Any = SLOW) -> str:
    return policy.judge(dossier_of(facts, day)).verdict.value


class TestInForce:
    def test_a_published_pack_counts_from_its_day_on_and_never_before(self, office: Office) -> None:
        office.publish(national("2026.3.0", 60), date(2026, 11, 10))
        policy = office.policy()
        assert [decided(policy, date(2026, 11, day)) for day in (2, 9, 10, 11)] == [
            *("approve", "approve", "review", "review")
        ]
        outcome = policy.judge(dossier_of(SLOW, date(2026, 11, 10))).outcome
        assert outcome["policy"][0].startswith("jp-national@2026.3.0#sha256:")

    def test_the_latest_takes_the_place_of_the_earlier(self, office: Office) -> None:
        office.publish(national("2026.3.0", 60), date(2026, 11, 10))
        office.publish(national("2026.4.0", 40), date(2026, 11, 15))
        policy = office.policy()
        assert [decided(policy, date(2026, 11, day)) for day in (9, 10, 15)] == [
            "approve",
            "review",
            "approve",
        ]

    def test_a_proposal_alone_changes_nothing(self, office: Office) -> None:
        propose(office.memory, office.clock, national("2026.3.0", 60), "alice", TODAY)
        assert decided(office.policy(), TODAY) == "approve"

    def test_a_running_process_learns_of_an_approval(self, office: Office) -> None:
        policy = office.policy()
        assert decided(policy, TODAY) == "approve"
        office.publish(national("2026.3.0", 60), TODAY)
        assert decided(policy, TODAY) == "approve"
        office.clock.moment += REFRESH
        assert decided(policy, TODAY) == "review"

    def test_an_approval_does_not_reach_back(self, office: Office) -> None:
        publication = propose(
            office.memory, office.clock, national("2026.3.0", 60), "alice", date(2026, 11, 4)
        )
        office.clock.moment += timedelta(days=2)
        approve(office.memory, office.clock, publication.id, "bob")
        policy = office.policy()
        assert [decided(policy, date(2026, 11, day)) for day in (3, 4)] == ["approve", "review"]

    def test_a_pack_that_was_tampered_with_judges_nobody(self, office: Office, database: Database) -> None:
        office.publish(national("2026.3.0", 60), TODAY)
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE policy_publications SET digest = 'sha256:0'")
        with pytest.raises(PackError, match="is not the pack that was proposed"):
            decided(office.policy(), TODAY)


class TestPublishing:
    def test_each_step_is_in_the_journal_without_the_pack(self, office: Office) -> None:
        publication = propose(
            office.memory, office.clock, national("2026.3.0", 60), " Alice@Example.JP ", TODAY
        )
        approve(office.memory, office.clock, publication.id, "bob@example.jp")
        with office.memory.read() as tx:
            events = tx.journal.of_case(publication.id)
        assert [(event.name, event.by) for event in events] == [
            ("policy.proposed", "alice@example.jp"),
            ("policy.approved", "bob@example.jp"),
        ]
        assert events[1].data == {
            "pack": "jp-national",
            "version": "2026.3.0",
            "digest": publication.digest,
            "effective": "2026-11-02",
        }

    @pytest.mark.parametrize("by", ["alice", "ALICE", " alice ", "ａｌｉｃｅ"])
    def test_one_officer_under_another_spelling_is_still_one(self, by: str, office: Office) -> None:
        publication = propose(office.memory, office.clock, national("2026.3.0", 60), "Alice", TODAY)
        with pytest.raises(PublicationError) as refused:
            approve(office.memory, office.clock, publication.id, by)
        assert refused.value.code == "same_officer"
        with office.memory.read() as tx:
            assert [event.name for event in tx.journal.of_case(publication.id)] == ["policy.proposed"]

    @pytest.mark.parametrize(
        ("text", "effective", "why"),
        [
            (NATIONAL, TODAY, "comes with Sekisho"),
            (national("2026.3.0", 60), date(2026, 11, 1), "is past"),
            (
                national("2026.3.0", 60).replace("from: 2024-04-01}\nowner", "from: 2027-01-01}\nowner"),
                TODAY,
                "itself",
            ),
            (national("2026.3.0", 60).replace("status: test", "status: draft"), TODAY, "a draft"),
        ],
    )
    def test_what_would_confuse_is_refused(
        self, text: str, effective: date, why: str, office: Office
    ) -> None:
        with pytest.raises(ProposalError, match=why):
            propose(office.memory, office.clock, text, "alice", effective)

    def test_a_pack_that_breaks_another_is_refused(self, office: Office) -> None:
        strict = national("2026.3.0", 60).replace("    relaxable: [track]\n", "")
        with pytest.raises(PackError, match=r"startup\.yaml.*may not relax"):
            propose(office.memory, office.clock, strict, "alice", TODAY)
        with pytest.raises(PackError):
            propose(office.memory, office.clock, "nothing", "alice", TODAY)

    def test_an_approval_comes_by_the_day_or_not_at_all(self, office: Office) -> None:
        publication = propose(office.memory, office.clock, national("2026.3.0", 60), "alice", TODAY)
        office.clock.moment += timedelta(days=1)
        with pytest.raises(ProposalError, match="is past"):
            approve(office.memory, office.clock, publication.id, "bob")

    @pytest.mark.parametrize("name", ["", " ", "a b", "a\nb", "x" * 101, "\0"])
    def test_an_officer_has_a_name(self, name: str) -> None:
        with pytest.raises(ProposalError):
            officer(name)


class TestCandidate:
    def test_a_file_is_tried_beside_the_pack_in_force(self, office: Office, tmp_path: Path) -> None:
        file = tmp_path / "candidate.yaml"
        file.write_text(national("2026.3.0", 60), "utf-8")
        judgement = office.policy(str(file)).judge(dossier_of(SLOW, TODAY))
        assert judgement.verdict == "approve"
        tried = judgement.outcome["candidate"]
        assert tried["decision"] == "review"
        assert [cause["rule"] for cause in tried["causes"]] == ["LCK-02"]

    def test_so_is_a_proposal(self, office: Office) -> None:
        publication = propose(
            office.memory, office.clock, national("2026.3.0", 60), "alice", date(2027, 1, 1)
        )
        judgement = office.policy(str(publication.id)).judge(dossier_of(SLOW, TODAY))
        assert (judgement.verdict, judgement.outcome["candidate"]["decision"]) == ("approve", "review")

    def test_a_track_is_tried_under_the_base_in_force(self, office: Office, tmp_path: Path) -> None:
        file = tmp_path / "startup.yaml"
        text = (PACKS / "startup.yaml").read_text("utf-8").replace("2026.1.0", "2026.9.0")
        file.write_text(text, "utf-8")
        outcome = office.policy(str(file)).judge(dossier_of(CLEAN, TODAY)).outcome
        assert any(citation.startswith("startup@2026.9.0#") for citation in outcome["candidate"]["policy"])
        assert outcome["candidate"]["decision"] == "approve"

    @pytest.mark.parametrize("candidate", ["nothing", "kobe-city", "./absent.yaml"])
    def test_one_that_does_not_load_is_told_at_the_start(self, candidate: str, office: Office) -> None:
        with pytest.raises(ConfigurationError):
            office.policy(candidate)

    def test_nor_does_a_base_that_is_none(self, office: Office) -> None:
        with pytest.raises(ConfigurationError):
            PublishedPolicy(office.memory, office.clock, "nothing")
