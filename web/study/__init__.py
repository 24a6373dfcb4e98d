"""The study: its images, what was found on them, where that went, and what the reader says."""

from web.study.pixel_routes import router as pixel_router
from web.study.routes import router
from web.study.verdict_routes import router as verdict_router
from web.study.verdicts_page import router as verdicts_router

routers = (router, pixel_router, verdict_router, verdicts_router)

__all__ = ["routers"]
