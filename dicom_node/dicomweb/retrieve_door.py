"""WADO-RS (PS3.18 10.4): the results themselves, byte for byte as kept, and what is in them.

Only what Osteon made is served. The images it received belong to the PACS that sent them, which
knows who may see them and in which state they are.
"""

from collections.abc import Iterator
from itertools import chain, islice

from fastapi import Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydicom.dataelem import DataElement
from sqlalchemy import Engine

from db.purged import purged_sentence
from db.result_catalogue import CataloguedInstance, InstanceSelection, purged_at
from db.session import reading
from dicom_node.dicomweb.audit_notes import note_objects, note_parts
from dicom_node.dicomweb.dicom_json import to_dicom_json
from dicom_node.dicomweb.gateway_config import GatewayConfig
from dicom_node.dicomweb.kept_object import (
    PIXEL_DATA,
    KeptObject,
    Pixels,
    read_object,
    read_pieces,
)
from dicom_node.dicomweb.media_types import (
    DICOM,
    DICOM_JSON,
    OCTETS,
    PDF,
    Form,
    choose_form,
)
from dicom_node.dicomweb.multipart_writing import multipart_response
from dicom_node.dicomweb.refusals import BadRequest, NotAcceptable, NothingThere, Purged
from dicom_node.dicomweb.rendering import render_picture, rendered_forms
from dicom_node.dicomweb.request_reading import uids_in_path, url_of
from dicom_node.query_retrieve.catalogue_pages import instances_by_page
from dicom_node.spool import Spool

_PAGE_INSTANCES = 500
_FRAMES_MAX = 100
_DOCUMENT = 0x00420011
_FILES, _ONE_FILE = Form(DICOM, is_multipart=True), Form(DICOM)
_BULK_DATA = (Form(OCTETS, is_multipart=True), Form(OCTETS))


class RetrieveDoor:
    """Streams from the spool; what is asked for in a form that it does not have is refused."""

    def __init__(self, engine: Engine, spool: Spool, config: GatewayConfig) -> None:
        self._engine = engine
        self._spool = spool
        self._config = config

    def objects(self, request: Request) -> Response:
        """The DICOM files of a study, a series or an instance."""
        is_one = "instance" in request.path_params
        form = choose_form(request, (_FILES, _ONE_FILE) if is_one else (_FILES,))
        found = self._selected(request)
        note_objects(self._engine, request, found)
        first = _begun(self._file(found[0]))
        if not form.is_multipart:
            return StreamingResponse(first, media_type=DICOM)
        others = (self._file(one) for one in found[1:])
        return multipart_response(form, chain([first], others))

    def metadata(self, request: Request) -> Response:
        """The data sets in JSON, with URLs in the place of bulk data."""
        choose_form(request, (Form(DICOM_JSON),))
        found = self._selected(request)
        note_parts(self._engine, request, found)
        objects = (read_object(self._spool, one.spool_key) for one in found)
        told = [_metadata(one, self._url(request, one)) for one in objects]
        return JSONResponse(told, media_type=DICOM_JSON)

    def frames(self, request: Request) -> Response:
        """Frames of an image, uncompressed."""
        form = choose_form(request, _BULK_DATA)
        numbers = _frame_numbers(request)
        found, kept = self._opened(request)
        places = [_pixels_of(kept).place(number) for number in numbers]
        if not form.is_multipart and len(places) > 1:
            raise NotAcceptable(f"several frames can be had as {_BULK_DATA[0]}")
        contents = [read_pieces(self._spool, found.spool_key, *place) for place in places]
        return _answer(form, contents)

    def bulk_data(self, request: Request) -> Response:
        """The value of one element that the metadata leave out."""
        form = choose_form(request, (*_BULK_DATA, Form(PDF)))
        found, kept = self._opened(request)
        tag = _tag(request)
        if tag == PIXEL_DATA:
            pixels = _pixels_of(kept)
            place = pixels.start, pixels.length
            return _answer(form, [read_pieces(self._spool, found.spool_key, *place)])
        return _answer(form, [iter([_value(kept, tag)])])

    def rendered(self, request: Request) -> Response:
        """An image as JPEG or PNG, an encapsulated document as PDF."""
        if set(request.query_params) - {"accept"}:
            raise BadRequest("a result is rendered as it is: no parameter is taken but accept")
        found, kept = self._opened(request)
        forms = rendered_forms(kept)
        if not forms:
            raise NotAcceptable("it is no picture and no page: retrieve it as DICOM")
        form = choose_form(request, forms)
        if kept.pixels is None:
            return Response(_value(kept, _DOCUMENT), media_type=PDF)
        numbers = _frame_numbers(request)
        if len(numbers) > 1:
            raise NotAcceptable("one frame at a time is rendered")
        pieces = read_pieces(self._spool, found.spool_key, *kept.pixels.place(numbers[0]))
        picture = render_picture(kept.header, b"".join(pieces), form)
        return Response(picture, media_type=form.media_type)

    def _selected(self, request: Request) -> list[CataloguedInstance]:
        places = ("study", "series", "instance")
        selection = InstanceSelection(*(uids_in_path(request, place) for place in places))
        limit = self._config.instances_max
        found = instances_by_page(self._engine, selection, _PAGE_INSTANCES)
        instances = list(islice(found, limit + 1))
        if not instances:
            self._refuse_purged(selection)
            raise NothingThere(
                "no result has these UIDs; images that were received are with their PACS"
            )
        if len(instances) > limit:
            raise BadRequest(f"more than {limit} objects: retrieve series or instances")
        return instances

    def _refuse_purged(self, selection: InstanceSelection) -> None:
        with reading(self._engine) as session:
            moment = purged_at(session, selection)
        if moment is not None:
            raise Purged(purged_sentence(moment))

    def _opened(self, request: Request) -> tuple[CataloguedInstance, KeptObject]:
        [found] = self._selected(request)
        note_parts(self._engine, request, [found])
        return found, read_object(self._spool, found.spool_key)

    def _url(self, request: Request, kept: KeptObject) -> str:
        return url_of(
            request,
            self._config.public_origin,
            "instance",
            study=str(kept.header.StudyInstanceUID),
            series=str(kept.header.SeriesInstanceUID),
            instance=str(kept.header.SOPInstanceUID),
        )

    def _file(self, instance: CataloguedInstance) -> Iterator[bytes]:
        return read_pieces(self._spool, instance.spool_key)


