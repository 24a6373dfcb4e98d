"""The study: its images, what was found on them, where that went, and what the reader says."""

from web.study.routes import router

# The viewer's own (web/study/pixel_routes.py) is named here too.
routers = (router,)

__all__ = ["routers"]
