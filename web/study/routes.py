"""The study's page."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from web.access.guard import Viewer
from web.pages import render
from web.window import InWindow

router = APIRouter()


@router.get("/study/{study_instance_uid}")
def study(
    request: Request, _window: InWindow, visitor: Viewer, study_instance_uid: str
) -> HTMLResponse:
    return render(request, visitor, "study/page.html", study_instance_uid=study_instance_uid)
