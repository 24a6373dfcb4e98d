"""How every page is rendered: one template environment, and texts that can be translated."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from db.states import Role
from web import words
from web.access.guard import Visitor
from web.plan import WebPlan
from web.static_files import static_url
from web.texts import translations_of


def page_environment(plan: WebPlan) -> Environment:
    pages = Environment(
        loader=PackageLoader("web"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.install_gettext_translations(  # type: ignore[attr-defined]
        translations_of(plan.language, plan.locale_dir), newstyle=True
    )
    pages.globals.update(plan=plan, words=words, static_url=static_url, Role=Role)
    return pages


def render(
    request: Request, visitor: Visitor | None, template: str, status: int = 200, **values: Any
) -> HTMLResponse:
    """The page for this visitor (None: nobody is signed in), in the window's own frame."""
    pages: Environment = request.app.state.pages
    text = pages.get_template(template).render(
        visitor=visitor, here=request.url.path, request=request, **values
    )
    return HTMLResponse(text, status)
