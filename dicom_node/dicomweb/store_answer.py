"""The Store Instances Response (PS3.18 10.5.3, I.2): what is stored, and why others not."""

from collections.abc import Sequence

from fastapi.responses import JSONResponse
from pydicom.dataset import Dataset

from dicom_node.dicomweb.media_types import DICOM_JSON
from dicom_node.dicomweb.refusals import RETRY_AFTER_SECONDS
from dicom_node.dicomweb.stored_part import Outcome

# Where nothing was stored for several reasons, the first of these: to try again may help most.
_BY_PRECEDENCE = (503, 500, 408, 413, 400, 415, 409)
_REASONS_TOLD_MAX = 8


def store_response(outcomes: Sequence[Outcome], ae_title: str) -> JSONResponse:
    """200 where all parts are stored, 202 where some are; the Warning headers say why not all."""
    status = _http_status(outcomes)
    response = JSONResponse(_described(outcomes).to_json_dict(), status, media_type=DICOM_JSON)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    for reason in _reasons(outcomes):
        response.headers.append("Warning", f'299 {ae_title} "{reason}"')
    return response


def _http_status(outcomes: Sequence[Outcome]) -> int:
    stored = sum(one.is_stored for one in outcomes)
    if stored:
        return 200 if stored == len(outcomes) else 202
    met = {one.http_status for one in outcomes}
    return next((status for status in _BY_PRECEDENCE if status in met), 400)


def _described(outcomes: Sequence[Outcome]) -> Dataset:
    """Nothing received can be had from here: so no URL says where (Type 2, PS3.18 I.2)."""
    stored = [one for one in outcomes if one.is_stored]
    failed = [one for one in outcomes if not one.is_stored and one.sop_instance_uid]
    nameless = [one for one in outcomes if not one.is_stored and not one.sop_instance_uid]
    response = Dataset()
    response.RetrieveURL = ""
    if stored:
        response.ReferencedSOPSequence = [_stored_item(one) for one in stored]
    if failed:
        response.FailedSOPSequence = [_failed_item(one) for one in failed]
    if nameless:
        response.OtherFailuresSequence = [_failure_item(one) for one in nameless]
    return response


def _stored_item(outcome: Outcome) -> Dataset:
    item = _reference(outcome)
    item.RetrieveURL = ""
    return item


def _failed_item(outcome: Outcome) -> Dataset:
    item = _reference(outcome)
    item.FailureReason = outcome.status
    return item


def _failure_item(outcome: Outcome) -> Dataset:
    item = Dataset()
    item.FailureReason = outcome.status
    return item


def _reference(outcome: Outcome) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = outcome.sop_class_uid
    item.ReferencedSOPInstanceUID = outcome.sop_instance_uid
    return item


def _reasons(outcomes: Sequence[Outcome]) -> list[str]:
    reasons = dict.fromkeys(one.reason.replace('"', "'") for one in outcomes if one.reason)
    return list(reasons)[:_REASONS_TOLD_MAX]
