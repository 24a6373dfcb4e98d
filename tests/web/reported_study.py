"""Studies that were reported, with every kind of result in the spool, for their page to show."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Engine

from db.deliveries import finish_consignment, load_consignment, mark_refused
from db.jobs import JobKind, put_off_job
from db.reports import ReportObject, ReportOutcome, save_report
from db.session import transaction
from db.states import AnalysisState, ObjectKind
from db.tables import ResultObject as ResultRow
from db.worklist_refresh import refresh_worklist
from dicom_node.results.result_object import ResultObject
from tests.db.ledger import claim, open_claimed_report, rows, settle
from tests.dicom_node.results.every_kind import every_kind
from tests.dicom_node.results.report_sources import minimal_cr
from tests.web.shown_study import Clinic

REFUSAL = "PACS answers: it does not allow us to store (status 0x0124)"
_ORU = b"MSH|^~\\&|OSTEON\rOBX|1|TX|fracture\r"


def results_of(number: int) -> Iterator[ResultObject]:
    """An object of each kind, the SR first; each number is another image, so that UIDs differ."""
    return every_kind(minimal_cr(number, rows=81, columns=61))


def sr_of(number: int) -> list[ResultObject]:
    return [next(results_of(number))]


def report_study(
    clinic: Clinic, built: Iterable[ResultObject], *destinations: str, message: bool = False
) -> None:
    """Settle what is ready and save the report of the first study, its bytes in the spool."""
    settle(clinic.engine)
    ours, subject = open_claimed_report(clinic.engine)
    shown = subject.images[0].instance_id
    objects = [_spooled(clinic, one, shown, destinations) for one in built]
    if message:
        kept = clinic.spool.write(_ORU)
        sent = ReportObject(
            ObjectKind.ORU,
            spool_key=kept.key,
            sha256=kept.sha256,
            size_bytes=kept.size_bytes,
            destinations=destinations,
        )
        objects.append(sent)
    states = [image.analysis.state for image in subject.images]
    fracture = AnalysisState.FRACTURE in states
    outcome = ReportOutcome(
        AnalysisState.FRACTURE if fracture else AnalysisState.NONE,
        0.9 if fracture else 0.1,
        tuple(objects),
    )
    with transaction(clinic.engine) as session:
        save_report(session, ours, subject, outcome)


def _spooled(
    clinic: Clinic, built: ResultObject, instance_id: int, destinations: Sequence[str]
) -> ReportObject:
    kept = clinic.spool.write(built.encoded)
    kind = ObjectKind(built.kind.value)
    is_picture = kind in (ObjectKind.SC, ObjectKind.GSPS, ObjectKind.SEG)
    return ReportObject(
        kind,
        spool_key=kept.key,
        sha256=kept.sha256,
        size_bytes=kept.size_bytes,
        destinations=destinations,
        sop_class_uid=built.sop_class_uid,
        sop_instance_uid=built.sop_instance_uid,
        series_instance_uid=built.series_instance_uid,
        instance_id=instance_id if is_picture else None,
    )


def miss_delivery(engine: Engine, error: str) -> None:
    """An attempt at the oldest open consignment fails; the next may follow at once."""
    ours = claim(engine, JobKind.DELIVER)
    with transaction(engine) as session:
        put_off_job(session, ours, error=error, delay_seconds=-1)


def refuse_delivery(engine: Engine, error: str = REFUSAL) -> None:
    """The oldest open consignment is refused for good."""
    ours = claim(engine, JobKind.DELIVER)
    with transaction(engine) as session:
        for item in load_consignment(session, ours.subject_id).items:
            mark_refused(session, ours, item.delivery_id, status=0x0124, error=error)
        finish_consignment(session, ours)


def made(engine: Engine) -> list[ResultRow]:
    return rows(engine, ResultRow)


def make_entries(engine: Engine) -> None:
    while refresh_worklist(engine):
        pass
