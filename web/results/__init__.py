"""The query: results of images by day, region, state and sender, on a page and as files."""

from web.results.routes import router

__all__ = ["router"]
