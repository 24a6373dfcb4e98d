"""Sending tried images as a study: by C-STORE to our own listener, as any modality would."""

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from fastapi import HTTPException

from model.not_assessable import NotAssessable
from model.radiograph import Radiograph
from model.radiograph_file import FileKind, kind_of
from web.plan import WebPlan
from web.trial.identity import Identity
from web.trial.trying import decode
from web.window import Window

if TYPE_CHECKING:
    from dicom_node.picture import GreyPixels
    from dicom_node.sendable_file import SendableFile

_MOMENT = "%Y%m%d%H%M%S"
_NO_LISTENER = "This node's listener is not known to the page."
_HOSTS_HINT = (
    "If the listener does not know {aet}, name this machine in `own_hosts` of its settings."
)
_AWAY_HINT = "This is the node's own listener (`osteon up` or `osteon listen`); send again later."


def now_at(plan: WebPlan) -> str:
    """YYYYMMDDHHMMSS on the hospital's clocks."""
    return datetime.now(UTC).astimezone(plan.time_zone).strftime(_MOMENT)


def file_to_send(window: Window, identity: Identity, begun: str, encoded: bytes) -> "SendableFile":
    """A DICOM file as it is, a picture as a DICOM image; HTTPException 422 where it is neither."""
    from dicom_node.header_reading import NotUnderstood
    from dicom_node.picture import UnusablePicture
    from dicom_node.sendable_file import identify_file

    try:
        if kind_of(encoded) is FileKind.DICOM:
            return identify_file(encoded)
        return identify_file(_dicomized(window, identity, begun, encoded))
    except (NotUnderstood, NotAssessable, UnusablePicture) as refusal:
        raise HTTPException(422, f"It cannot be sent: {refusal}.") from refusal


def send(plan: WebPlan, file: "SendableFile") -> None:
    """HTTPException 502 where the listener refuses it, 503 where it cannot take it now."""
    from dicom_node.outbox import send_objects
    from dicom_node.peer import PeerRefused, PeerTrouble

    if plan.listener is None:
        raise HTTPException(503, _NO_LISTENER)
    try:
        send_objects(plan.listener, plan.ae_title, [file.sendable])
    except PeerRefused as refusal:
        hint = "" if refusal.status else f" {_HOSTS_HINT.format(aet=plan.ae_title)}"
        raise HTTPException(502, f"{_sentence(refusal)}{hint}") from refusal
    except PeerTrouble as trouble:
        raise HTTPException(503, f"{_sentence(trouble)} {_AWAY_HINT}") from trouble


def _sentence(trouble: Exception) -> str:
    said = str(trouble)
    return said if said.endswith(("?", ".")) else f"{said}."


def _dicomized(window: Window, identity: Identity, begun: str, encoded: bytes) -> bytes:
    from dicom_node.dicomize import dicomize, write_dicom
    from dicom_node.picture import Picture

    [radiograph] = decode(window, encoded)
    pixels = _stored(radiograph)
    is_lossy = kind_of(encoded) is FileKind.JPEG
    picture = Picture(pixels, lossy_ratio=pixels.nbytes / len(encoded) if is_lossy else None)
    file = BytesIO()
    write_dicom(dicomize(picture, identity.examination(begun), identity.view()), file)
    return file.getvalue()


def _stored(radiograph: Radiograph) -> "GreyPixels":
    """The greys that the classifier saw: in a byte each where that holds them, else in two."""
    greys = radiograph.to_bytes()
    if np.array_equal(Radiograph.of_bytes(greys).pixels, radiograph.pixels):
        return greys
    return np.rint(radiograph.pixels * 65535).astype(np.uint16)
