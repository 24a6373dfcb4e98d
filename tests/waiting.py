"""Waiting for what happens in another process: by asking, and never longer than a limit."""

import time
from collections.abc import Callable
from typing import TypeVar

Outcome = TypeVar("Outcome")
_POLL_SECONDS = 0.1


def wait_for(happens: Callable[[], Outcome], what: str, limit_seconds: float) -> Outcome:
    """What `happens` gives, once that is true; AssertionError when the time is over."""
    deadline = time.monotonic() + limit_seconds
    while not (outcome := happens()):
        assert time.monotonic() < deadline, f"waited {limit_seconds:g} s in vain for {what}"
        time.sleep(_POLL_SECONDS)
    return outcome
