"""Fetching a study from a PACS, and what became of its objects by the ledger's account."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine

from db.reconciliation import Received, load_received
from db.session import reading
from dicom_node.peer import PeerTrouble, PeerUnavailable
from dicom_node.query_retrieve.query_client import FoundInstance
from dicom_node.query_retrieve.retrieve_client import RetrieveClient, Wanted, Way

_ARRIVED_NOT = {
    Way.GET: "our log says what we refused, the peer's what it could not send",
    Way.MOVE: "does our listener run, and does the peer know its host and port?",
}


@dataclass(frozen=True)
class FetchedStudy:
    """How many objects the PACS named, and how many of these are new, were here, are not here.

    `kept_apart` came with other bytes than we have of the same SOP Instance UID.
    """

    study_instance_uid: str
    found: int
    by: Way | None = None
    stored: int = 0
    duplicate: int = 0
    refused: int = 0
    kept_apart: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class StudyFetch:
    """Fetches into the ledger behind `engine`."""

    engine: Engine
    client: RetrieveClient
    by: Way = Way.AUTO

    def fetch(
        self,
        study_instance_uid: str,
        instances: Collection[FoundInstance],
        series_instance_uids: tuple[str, ...] = (),
    ) -> FetchedStudy:
        """Fetch the study or some of its series, whose `instances` the PACS has named.

        What the PACS answers is a reason; PeerUnavailable is raised where it does not.
        """
        wanted = Wanted(
            study_instance_uid,
            series_instance_uids,
            frozenset(one.sop_class_uid for one in instances),
        )
        before = self._received(study_instance_uid)
        by, reason = self._retrieve(wanted)
        after = self._received(study_instance_uid)
        named = {one.sop_instance_uid for one in instances}
        refused = len(named - after.instances)
        if refused and by is not None:
            reason = f"{refused} of {len(named)} objects did not arrive: {_ARRIVED_NOT[by]}"
        return FetchedStudy(
            study_instance_uid,
            found=len(named),
            by=by,
            stored=len(after.instances - before.instances),
            duplicate=len(named & before.instances),
            refused=refused,
            kept_apart=after.kept_apart - before.kept_apart,
            reason=reason,
        )

    def _retrieve(self, wanted: Wanted) -> tuple[Way | None, str | None]:
        try:
            return self.client.retrieve(wanted, self.by).by, None
        except PeerTrouble as trouble:
            if isinstance(trouble, PeerUnavailable) and trouble.status is None:
                raise  # it is not there, and will not be for the next study
            return None, str(trouble)

    def _received(self, study_instance_uid: str) -> Received:
        with reading(self.engine) as session:
            return load_received(session, study_instance_uid)
