"""Storage Commitment over real associations: what is asked of us, and what is said to us."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import structlog
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, build_context, build_role
from pynetdicom.association import Association
from pynetdicom.sop_class import StorageCommitmentPushModel as PushModel
from pynetdicom.sop_class import UnifiedProcedureStepPush as UPSPush
from pynetdicom.sop_class import Verification
from sqlalchemy import Engine, delete, select, text

from db.commitments import ask_for_proof, save_request
from db.jobs import JobKind
from db.session import open_ledger, reading, transaction
from db.tables import CommitmentRequest, Delivery, Job, PeerRequest
from dicom_node.commitment.messages import (
    NO_SUCH_INSTANCE,
    PUSH_MODEL_INSTANCE,
    Reference,
    answer_message,
    request_message,
)
from dicom_node.peer import Destination
from tests.db.ledger import FRACTURE, analyse, claim, deliver, receive, received, report
from tests.dicom_node.hostile_commitment import HOSTILE, N_ACTION, N_EVENT_REPORT, send_hostile
from tests.dicom_node.listening import AE_TITLE, Node, associated, running_node
from tests.dicom_node.sent_objects import CR

SUCCESS, PROCESSING_FAILURE = 0x0000, 0x0110
NO_SUCH_EVENT_TYPE, INVALID_ARGUMENT, NO_SUCH_ACTION, NOT_AUTHORISED = 0x113, 0x115, 0x123, 0x124
NO_SUCH_SOP_INSTANCE, NO_SUCH_SOP_CLASS = 0x0112, 0x0118
ASKED = [Reference(CR, "1.2.3.1.1"), Reference(CR, "1.2.3.1.2")]
SENT = [Reference("1.2.840.1", "9.1.1.1"), Reference("1.2.840.3", "9.1.1.3")]
QUESTION = "2.25.1"


@pytest.fixture(scope="module")
def node(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """A node that can answer PACS, and has sent it the two objects of a report."""
    peers = [Destination("PACS", "127.0.0.1", 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("db.session.SQLITE_BUSY_SECONDS", 0.2)
        folder = tmp_path_factory.mktemp("spool")
        with running_node(new_ledger("sqlite"), folder, destinations=peers) as running:
            receive(running.engine, received())
            analyse(running.engine, FRACTURE)
            report(running.engine, "PACS")
            deliver(running.engine)
            yield running


@pytest.fixture
def question(node: Node) -> Iterator[str]:
    """The transaction UID of a question about the two, which is forgotten afterwards."""
    with transaction(node.engine) as session:
        ask_for_proof(session, 1, "PACS")
    ours = claim(node.engine, JobKind.CONFIRM)
    with transaction(node.engine) as session:
        save_request(session, ours, QUESTION)
    yield QUESTION
    with transaction(node.engine) as session:
        session.execute(delete(CommitmentRequest))
        session.execute(delete(Job).where(Job.kind == JobKind.CONFIRM))
        for delivery in session.scalars(select(Delivery)):
            delivery.state = "sent"


@pytest.fixture
def no_requests(node: Node) -> Iterator[None]:
    """What peers have asked is forgotten afterwards."""
    yield
    with transaction(node.engine) as session:
        session.execute(delete(PeerRequest))
        session.execute(delete(Job).where(Job.kind == JobKind.ANSWER))


def ask(
    association: Association,
    message: Dataset | None,
    action_type: int = 1,
    sop_class: str = PushModel,
    instance: str = PUSH_MODEL_INSTANCE,
) -> int:
    status, _ = association.send_n_action(
        message, action_type, sop_class, instance, meta_uid=PushModel
    )
    return int(status.Status)


def tell(association: Association, event_type: int, message: Dataset | None) -> int:
    status, _ = association.send_n_event_report(message, event_type, PushModel, PUSH_MODEL_INSTANCE)
    return int(status.Status)


@contextmanager
def called_back(node: Node) -> Iterator[Association]:
    """An association that the PACS opens, to be the SCP on it (PS3.4 J.3.3)."""
    association = AE("PACS").associate(
        "127.0.0.1",
        node.port,
        contexts=[build_context(PushModel, ExplicitVRLittleEndian)],
        ae_title=AE_TITLE,
        ext_neg=[build_role(PushModel, scp_role=True)],
    )
    try:
        [context] = association.accepted_contexts
        assert context.as_scp
        yield association
    finally:
        association.release()


@contextmanager
def ledger_away(node: Node) -> Iterator[None]:
    """Somebody else holds the SQLite database."""
    locker = open_ledger(str(node.engine.url))
    with locker.begin() as connection:
        connection.execute(text("UPDATE study SET study_description = 'locked'"))
        yield
    locker.dispose()


def requests(engine: Engine) -> list[tuple[str, str, int]]:
    with reading(engine) as session:
        found = session.scalars(select(PeerRequest).order_by(PeerRequest.id))
        return [(one.peer_ae_title, one.transaction_uid, len(one.references)) for one in found]


def answer_jobs(engine: Engine) -> int:
    with reading(engine) as session:
        return len(session.scalars(select(Job).where(Job.kind == JobKind.ANSWER)).all())


def states(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return [state.value for state in session.scalars(select(Delivery.state))]


@pytest.mark.usefixtures("no_requests")
def test_a_question_is_written_down_once_however_often_it_is_asked(node: Node) -> None:
    message = request_message("2.25.5", ASKED)
    with associated(node.port, PushModel, calling="PACS") as association:
        assert ask(association, message) == SUCCESS
        assert requests(node.engine) == [("PACS", "2.25.5", 2)]
        assert ask(association, message) == SUCCESS
    with associated(node.port, PushModel, calling="PACS") as association:
        assert ask(association, message) == SUCCESS
        assert ask(association, request_message("2.25.6", ASKED)) == SUCCESS
        assert ask(association, request_message("2.25.6", ASKED[:1])) == INVALID_ARGUMENT
    assert requests(node.engine) == [("PACS", "2.25.5", 2), ("PACS", "2.25.6", 2)]
    assert answer_jobs(node.engine) == 2


def test_a_question_of_one_that_cannot_be_answered_is_refused(node: Node) -> None:
    with associated(node.port, PushModel, calling="STRANGER") as association:
        assert ask(association, request_message("2.25.5", ASKED)) == NOT_AUTHORISED
    assert requests(node.engine) == []


@pytest.mark.filterwarnings("ignore")
def test_wrong_questions_are_refused_on_an_association_that_goes_on(node: Node) -> None:
    good = request_message("2.25.5", ASKED)
    nameless = Dataset()
    nameless.ReferencedSOPSequence = good.ReferencedSOPSequence
    with associated(node.port, PushModel, Verification, calling="PACS") as association:
        assert ask(association, good, action_type=2) == NO_SUCH_ACTION
        assert ask(association, good, sop_class=UPSPush) == NO_SUCH_SOP_CLASS
        assert ask(association, good, instance="1.2.3") == NO_SUCH_SOP_INSTANCE
        assert ask(association, request_message("2.25.5", [])) == INVALID_ARGUMENT
        assert ask(association, nameless) == INVALID_ARGUMENT
        assert ask(association, None) == INVALID_ARGUMENT
        for data in HOSTILE.values():
            assert send_hostile(association, N_ACTION, data) == INVALID_ARGUMENT
        assert association.send_c_echo().Status == SUCCESS
    assert requests(node.engine) == []


@pytest.mark.usefixtures("no_requests")
def test_a_question_that_cannot_be_written_down_is_not_taken(node: Node) -> None:
    message = request_message("2.25.5", ASKED)
    with associated(node.port, PushModel, calling="PACS") as association:
        with ledger_away(node):
            assert ask(association, message) == PROCESSING_FAILURE
        assert ask(association, message) == SUCCESS
    assert requests(node.engine) == [("PACS", "2.25.5", 2)]


def test_a_pacs_that_calls_back_says_what_it_keeps(node: Node, question: str) -> None:
    event_type, message = answer_message(question, SENT[:1], {SENT[1]: NO_SUCH_INSTANCE})
    with called_back(node) as association:
        assert tell(association, event_type, message) == SUCCESS
        assert states(node.engine) == ["committed", "queued"]
    # A PACS that did not hear our Success says it again; that changes nothing, whatever it says.
    with called_back(node) as association:
        assert tell(association, *answer_message(question, SENT, {})) == SUCCESS
    assert states(node.engine) == ["committed", "queued"]


@pytest.mark.filterwarnings("ignore")
def test_wrong_answers_change_nothing(node: Node, question: str) -> None:
    event_type, good = answer_message(question, SENT, {})
    with called_back(node) as association:
        assert tell(association, *answer_message("2.25.9", SENT, {})) == INVALID_ARGUMENT
        assert tell(association, 3, good) == NO_SUCH_EVENT_TYPE
        assert tell(association, event_type, None) == INVALID_ARGUMENT
        for data in HOSTILE.values():
            assert send_hostile(association, N_EVENT_REPORT, data) == INVALID_ARGUMENT
        assert states(node.engine) == ["sent", "sent"]
        with ledger_away(node):
            assert tell(association, event_type, good) == PROCESSING_FAILURE
        assert states(node.engine) == ["sent", "sent"]
        assert tell(association, event_type, good) == SUCCESS
    assert states(node.engine) == ["committed", "committed"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("no_requests")
def test_logs_say_who_asked_and_nothing_of_a_patient(node: Node, question: str) -> None:
    asked, told = request_message("2.25.5", ASKED), answer_message(question, SENT, {})[1]
    for message in (asked, told):
        message.PatientName, message.PatientID = "Müller^Jörg", "P1-SECRET"
        message.ReferencedSOPSequence[0].RetrieveAETitle = "Müller^Jörg"
    wrong = request_message("2.25.5", ASKED)
    wrong.TransactionUID = "Müller^Jörg"
    with structlog.testing.capture_logs() as lines:
        with associated(node.port, PushModel, calling="PACS") as association:
            assert ask(association, asked) == SUCCESS
            assert ask(association, wrong) == INVALID_ARGUMENT
        with called_back(node) as association:
            assert tell(association, 1, told) == SUCCESS
    spoken = [line for line in lines if line["event"].startswith("commitment")]
    assert [(line["message"], line["status"]) for line in spoken] == [
        ("request", "0x0000"),
        ("request", "0x0115"),
        ("answer", "0x0000"),
    ]
    assert {line["calling_ae_title"] for line in spoken} == {"PACS"}
    assert (spoken[2]["kept"], spoken[2]["failed"]) == (2, 0)
    for secret in ("Müller", "Jörg", "SECRET"):
        assert secret not in str(lines)
