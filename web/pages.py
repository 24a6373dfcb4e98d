"""How every page is rendered: one template environment, and texts that can be translated."""

from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined

from db.states import Role
from web import words
from web.access.guard import Visitor
from web.plan import WebPlan
from web.static_files import static_url
from web.texts import translations_of

# How charts are drawn there, they are drawn here.
_EVALUATION = PackageLoader("model.evaluation")


def page_environment(plan: WebPlan) -> Environment:
    pages = Environment(
        loader=ChoiceLoader([PackageLoader("web"), PrefixLoader({"evaluation": _EVALUATION})]),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    translations = translations_of(plan.language, plan.locale_dir)
    pages.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    pages.globals.update(
        say=translations.gettext, plan=plan, words=words, static_url=static_url, Role=Role
    )
    return pages


def say_in(request: Request) -> Callable[[str], str]:
    """What a text is in the page's language, for what is worded outside of a template."""
    say: Callable[[str], str] = request.app.state.pages.globals["say"]
    return say


def render(
    request: Request, visitor: Visitor | None, template: str, status: int = 200, **values: Any
) -> HTMLResponse:
    """The page for this visitor (None: nobody is signed in), in the window's own frame."""
    pages: Environment = request.app.state.pages
    text = pages.get_template(template).render(
        visitor=visitor, here=request.url.path, request=request, **values
    )
    return HTMLResponse(text, status)
