"""STOW-RS (PS3.18 10.5): takes DICOM files into the spool and the ledger, as C-STORE does."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine
from starlette.requests import ClientDisconnect

from dicom_node.association_rows import AssociationRows
from dicom_node.dicomweb.gateway_config import GatewayConfig
from dicom_node.dicomweb.media_types import (
    DICOM,
    DICOM_JSON,
    MULTIPART,
    Form,
    choose_form,
    read_media_type,
)
from dicom_node.dicomweb.multipart_reading import MultipartMalformed
from dicom_node.dicomweb.refusals import BadRequest, Busy, UnsupportedMediaType
from dicom_node.dicomweb.request_reading import client_address, uid_in_path
from dicom_node.dicomweb.store_answer import store_response
from dicom_node.dicomweb.store_request import StoreRequest
from dicom_node.dicomweb.stored_part import HttpAssociation, PartDoor
from dicom_node.spool import Spool
from dicom_node.store_service import StoreService

_PIECE_BYTES = 1 << 20  # what goes to a thread at once
_ANSWER = (Form(DICOM_JSON),)


class _Silence(Exception):
    """Nothing came for too long."""


class StoreDoor:
    """Lets so many requests store at a time; of each no more than a piece is in memory."""

    def __init__(self, engine: Engine, spool: Spool, config: GatewayConfig) -> None:
        self.rows = AssociationRows(engine, config.name)
        self._service = StoreService(engine, self.rows, config.rules)
        self._spool = spool
        self._config = config
        self._running: set[StoreRequest] = set()

    async def store(self, request: Request) -> Response:
        """The answer to POST on /studies or on a study."""
        choose_form(request, _ANSWER)  # before anything is stored that could not be answered
        store_request = self._begin(request)
        if len(self._running) >= self._config.stores_max:
            raise Busy("too many requests store at the moment: try again")
        self._running.add(store_request)
        try:
            await self._take(request, store_request)
        finally:
            await asyncio.shield(run_in_threadpool(self._close, store_request))
        return store_response(store_request.outcomes, self._config.policy.ae_title)

    async def end(self) -> None:
        """Close what still runs when the process ends, and all its associations."""
        for store_request in list(self._running):
            await run_in_threadpool(self._close, store_request)
        await run_in_threadpool(self.rows.close_ended)

    def _close(self, store_request: StoreRequest) -> None:
        store_request.close()
        self._running.discard(store_request)

    def _begin(self, request: Request) -> StoreRequest:
        boundary = _boundary(request)
        policy = self._config.policy
        door = PartDoor(
            self._service,
            self._spool,
            HttpAssociation(client_address(request), policy.ae_title),
            policy.object_max_bytes,
            uid_in_path(request, "study"),
        )
        try:
            return StoreRequest(door, self.rows, boundary, self._config.parts_max)
        except MultipartMalformed as error:
            raise BadRequest(str(error)) from error

    async def _take(self, request: Request, store_request: StoreRequest) -> None:
        try:
            async for piece in _pieces(request, self._config.policy.network_timeout_seconds):
                if not await run_in_threadpool(store_request.feed, piece):
                    return
            await run_in_threadpool(store_request.finish)
        except _Silence:
            reason = "the body stopped coming: what was not complete is not kept"
            await run_in_threadpool(store_request.break_off, reason, 408)
        except ClientDisconnect:
            await run_in_threadpool(store_request.break_off, "the client left", 400)


async def _pieces(request: Request, silence_seconds: float) -> AsyncIterator[bytes]:
    chunks, waiting = aiter(request.stream()), bytearray()
    try:
        while chunk := await asyncio.wait_for(anext(chunks), silence_seconds):
            waiting += chunk
            if len(waiting) >= _PIECE_BYTES:
                yield bytes(waiting)
                waiting.clear()
    except TimeoutError as error:
        yield bytes(waiting)
        raise _Silence from error
    yield bytes(waiting)


def _boundary(request: Request) -> str:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("the body must not be compressed: objects are kept as sent")
    media_type = read_media_type(request.headers.get("content-type", ""))
    if media_type.name != MULTIPART or media_type.parameters.get("type", DICOM) != DICOM:
        raise UnsupportedMediaType(
            f"send DICOM files, {Form(DICOM, is_multipart=True)}: metadata in JSON or XML with its "
            "bulk data apart is not taken"
        )
    return media_type.parameters.get("boundary", "")
