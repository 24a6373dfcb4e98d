"""A study asked of the page as a browser and its scripts ask, without one."""

import re
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from tests.web.window import Answer, Window


def plain(text: str) -> str:
    """The page's text without its tags, spaces as one."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def fetch(window: Window, path: str) -> tuple[Any, bytes]:
    """Headers and bytes, whatever they are."""
    connection = HTTPConnection("127.0.0.1", window.port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200
        return response.headers, response.read()
    finally:
        connection.close()


def post(
    window: Window, study: str, fields: dict[str, str], headers: dict[str, str] | None = None
) -> Answer:
    """As a page's own script sends a form."""
    connection = HTTPConnection("127.0.0.1", window.port, timeout=30)
    sent = {
        "Content-Type": "application/x-www-form-urlencoded",
        "HX-Request": "true",
        "Sec-Fetch-Dest": "empty",
        "Sec-Fetch-Site": "same-origin",
        "Origin": f"http://127.0.0.1:{window.port}",
        **(headers or {}),
    }
    try:
        connection.request("POST", f"/study/{study}/verdict", urlencode(fields), sent)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode())
    finally:
        connection.close()
