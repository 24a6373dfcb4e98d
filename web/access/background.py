"""Requests that a page makes by itself: they are no sign of life of anybody."""

from fastapi import Request

HEADER = "X-Osteon-Background"


def is_background(request: Request) -> bool:
    return HEADER in request.headers
