"""What is answered during a C-MOVE or C-GET: how many objects went, and which did not."""

from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.dsutils import encode

from dicom_node.query_retrieve.query_identifier import QueryStatus, status_of
from dicom_node.statuses import Verdict


class SubOperations:
    """Counts the C-STORE sub-operations of one retrieval (PS3.4 C.4.2.1.6 to C.4.2.1.9)."""

    def __init__(self, total: int) -> None:
        self.remaining = total
        self.completed = 0
        self.warnings = 0
        self.failed_uids: list[str] = []

    def note(self, sop_instance_uid: str, verdict: Verdict) -> None:
        self.remaining -= 1
        if verdict is Verdict.STORED:
            self.completed += 1
        elif verdict is Verdict.STORED_WITH_WARNING:
            self.warnings += 1
        else:
            self.failed_uids.append(sop_instance_uid)

    def final_status(self) -> QueryStatus:
        """Success where all went, a failure where nothing did, else the warning between them."""
        if not self.failed_uids and not self.warnings:
            return QueryStatus.SUCCESS
        if not self.completed and not self.warnings:
            return QueryStatus.NOTHING_SENT
        return QueryStatus.SENT_IN_PART


class Responses:
    """Makes the responses to one request; `transfer_syntax` is its presentation context's."""

    def __init__(self, event: Any) -> None:
        self._request = event.request
        self._transfer_syntax = event.context.transfer_syntax

    def refused(self, status: QueryStatus, reason: str) -> Any:
        return self._response(status, reason)

    def pending(self, operations: SubOperations) -> Any:
        response = self._response(QueryStatus.PENDING)
        response.NumberOfRemainingSuboperations = operations.remaining
        return _counted(response, operations)

    def final(self, status: QueryStatus, operations: SubOperations, reason: str = "") -> Any:
        """Only a cancelled retrieval has a remainder; all but Success names what failed."""
        response = self._response(status, reason)
        if status is QueryStatus.CANCELLED:
            response.NumberOfRemainingSuboperations = operations.remaining
        if status is not QueryStatus.SUCCESS:
            response.Identifier = BytesIO(self._failed_list(operations.failed_uids))
        return _counted(response, operations)

    def _response(self, status: QueryStatus, reason: str = "") -> Any:
        response = type(self._request)()
        response.MessageID = self._request.MessageID
        response.MessageIDBeingRespondedTo = self._request.MessageID
        response.AffectedSOPClassUID = self._request.AffectedSOPClassUID
        for element in status_of(status, reason):
            setattr(response, element.keyword, element.value)
        return response

    def _failed_list(self, uids: list[str]) -> bytes:
        identifier = Dataset()
        identifier.FailedSOPInstanceUIDList = uids
        syntax = self._transfer_syntax
        return encode(identifier, syntax.is_implicit_VR, syntax.is_little_endian) or b""


def _counted(response: Any, operations: SubOperations) -> Any:
    response.NumberOfCompletedSuboperations = operations.completed
    response.NumberOfWarningSuboperations = operations.warnings
    response.NumberOfFailedSuboperations = len(operations.failed_uids)
    return response
