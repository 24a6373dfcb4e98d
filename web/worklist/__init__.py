"""The worklist: every study, newest or most urgent first, live."""

from web.worklist.live import live_updates
from web.worklist.routes import router

__all__ = ["live_updates", "router"]