def _begun(content: Iterator[bytes]) -> Iterator[bytes]:
    """The content with its first piece read: what cannot be opened is told by the status."""
    return chain([next(content)], content)


def _answer(form: Form, contents: list[Iterator[bytes]]) -> Response:
    if form.is_multipart:
        return multipart_response(form, contents)
    return StreamingResponse(contents[0], media_type=form.media_type)


def _metadata(kept: KeptObject, url: str) -> dict[str, object]:
    def bulk_data_url(element: DataElement) -> str:
        return f"{url}/bulkdata/{element.tag:08X}"

    described = to_dicom_json(kept.header, bulk_data_url)
    if kept.pixels is not None:
        described[f"{PIXEL_DATA:08X}"] = {
            "vr": "OW",
            "BulkDataURI": f"{url}/bulkdata/{PIXEL_DATA:08X}",
        }
    return described


def _frame_numbers(request: Request) -> list[int]:
    texts = request.path_params.get("frames", "1").split(",")
    if not all(text.isascii() and text.isdigit() and len(text) < 10 for text in texts):
        raise BadRequest("frames are whole numbers, with commas between them")
    if len(texts) > _FRAMES_MAX:
        raise BadRequest(f"at most {_FRAMES_MAX} frames at once")
    return [int(text) for text in texts]


def _pixels_of(kept: KeptObject) -> Pixels:
    if kept.pixels is None:
        raise NothingThere("it has no frames")
    return kept.pixels


def _tag(request: Request) -> int:
    try:
        return int(request.path_params["tag"], 16)
    except ValueError as error:
        raise BadRequest("an element is named by its tag, eight hexadecimal digits") from error


def _value(kept: KeptObject, tag: int) -> bytes:
    element = kept.header.get(tag)
    if element is None or not isinstance(element.value, bytes):
        raise NothingThere("it has no bulk data under this tag")
    length = kept.header.get("EncapsulatedDocumentLength") if tag == _DOCUMENT else None
    return element.value[:length]
