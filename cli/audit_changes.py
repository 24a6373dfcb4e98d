"""What is not as it was when the beat was last started: settings and classifier, for the trail."""

import hmac
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from db.audit import NODE, Action, AuditRecord
from settings import Settings


class StartChanges:
    """Remembers by what the node was started, in `audit.settings`: values as digests by the key.

    `model` says which classifier is in service; None where it cannot be told.
    """

    def __init__(self, settings: Settings, node: str, model: Callable[[], str | None]) -> None:
        self._settings, self._node, self._model = settings, node, model
        self._file = settings.data_dir.absolute() / "audit.settings"

    def records(self, key: bytes) -> Sequence[AuditRecord]:
        """What the trail is to say; nothing at the very first start."""
        return list(self._changes(self._before(), self._now(key)))

    def remember(self, key: bytes) -> None:
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self._now(key), file)
        draft.replace(self._file)

    def _now(self, key: bytes) -> dict[str, Any]:
        digests = {
            name: hmac.digest(key, json.dumps(value, default=_told).encode(), "sha256").hex()
            for name, value in self._settings.model_dump().items()
        }
        return {"settings": digests, "model": self._model()}

    def _before(self) -> dict[str, Any] | None:
        try:
            before = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return before if isinstance(before, dict) else None

    def _changes(self, before: dict[str, Any] | None, now: dict[str, Any]) -> Iterator[AuditRecord]:
        if before is None:
            return
        known, digests = before.get("settings", {}), now["settings"]
        changed = [name for name in known if name in digests and known[name] != digests[name]]
        if changed:
            yield self._record(Action.SETTINGS_CHANGED, ", ".join(sorted(changed)))
        models = before.get("model"), now["model"]
        if None not in models and models[0] != models[1]:
            yield self._record(Action.MODEL_CHANGED, f"{models[0]}, now {models[1]}")

    def _record(self, action: Action, detail: str) -> AuditRecord:
        return AuditRecord(self._node, NODE, action, "", detail=detail)


def _told(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value) if isinstance(value, Path) else repr(value)
