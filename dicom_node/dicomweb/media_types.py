"""Media types of DICOMweb (PS3.18 8.7): what a body is, and which form an answer should have."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import Request
from pydicom.uid import ExplicitVRLittleEndian
from python_multipart.multipart import parse_options_header

from dicom_node.dicomweb.refusals import NotAcceptable

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
OCTETS = "application/octet-stream"
PDF = "application/pdf"
JPEG = "image/jpeg"
PNG = "image/png"
MULTIPART = "multipart/related"
_ALIASES = {"application/json": DICOM_JSON}
_BETWEEN_COMMAS = re.compile(r'(?:[^,"]|"[^"]*")+')


@dataclass(frozen=True)
class MediaType:
    """A media type with its parameters by name."""

    name: str
    parameters: dict[str, str]

    @property
    def preference(self) -> float:
        try:
            return float(self.parameters.get("q", "1"))
        except ValueError:
            return 0


@dataclass(frozen=True)
class Form:
    """A form that an answer may have: a media type, on its own or as the parts of a multipart."""

    media_type: str
    is_multipart: bool = False

    def __str__(self) -> str:
        return f'{MULTIPART}; type="{self.media_type}"' if self.is_multipart else self.media_type


def read_media_type(text: str) -> MediaType:
    name, parameters = parse_options_header(text)
    texts = {key.decode("latin-1"): value.decode("latin-1") for key, value in parameters.items()}
    return MediaType(name.decode("latin-1").strip(), texts)


def choose_form(request: Request, offered: Sequence[Form]) -> Form:
    """The form that is liked best of those offered; NotAcceptable where there is none.

    The query parameter `accept` counts as the header does (PS3.18 8.3.3.1).
    """
    asked = request.query_params.get("accept") or request.headers.get("accept") or "*/*"
    ranges = [read_media_type(text) for text in _BETWEEN_COMMAS.findall(asked)]
    liked = [one for one in ranges if one.preference > 0]
    for media_range in sorted(liked, key=lambda one: -one.preference):
        for form in _matching(media_range, offered):
            return form
    raise NotAcceptable(f"it can be had as {' or as '.join(map(str, offered))}")


def _matching(media_range: MediaType, offered: Sequence[Form]) -> Iterator[Form]:
    """Results are kept in one transfer syntax, and handed out as they are kept."""
    if media_range.parameters.get("transfer-syntax", "*") not in ("*", ExplicitVRLittleEndian):
        return
    for form in offered:
        if media_range.name == "*/*":
            yield form
        elif not form.is_multipart:
            if _covers(media_range.name, form.media_type):
                yield form
        elif media_range.name == MULTIPART and _covers(
            media_range.parameters.get("type", "*/*"), form.media_type
        ):
            yield form


def _covers(media_range: str, media_type: str) -> bool:
    media_range = _ALIASES.get(media_range.lower(), media_range.lower())
    kind = media_type.partition("/")[0]
    return media_range in ("*/*", f"{kind}/*", media_type)
