"""How it is said, wherever somebody asks for it, that a file was removed after retention."""

from datetime import datetime

_SAID = "its file was purged on"


def purged_sentence(purged_at: datetime) -> str:
    """The day in UTC; how to get the file back is the asker's own matter."""
    return f"{_SAID} {purged_at:%Y-%m-%d} after retention"


def says_purged(reason: str | None) -> bool:
    """Whether an image was not analysed because its file was purged."""
    return reason is not None and reason.startswith(_SAID)
