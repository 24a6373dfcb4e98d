"""What the node says on the wire, heard on associations with itself on this machine."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pynetdicom import AE, evt

from cli.statement.announcements import Announced, announced, announced_by_listener
from db.session import open_ledger
from db.upgrade import upgrade_ledger
from dicom_node.commitment.answering import send_answer
from dicom_node.commitment.proof import asking
from dicom_node.contexts import commitment_context, query_retrieve_contexts, supported_contexts
from dicom_node.echo import verify_peer
from dicom_node.peer import Destination
from dicom_node.policy import AssociationPolicy
from dicom_node.query_retrieve.query_client import querying
from dicom_node.query_retrieve.retrieve_client import Reception, RetrieveClient, Wanted
from dicom_node.sender import Sender
from dicom_node.spool import FileSpool
from dicom_node.uids import derive_uid

_PEER = "PEER"
_NO_STUDY = derive_uid("conformance statement")


@dataclass(frozen=True)
class Proposal:
    """A presentation context as proposed, with the role that the requestor asks for itself."""

    sop_class_uid: str
    transfer_syntax_uids: tuple[str, ...]
    is_scp: bool


@dataclass(frozen=True)
class Heard:
    """The proposals of each activity, and what both sides announce."""

    proposals: dict[str, tuple[Proposal, ...]]
    requestor: Announced
    acceptor: Announced


def listen_to_ourselves(policy: AssociationPolicy) -> Heard:
    """Runs every client once against a peer that takes all, and calls the listener once."""
    heard: list[Any] = []
    proposals = {}
    with workplace() as reception, _peer(heard) as peer:
        for activity, act in _ACTIVITIES.items():
            act(peer, policy.ae_title, reception)
            proposals[activity] = _proposals(heard[-1])
        acceptor = announced_by_listener(policy, reception)
    return Heard(proposals, announced(heard[-1]), acceptor)


@contextmanager
def workplace() -> Iterator[Reception]:
    """A ledger and a spool that are gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'ledger.sqlite'}"
        upgrade_ledger(url)
        engine = open_ledger(url)
        try:
            yield Reception(engine, FileSpool(Path(folder) / "spool", 0), "conformance statement")
        finally:
            engine.dispose()


@contextmanager
def _peer(heard: list[Any]) -> Iterator[Destination]:
    """A peer that takes whatever is proposed, and has nothing to give."""
    ae = AE(_PEER)
    server: Any = ae.start_server(
        ("127.0.0.1", 0),
        block=False,
        contexts=[*supported_contexts(), *query_retrieve_contexts(), commitment_context()],
        evt_handlers=[
            (evt.EVT_ACCEPTED, lambda event: heard.append(event.assoc.requestor.primitive)),
            (evt.EVT_C_GET, lambda _event: iter([0])),
            (evt.EVT_N_EVENT_REPORT, lambda _event: (0x0000, None)),
        ],
    )
    try:
        yield Destination(_PEER, "127.0.0.1", server.server_address[1])
    finally:
        server.shutdown()


def _verify(peer: Destination, ae_title: str, _reception: Reception) -> None:
    verify_peer(peer, calling_ae_title=ae_title)


def _deliver(peer: Destination, ae_title: str, _reception: Reception) -> None:
    sender = Sender(ae_title)
    sender.accepted_classes(peer)
    sender.close()


def _prove(peer: Destination, ae_title: str, _reception: Reception) -> None:
    with asking(peer, ae_title, lambda _answer: False) as questions:
        assert questions.offers_commitment


def _query(peer: Destination, ae_title: str, _reception: Reception) -> None:
    with querying(peer, ae_title) as pacs:
        assert not pacs.unreadable_matches


def _retrieve(peer: Destination, ae_title: str, reception: Reception) -> None:
    RetrieveClient(peer, ae_title, reception).retrieve(Wanted(_NO_STUDY))


def _answer(peer: Destination, ae_title: str, _reception: Reception) -> None:
    send_answer(peer, ae_title, _NO_STUDY, ([], {}))


_ACTIVITIES = {
    "Verify a peer": _verify,
    "Deliver results": _deliver,
    "Ask for proof": _prove,
    "Query a PACS": _query,
    "Retrieve from a PACS": _retrieve,
    "Answer a commitment request": _answer,
}


def _proposals(primitive: Any) -> tuple[Proposal, ...]:
    scp = {
        str(item.sop_class_uid)
        for item in primitive.user_information
        if getattr(item, "scp_role", False)
    }
    return tuple(
        Proposal(
            str(context.abstract_syntax),
            tuple(map(str, context.transfer_syntax)),
            str(context.abstract_syntax) in scp,
        )
        for context in primitive.presentation_context_definition_list
    )
