"""The REST API: what pages show, for programs, at `/api/v1`."""

from web.api.routes import routers

__all__ = ["routers"]
