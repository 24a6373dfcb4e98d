"""Where to go after signing in: a page of ours, and no other site whatever the address says."""

import re
from urllib.parse import quote, urlsplit

FIRST_PAGE = "/worklist"
# One slash and then none, nor a backslash, which browsers take for one; nothing unprintable.
_OUR_PATH = re.compile(r"/(?![/\\])[^\\?#\x00-\x20\x7f-\x9f]*")
_MOST_CHARACTERS = 500


def safe_next(path: str | None) -> str:
    """The path if it is one of ours, else the first page's."""
    if not path or len(path) > _MOST_CHARACTERS or not _OUR_PATH.fullmatch(path):
        return FIRST_PAGE
    return FIRST_PAGE if path.startswith(("/sign-", "/oidc/")) else path


def sign_in_address(path: str) -> str:
    """The page to sign in at, which leads back; of what was asked for the path alone is said."""
    try:
        back = safe_next(urlsplit(path).path)
    except ValueError:  # it begins as an address of another site does, and is none
        back = FIRST_PAGE
    return "/sign-in" if back == FIRST_PAGE else f"/sign-in?next={quote(back)}"
