"""The resources of DICOMweb and the doors behind them: mounted under /dicom-web."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeAlias

import structlog
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from db.session import LedgerUnavailable
from dicom_node.dicomweb.audit_notes import peer_refused
from dicom_node.dicomweb.gateway_config import CALLING_AE_TITLE, GatewayConfig
from dicom_node.dicomweb.kept_object import NoSuchFrame, ObjectUnreadable
from dicom_node.dicomweb.query_door import QueryDoor
from dicom_node.dicomweb.refusals import Busy, NotAdmitted, NothingThere, Refused
from dicom_node.dicomweb.request_reading import client_address
from dicom_node.dicomweb.retrieve_door import RetrieveDoor
from dicom_node.dicomweb.store_door import StoreDoor
from dicom_node.discretion import last_place, silence_dicom_libraries
from dicom_node.spool import Spool, SpoolError

log = structlog.get_logger(__name__)

_Answer: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]

_STUDY = "/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"


class _AnsweringRoute(APIRoute):
    """Whatever happens, whoever asks gets a status and a sentence, and the log no patient data."""

    def get_route_handler(self) -> _Answer:
        answer = super().get_route_handler()

        async def answer_or_refuse(request: Request) -> Response:
            started_at = time.monotonic()
            response = await _answered(answer, request)
            log.info(
                "dicomweb",
                action=self.name,
                address=client_address(request),
                milliseconds=round((time.monotonic() - started_at) * 1000, 1),
                status=response.status_code,
            )
            return response

        return answer_or_refuse


def dicomweb_routes(engine: Engine, spool: Spool, config: GatewayConfig) -> APIRouter:
    """All resources; with the application's life it also looks after what requests leave behind."""
    silence_dicom_libraries()
    store = StoreDoor(engine, spool, config)
    router = APIRouter(
        route_class=_AnsweringRoute,
        dependencies=[Depends(_admission(config))],
        lifespan=_upkeep(store, spool, config),
    )
    router.add_api_route("/studies", store.store, methods=["POST"], name="store")
    router.add_api_route(_STUDY, store.store, methods=["POST"], name="store_study")
    _add_searches(router, QueryDoor(engine, spool, config))
    _add_retrievals(router, RetrieveDoor(engine, spool, config))
    return router


def _add_searches(router: APIRouter, query: QueryDoor) -> None:
    for path, search in (
        ("/studies", query.studies),
        ("/series", query.series),
        (_STUDY + "/series", query.series),
        ("/instances", query.instances),
        (_STUDY + "/instances", query.instances),
        (_SERIES + "/instances", query.instances),
    ):
        router.add_api_route(path, search, name=f"search_{search.__name__}")


def _add_retrievals(router: APIRouter, retrieve: RetrieveDoor) -> None:
    for name, path in (("study", _STUDY), ("series", _SERIES), ("instance", _INSTANCE)):
        router.add_api_route(path, retrieve.objects, name=f"retrieve_{name}")
        router.add_api_route(path + "/metadata", retrieve.metadata, name=f"metadata_of_{name}")
    for path, part in (
        ("/frames/{frames}", retrieve.frames),
        ("/frames/{frames}/rendered", retrieve.rendered),
        ("/rendered", retrieve.rendered),
        ("/bulkdata/{tag}", retrieve.bulk_data),
    ):
        router.add_api_route(_INSTANCE + path, part, name=part.__name__)


def _admission(config: GatewayConfig) -> Callable[[Request], None]:
    def admit(request: Request) -> None:
        address = client_address(request)
        if not config.admits(address):
            log.warning("request_rejected", address=address)
            request.app.state.audit_tally.note(peer_refused(address))
            raise NotAdmitted(f"{CALLING_AE_TITLE} from this address is no allowed peer here")

    return admit


async def _answered(answer: _Answer, request: Request) -> Response:
    try:
        return await answer(request)
    except Refused as refusal:
        return refusal.response()
    except NoSuchFrame as error:
        return NothingThere(str(error)).response()
    except LedgerUnavailable as error:
        log.warning("ledger_unavailable", error=str(error))
        return Busy("the database is away: try again").response()
    except (ObjectUnreadable, SpoolError) as error:
        log.error("result_unreadable", error=str(error))
        return PlainTextResponse("what is asked for cannot be read here\n", 500)
    except HTTPException:
        raise
    except Exception as error:  # noqa: BLE001 - its message may hold a patient's values
        log.error("request_failed", error=type(error).__name__, at=last_place(error))
        return PlainTextResponse("unforeseen error, see the node's log\n", 500)


def _upkeep(
    store: StoreDoor, spool: Spool, config: GatewayConfig
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(store.rows.close_those_left_open)
        keeping_up = asyncio.create_task(_keep_up(store, spool, config))
        yield
        keeping_up.cancel()
        with suppress(asyncio.CancelledError):
            await keeping_up
        await store.end()

    return lifespan


async def _keep_up(store: StoreDoor, spool: Spool, config: GatewayConfig) -> None:
    while True:
        await run_in_threadpool(_sweep, spool, config.abandoned_after_seconds)
        await run_in_threadpool(store.rows.close_ended)
        await asyncio.sleep(config.upkeep_seconds)


def _sweep(spool: Spool, abandoned_after_seconds: float) -> None:
    try:
        removed = spool.sweep(older_than_seconds=abandoned_after_seconds)
    except SpoolError as error:
        log.warning("sweep_failed", error=str(error))
        return
    if removed:
        log.info("abandoned_transfers_removed", count=removed)
