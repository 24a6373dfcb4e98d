"""Trying images: what the classifier says of a file, kept nowhere unless it is sent as a study."""

from web.trial.routes import router

__all__ = ["router"]
