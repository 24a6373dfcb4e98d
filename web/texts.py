"""The page's texts in another language, where one has been written."""

import gettext
from pathlib import Path

_LOCALES = Path(__file__).parent / "locale"


def translations_of(language: str, folder: Path | None = None) -> gettext.NullTranslations:
    """The translations in `folder`; texts that have none stay English."""
    return gettext.translation("osteon", folder or _LOCALES, [language], fallback=True)
