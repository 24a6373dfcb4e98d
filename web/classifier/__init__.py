"""The model page: what the classifier is, how well it did, and whether its work has changed."""

from web.classifier.routes import router

__all__ = ["router"]
