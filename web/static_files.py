"""Style sheets and scripts, at addresses that change with their content: browsers keep them."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOLDER = Path(__file__).parent / "static"
_A_YEAR = "public, max-age=31536000, immutable"


class _KeptFiles(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = _A_YEAR
        return response


def serve_static_files(app: FastAPI) -> None:
    """In a folder named after all their contents: scripts import each other by relative path."""
    app.mount(f"/static/{_digest()}", GZipMiddleware(_KeptFiles(directory=_FOLDER)))


def static_url(path: str) -> str:
    return f"/static/{_digest()}/{path}"


@cache
def _digest() -> str:
    digest = sha256()
    for file in sorted(_FOLDER.rglob("*")):
        if file.is_file():
            digest.update(file.relative_to(_FOLDER).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:16]
