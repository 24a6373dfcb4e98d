"""The ledger's rows of associations: a study is not complete while one that carried it is open."""

from collections import Counter
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.audit_receptions import Carried
from db.intake import OpenedAssociation, close_association, close_associations_of, open_association
from db.session import LedgerUnavailable, transaction
from dicom_node.discretion import printable

log = structlog.get_logger(__name__)


class AssociationRows:
    """Opens a row at an association's first C-STORE, and closes it whenever the ledger lets it."""

    def __init__(self, engine: Engine, listener: str) -> None:
        self._engine = engine
        self._listener = listener
        self._recorded: dict[str, bool] = {}  # by association ID; False: perhaps
        self._carried: dict[str, Carried] = {}
        self._ended: set[str] = set()

    def close_those_left_open(self) -> None:
        """Close the rows of a listener that was killed, which is this one's former life."""
        with transaction(self._engine) as session:
            close_associations_of(session, self._listener)

    def open_row(self, session: Session, association: Any) -> None:
        """Within the caller's transaction; `confirm` once that is committed."""
        association_id = association.dimse.association_id
        if self._recorded.setdefault(association_id, False):
            return
        opened = OpenedAssociation(
            association_id=association_id,
            listener=self._listener,
            calling_ae_title=printable(association.requestor.ae_title),
            called_ae_title=printable(association.acceptor.ae_title),
            address=association.remote["address"],  # the peer's, whichever side called
        )
        open_association(session, opened)

    def confirm(self, association: Any, study_instance_uid: str, sop_class_uid: str) -> None:
        """An instance that the association carried is committed, or was here already."""
        association_id = association.dimse.association_id
        self._recorded[association_id] = True
        carried = self._carried.setdefault(association_id, {})
        carried.setdefault(study_instance_uid, Counter())[sop_class_uid] += 1

    def end(self, association: Any) -> None:
        """The association is over."""
        if self._recorded.pop(association.dimse.association_id, None) is not None:
            self._ended.add(association.dimse.association_id)
            self.close_ended()

    def close_ended(self) -> None:
        """Close the rows of ended associations; those the ledger refuses wait for the next time."""
        for association_id in list(self._ended):
            try:
                with transaction(self._engine) as session:
                    close_association(session, association_id, self._carried.get(association_id))
            except LedgerUnavailable:
                log.warning("association_row_stays_open", association_id=association_id)
                return
            self._ended.discard(association_id)
            self._carried.pop(association_id, None)
