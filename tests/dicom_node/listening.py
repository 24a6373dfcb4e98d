"""A listener on a port of its own with its ledger and spool, and a client that may misbehave."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import AE, build_context
from pynetdicom.association import Association as ScuAssociation
from pynetdicom.dsutils import encode
from pynetdicom.pdu_primitives import P_DATA
from sqlalchemy import Engine, select

from db.session import open_ledger, reading
from db.tables import Analysis, Association, Instance, Job
from dicom_node.listener import Listener, ListenerConfig
from dicom_node.policy import AssociationPolicy
from dicom_node.spool import FileSpool
from tests.dicom_node.sent_objects import encoded

AE_TITLE = "OSTEON"


@dataclass
class Node:
    """The listener and what it has on its hands."""

    listener: Listener
    engine: Engine
    spool: FileSpool

    @property
    def port(self) -> int:
        return self.listener.port

    @property
    def live_associations(self) -> int:
        return self.listener.association_count

    def instances(self, sop_instance_uid: str) -> list[Instance]:
        return self._rows(select(Instance).where(Instance.sop_instance_uid == sop_instance_uid))

    def analyses(self) -> list[Analysis]:
        return self._rows(select(Analysis))

    def analyse_jobs(self, instance_id: int) -> list[Job]:
        return self._rows(select(Job).where(Job.subject_id == instance_id))

    def open_associations(self) -> list[Association]:
        return self._rows(select(Association).where(Association.closed_at.is_(None)))

    def temporary_files(self) -> list[Path]:
        return list((self.spool.root / "incoming").iterdir())

    def kept_files(self) -> list[Path]:
        return [path for path in (self.spool.root / "kept").rglob("*") if path.is_file()]

    def assert_kept(self, dataset: Dataset) -> None:
        """The object has one row, and a file that ends with the very bytes that were sent."""
        [row] = self.instances(dataset.SOPInstanceUID)
        with self.spool.open(row.spool_key) as file:
            content = file.read()
        assert content[:132] == bytes(128) + b"DICM"
        assert content.endswith(encoded(dataset, row.transfer_syntax_uid))
        assert hashlib.sha256(content).hexdigest() == row.sha256 == row.spool_key
        assert len(content) == row.size_bytes

    def _rows(self, statement: Any) -> list[Any]:
        with reading(self.engine) as session:
            rows = list(session.scalars(statement))
            session.expunge_all()
            return rows


@contextlib.contextmanager
def running_node(
    ledger_url: str, folder: Path, policy: AssociationPolicy | None = None, **config: Any
) -> Iterator[Node]:
    """A started node; `config` are fields of ListenerConfig, and `reserve_bytes` of the spool."""
    spool = FileSpool(folder, reserve_bytes=config.pop("reserve_bytes", 0))
    settings = ListenerConfig(
        policy=policy or AssociationPolicy(AE_TITLE), name="test", **({"port": 0} | config)
    )
    engine = open_ledger(ledger_url)
    listener = Listener(settings, engine, spool)
    listener.start()
    try:
        yield Node(listener, engine, spool)
    finally:
        listener.stop(drain_seconds=2)
        engine.dispose()


@contextlib.contextmanager
def associated(
    port: int,
    *sop_classes: str,
    transfer_syntax: str = ExplicitVRLittleEndian,
    calling: str = "MODALITY",
    called: str = AE_TITLE,
) -> Iterator[ScuAssociation]:
    ae = AE(calling)
    contexts = [build_context(sop_class, transfer_syntax) for sop_class in sop_classes]
    association = ae.associate("127.0.0.1", port, contexts=contexts, ae_title=called)
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def store(association: ScuAssociation, dataset: Dataset) -> int:
    """Send a data set as it should be sent, and return the status."""
    sop_class_uid = str(dataset.SOPClassUID)
    [context] = [c for c in association.accepted_contexts if c.abstract_syntax == sop_class_uid]
    data = encoded(dataset, context.transfer_syntax[0])
    return send_command(association, context.context_id, store_command(dataset), data)


def store_command(dataset: Dataset, **changes: Any) -> Dataset:
    """A C-STORE-RQ for the data set, with `changes` by keyword."""
    command = Dataset()
    command.AffectedSOPClassUID = dataset.SOPClassUID
    command.CommandField = 0x0001
    command.MessageID = 7
    command.Priority = 0
    command.CommandDataSetType = 0x0001
    command.AffectedSOPInstanceUID = dataset.SOPInstanceUID
    for keyword, value in changes.items():
        command[keyword].value = UID(value, validation_mode=0)
    return command


def send_command(
    association: ScuAssociation, context_id: int, command: Dataset, data: bytes
) -> int:
    """Send whatever command with whatever data, and return the status; TimeoutError without one."""
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        time.sleep(0.001)
    try:
        for value in _values(command, data):
            association.dul.send_pdu(_data_primitive(context_id, value))
        _, response = association.dimse.get_msg(block=True)
    finally:
        association._reactor_checkpoint.set()
    if response is None:
        raise TimeoutError("the association ended without an answer")
    return int(response.Status)


def send_without_waiting(
    association: ScuAssociation, context_id: int, command: Dataset, data: bytes
) -> None:
    """Send the command and all of the data but its last fragment."""
    for value in list(_values(command, data))[:-1]:
        association.dul.send_pdu(_data_primitive(context_id, value))


def _values(command: Dataset, data: bytes) -> Iterator[bytes]:
    """Presentation data values with their control headers (PS3.8 E.2)."""
    group = encode(command, True, True) or b""
    length = len(group).to_bytes(4, "little")
    yield b"\x03" + b"\x00\x00\x00\x00\x04\x00\x00\x00" + length + group
    pieces = [data[start : start + 16000] for start in range(0, len(data), 16000)] or [b""]
    for piece in pieces[:-1]:
        yield b"\x00" + piece
    yield b"\x02" + pieces[-1]


def _data_primitive(context_id: int, value: bytes) -> P_DATA:
    primitive = P_DATA()
    primitive.presentation_data_value_list = [[context_id, value]]
    return primitive


def eventually(condition: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
