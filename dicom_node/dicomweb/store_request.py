"""One STOW-RS request: its parts are stored as they arrive, and what came of each is kept."""

import threading

import structlog

from dicom_node.association_rows import AssociationRows
from dicom_node.dicomweb.multipart_reading import MultipartMalformed, MultipartReader
from dicom_node.dicomweb.stored_part import Outcome, PartDoor, StoredPart
from dicom_node.statuses import StoreStatus

log = structlog.get_logger(__name__)


class StoreRequest:
    """Takes the body in pieces, in whichever thread; an association of the ledger while it lasts.

    Every part that was answered with success in `outcomes` is in the ledger, however it ends.
    """

    def __init__(self, door: PartDoor, rows: AssociationRows, boundary: str, parts_max: int):
        self.outcomes: list[Outcome] = []
        self._door = door
        self._rows = rows
        self._part: StoredPart | None = None
        self._is_over = self._is_closed = False
        self._turn = threading.Lock()  # a request that is cancelled may be closed amid a piece
        self._reader = MultipartReader(boundary, self, parts_max)

    def feed(self, data: bytes) -> bool:
        """Whether more is wanted: nothing is, once the body cannot be taken apart."""
        with self._turn:
            if not self._is_over:
                try:
                    self._reader.feed(data)
                except MultipartMalformed as error:
                    self._break_off(str(error))
            return not self._is_over

    def finish(self) -> None:
        """The body is complete."""
        with self._turn:
            if not self._is_over:
                try:
                    self._reader.finish()
                except MultipartMalformed as error:
                    self._break_off(str(error))

    def break_off(self, reason: str, http_status: int) -> None:
        """Nothing more will come: what is not complete is not kept."""
        with self._turn:
            if not self._is_over:
                self._break_off(reason, http_status)

    def close(self) -> None:
        """The request is over, and with it the association."""
        with self._turn:
            if self._is_closed:
                return
            self._is_over = self._is_closed = True
            if self._part is not None:
                self._part.discard()
            self._rows.end(self._door.association)
            _log_request(self._door, self.outcomes)

    def begin_part(self, headers: dict[str, str]) -> None:
        self._part = StoredPart(self._door, headers)

    def write(self, data: bytes) -> None:
        if self._part is not None:
            self._part.write(data)

    def end_part(self) -> None:
        if self._part is not None:
            self.outcomes.append(self._part.end())
            self._part = None

    def _break_off(self, reason: str, http_status: int = 400) -> None:
        self._is_over = True
        if self._part is None:
            self.outcomes.append(
                Outcome(StoreStatus.NOT_UNDERSTOOD, reason, http_status=http_status)
            )
            return
        self.outcomes.append(self._part.cut_off(reason))
        self._part = None


def _log_request(door: PartDoor, outcomes: list[Outcome]) -> None:
    failed = [one for one in outcomes if not one.is_stored]
    log.info(
        "stow",
        association_id=door.association.association_id,
        address=door.association.remote["address"],
        stored=len(outcomes) - len(failed),
        failed=len(failed),
        statuses=sorted({f"0x{one.status:04X}" for one in failed}) or None,
    )
