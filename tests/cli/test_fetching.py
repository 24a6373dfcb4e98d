"""`osteon fetch` and `osteon reconcile` against a PACS that lacks nothing, and one that fails."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import Engine

from cli.reconciling import Period
from db.reconciliation import load_ledger_studies
from db.results import study_results
from db.session import open_ledger, reading
from db.upgrade import upgrade_ledger
from tests.cli.shell import Outcome, Shell
from tests.db.ledger import NO_FRACTURE, analyse, deliver, report
from tests.dicom_node.archive import Archive, running_archive, stored, stored_study

SINCE = ("--since", "2026-01-01", "--until", "2026-01-31")


@pytest.fixture(scope="module")
def archive() -> Iterator[Archive]:
    with running_archive() as archive:
        yield archive


@pytest.fixture(scope="module")
def ledger(shell: Shell) -> Iterator[Engine]:
    data_dir = shell.folder / "data"
    data_dir.mkdir()
    url = f"sqlite:///{data_dir / 'ledger.sqlite'}"
    upgrade_ledger(url)
    engine = open_ledger(url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def stocked(shell: Shell, archive: Archive, ledger: Engine) -> list[Dataset]:
    """Of three studies the node has delivered one, has half of one, and nothing of the last."""
    delivered, incomplete, unknown = stored_study(1), stored_study(2), stored_study(1)
    archive.datasets = [delivered[0], incomplete[0]]
    outcome = fetch(shell, archive, delivered[0], incomplete[0])
    assert outcome.code == 0, outcome.stderr
    analyse(ledger, NO_FRACTURE, NO_FRACTURE)
    for _ in range(2):
        report(ledger, str(archive.destination))
        deliver(ledger)
    results = _results_at(ledger, archive, delivered[0].StudyInstanceUID)
    archive.datasets = [*delivered, *results, *incomplete, *unknown, stored(Modality="CT")]
    archive.asked.clear()
    return [delivered[0], incomplete[0], unknown[0]]


def _results_at(ledger: Engine, archive: Archive, study: str) -> list[Dataset]:
    """The study's results, as objects that the archive has taken."""
    with reading(ledger) as session:
        [known] = load_ledger_studies(session, [study], [str(archive.destination)]).values()
    assert len(known.results) == 2
    same = {"StudyInstanceUID": study, "Modality": "SR"}
    return [stored(SOPInstanceUID=uid, **same) for uid in known.results]


def fetch(shell: Shell, archive: Archive, *studies: Dataset, **settings: Any) -> Outcome:
    uids = [word for one in studies for word in ("--study", one.StudyInstanceUID)]
    return shell.run("fetch", "--peer", archive.destination, *uids, "--json", **settings)


def reconcile(shell: Shell, archive: Archive, *options: str) -> Outcome:
    pacs = archive.destination
    return shell.run("reconcile", "--peer", pacs, *SINCE, *options, destinations=pacs)


def outcomes(answer: Outcome) -> dict[str, tuple[str, int | None]]:
    return {
        one["study_instance_uid"]: (one["outcome"], one["missing"]) for one in answer.documents()
    }


def test_what_is_missing_is_told_fetched_and_then_no_more_missing(
    shell: Shell, archive: Archive, stocked: list[Dataset], ledger: Engine
) -> None:
    delivered, incomplete, unknown = (one.StudyInstanceUID for one in stocked)
    first = reconcile(shell, archive, "--json", "--by-count")
    assert (first.code, outcomes(first)) == (
        42,
        {delivered: ("delivered", 0), incomplete: ("incomplete", 1), unknown: ("unknown", None)},
    )
    # The counts of the delivered study agree, its results included: its images are not asked for.
    deeper = [one for one in archive.asked if one.QueryRetrieveLevel != "STUDY"]
    assert {one.StudyInstanceUID for one in deeper} == {incomplete}
    address = str(archive.destination)
    sentence = f"3 studies in {address}, 1 delivered, 1 incomplete, 1 never arrived"
    assert sentence in first.stderr
    mended = reconcile(shell, archive, "--json", "--backfill")
    assert mended.code == 0, mended.stderr
    assert outcomes(mended) == {
        delivered: ("delivered", 0),
        incomplete: ("waiting", 0),
        unknown: ("waiting", 0),
    }
    assert {one["fetched"] for one in mended.documents()} == {None, 1}
    again = reconcile(shell, archive)
    assert again.code == 0
    assert unknown in again.stdout
    assert again.stdout.splitlines()[-1] == f"3 studies in {address}, 1 delivered, 2 in work"
    with reading(ledger) as session:
        assert {one["images"] for one in study_results(session)} == {1, 2}
    assert "Müller" not in first.stdout + first.stderr + mended.stdout + mended.stderr


