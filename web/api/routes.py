"""All of `/api/v1`, and what it says of itself."""

import json
from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from web.access.guard import Viewer
from web.api import operations, results, studies, verdicts
from web.api.answers import Known, answer
from web.api.description import documents_of, openapi_of, operations_of
from web.pages import render

router = APIRouter(prefix="/api/v1")
for part in (results, studies, verdicts, operations):
    router.include_router(part.router)
self_description = APIRouter(prefix="/api/v1")


@self_description.get("")
def beginning(_visitor: Viewer) -> Response:
    return RedirectResponse("/api/v1/docs", 303)


@self_description.get("/openapi.json")
def openapi(request: Request, _visitor: Known) -> Response:
    return answer(request, json.dumps(_described(), ensure_ascii=False).encode())


@self_description.get("/docs")
def docs(request: Request, visitor: Viewer) -> HTMLResponse:
    """The same for people, in the window's own frame."""
    document = _described()
    return render(
        request,
        visitor,
        "api/page.html",
        introduction=document["info"]["description"],
        operations=operations_of(document),
        documents=documents_of(document),
    )


@cache
def _described() -> dict[str, Any]:
    """Made once: the code does not change while it runs."""
    return openapi_of(router)


routers = (router, self_description)
