"""The listener's way in without its sockets: the transfer, the header, the spool, the ledger."""

from types import SimpleNamespace

from pydicom.dataset import Dataset
from sqlalchemy import Engine

from db.intake import close_association
from db.session import transaction
from dicom_node.association_rows import AssociationRows
from dicom_node.spool import Spool
from dicom_node.store_service import StoreService
from dicom_node.transfer import Transfer
from tests.fuzzing.mutants import Mutant

_OBJECT_MAX_BYTES = 64 << 20
_ASSOCIATION_ID = "f" * 32
_PIECE_BYTES = 16_000


class Door:
    """Stores what it is given as one association would; pynetdicom's part is played here."""

    def __init__(self, engine: Engine, spool: Spool) -> None:
        self._engine, self._spool = engine, spool
        self._service = StoreService(engine, AssociationRows(engine, "fuzz"))
        self._association = SimpleNamespace(
            dimse=SimpleNamespace(
                association_id=_ASSOCIATION_ID, end_transfer=lambda transfer: transfer.discard()
            ),
            requestor=SimpleNamespace(ae_title="FUZZ"),
            acceptor=SimpleNamespace(ae_title="OSTEON"),
            remote={"ae_title": "FUZZ", "address": "127.0.0.1"},
            local={"ae_title": "OSTEON"},
        )

    def store(self, mutant: Mutant) -> int:
        """The status answered."""
        command = Dataset()
        command.AffectedSOPClassUID = mutant.sop_class_uid
        command.AffectedSOPInstanceUID = mutant.sop_instance_uid
        transfer = Transfer(self._spool, _OBJECT_MAX_BYTES)
        transfer.write_file_head(command, mutant.transfer_syntax_uid)
        for at in range(0, len(mutant.data), _PIECE_BYTES):
            transfer.write(mutant.data[at : at + _PIECE_BYTES])
        event = SimpleNamespace(
            request=SimpleNamespace(
                _dataset_file=transfer,
                AffectedSOPClassUID=mutant.sop_class_uid,
                AffectedSOPInstanceUID=mutant.sop_instance_uid,
            ),
            assoc=self._association,
            context=SimpleNamespace(abstract_syntax=mutant.sop_class_uid),
        )
        return int(self._service.handle_store(event).Status)

    def call_from(self, ae_title: str) -> None:
        """Objects come from here on from a caller of this title."""
        self._association.requestor.ae_title = ae_title
        self._association.remote["ae_title"] = ae_title

    def close(self) -> None:
        """The association is over: its studies may settle."""
        with transaction(self._engine) as session:
            close_association(session, _ASSOCIATION_ID)