def test_what_cannot_be_fetched_stays_missing_with_its_reason(
    shell: Shell, archive: Archive, stocked: list[Dataset]
) -> None:
    lost = stored()
    archive.datasets = [lost]
    answer = reconcile(shell, archive, "--backfill", "--by", "move", "--json")
    [said] = answer.documents()
    assert (answer.code, said["outcome"], said["fetched"]) == (42, "unknown", 0)
    assert "add our AE title there with our host and port" in said["reason"]
    assert "1 study in" in answer.stderr


def test_a_pacs_that_dies_while_it_is_asked_for_the_rest(
    shell: Shell, archive: Archive, stocked: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found out until then is told all the same."""
    archive.datasets = [stored()]

    def sending(event: Any, _wanted: list[Dataset]) -> Iterator[Any]:
        event.assoc.abort()
        yield from ()

    monkeypatch.setattr(archive, "_sending", sending)
    answer = reconcile(shell, archive, "--backfill", "--json")
    assert (answer.code, [one["outcome"] for one in answer.documents()]) == (60, ["unknown"])
    assert "1 never arrived" in answer.stderr


def test_a_pacs_without_studies_proves_nothing(
    shell: Shell, archive: Archive, stocked: list[Dataset]
) -> None:
    archive.datasets = []
    assert reconcile(shell, archive).code == 21


def test_a_fetched_study_is_counted(shell: Shell, archive: Archive, ledger: Engine) -> None:
    study = stored_study(2, AccessionNumber="A-1")
    archive.datasets = study
    answer = shell.run_anew("fetch", "--peer", archive.destination, "--accession", "A-1")
    uid = study[0].StudyInstanceUID
    assert (answer.code, answer.stdout) == (0, f"{uid}: 2 found, 2 stored, 0 here before\n")


def test_objects_too_large_for_us_do_not_arrive(
    shell: Shell, archive: Archive, ledger: Engine
) -> None:
    archive.datasets = [stored(rows=1024, columns=1024)]
    answer = fetch(shell, archive, archive.datasets[0], object_max_bytes=1 << 20)
    assert answer.code == 61
    [study] = answer.documents()
    assert (study["stored"], study["refused"]) == (0, 1)
    assert "our log says what we refused" in study["reason"]
    assert "objects may have 1048576 bytes" in answer.stderr


def test_what_the_pacs_lacks_is_named_and_the_rest_is_fetched(
    shell: Shell, archive: Archive, ledger: Engine
) -> None:
    archive.datasets = [stored()]
    answer = fetch(shell, archive, stored(StudyInstanceUID="1.2.3"), archive.datasets[0])
    assert (answer.code, [one["stored"] for one in answer.documents()]) == (21, [1])
    assert "the PACS has no study 1.2.3\n" in answer.stderr


UNUSABLE = [
    (["fetch", "--accession", "A*"], "is no accession number"),
    (["reconcile", "--since", "yesterday"], "neither a date"),
]


@pytest.mark.parametrize(("arguments", "words"), UNUSABLE)
def test_what_cannot_be_meant(shell: Shell, arguments: list[str], words: str) -> None:
    answer = shell.run(arguments[0], "--peer", "PACS@127.0.0.1:104", *arguments[1:])
    assert (answer.code, answer.stdout) == (1, "")
    assert words in answer.stderr


def test_periods_as_people_write_them() -> None:
    whole_days = Period.of("UTC", "2026-01-30", "20260131", "24h")
    assert (whole_days.since.hour, whole_days.until.hour) == (0, 23)
    assert whole_days.until.day == 31
    exact = Period.of("Europe/Berlin", "2026-01-30T09:30+00:00", None, "90m")
    assert (exact.since.hour, exact.since.minute, exact.since.tzinfo) == (10, 30, None)
    week = Period.of("UTC", "7d", None, "1h")
    last_week = Period.of("UTC", "7d", "0h", "1h")
    assert (last_week.until - last_week.since).days == 7
    assert (last_week.until - last_week.overdue_before.replace(tzinfo=None)).seconds == 3600
    # A modality's clock may be ahead of ours, or our zone be set wrong.
    assert (week.until - week.since).days == 8
    with pytest.raises(ValueError, match="later than"):
        Period.of("UTC", "2026-02-01", "2026-01-31", "24h")
    with pytest.raises(ValueError, match="no duration"):
        Period.of("UTC", "7d", None, "soon")
