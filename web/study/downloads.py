"""Result objects as files: byte for byte as they were sent, under names that name no patient."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from fastapi.responses import Response, StreamingResponse

from db.states import ObjectKind
from db.study_view import ObjectView
from dicom_node.spool import Spool
from web.words import shortened_uid

_PIECE_BYTES = 1 << 18
_PDF = "application/pdf"


@dataclass(frozen=True)
class _Form:
    media_type: str
    suffix: str


_DICOM = _Form("application/dicom", "dcm")
_MESSAGES = {
    ObjectKind.ORU: _Form("text/plain", "hl7"),
    ObjectKind.FHIR: _Form("application/fhir+json", "json"),
}


def file_name(kind: str, uid: str, revision: int, suffix: str) -> str:
    """Kind, revision and the end of the study's UID: harmless in any folder."""
    end = "".join(one for one in shortened_uid(uid) if one.isdigit())
    return f"{kind}-{end or 'study'}-r{revision}.{suffix}"


def send_object(spool: Spool, found: ObjectView, uid: str, revision: int) -> Response:
    """The object as it lies in the spool; raises SpoolError."""
    form = _MESSAGES.get(found.kind, _DICOM)
    name = file_name(_numbered(found), uid, revision, form.suffix)
    headers = _as_file(name) | {"Content-Length": str(found.size_bytes)}
    content = _pieces(spool.open(found.spool_key))
    return StreamingResponse(content, media_type=form.media_type, headers=headers)


def send_document(spool: Spool, found: ObjectView, uid: str, revision: int) -> Response:
    """The PDF itself, without the DICOM object around it; raises SpoolError."""
    from pydicom import dcmread

    with closing(spool.open(found.spool_key)) as stream:
        encapsulated = dcmread(BytesIO(stream.read()))
    length = int(encapsulated.EncapsulatedDocumentLength)
    document = bytes(encapsulated.EncapsulatedDocument[:length])
    name = file_name("report", uid, revision, "pdf")
    return Response(document, media_type=_PDF, headers=_as_file(name))


def _numbered(found: ObjectView) -> str:
    """Of several pictures each has its own number."""
    return f"{found.kind.value}-{found.object_id}"


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    with closing(stream):
        while piece := stream.read(_PIECE_BYTES):
            yield piece
