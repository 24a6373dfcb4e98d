"""The study: its images, what was found on them, where that went, and what the reader says."""

from web.study.pixel_routes import router as pixel_router
from web.study.routes import router

routers = (router, pixel_router)

__all__ = ["routers"]
