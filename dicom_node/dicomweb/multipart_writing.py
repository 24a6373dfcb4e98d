"""Puts a multipart body together piece by piece (RFC 2387, PS3.18 8.7.5)."""

import uuid
from collections.abc import Iterable, Iterator

from fastapi.responses import StreamingResponse
from pydicom.uid import ExplicitVRLittleEndian

from dicom_node.dicomweb.media_types import Form


def multipart_response(form: Form, parts: Iterable[Iterable[bytes]]) -> StreamingResponse:
    """Each part comes in pieces, and none is asked for before the last one was sent."""
    boundary = uuid.uuid4().hex
    syntax = f"transfer-syntax={ExplicitVRLittleEndian}"
    part_type = f"Content-Type: {form.media_type}; {syntax}"
    headers = {"Content-Type": f"{form}; boundary={boundary}; {syntax}"}
    return StreamingResponse(_encoded(boundary, part_type, parts), headers=headers)


def _encoded(boundary: str, part_type: str, parts: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    for part in parts:
        yield f"--{boundary}\r\n{part_type}\r\n\r\n".encode()
        yield from part
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()
