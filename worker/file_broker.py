"""The broker of a node without a server: a folder in which a message is whole, or not there.

kombu's own file transport shows a message before it is written, and a worker that reads it then, or
after its writer was killed, ends; so does every worker when its file of queues was cut short.
"""

import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

import structlog
from kombu.exceptions import OperationalError
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

log = structlog.get_logger(__name__)

TRANSPORT = f"{__name__}:Transport"
# What reading a message raises where there is none.
NO_MESSAGE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


class Channel(virtual.Channel):  # type: ignore[misc]
    """Messages are files named by time and queue; who renames one first has taken it."""

    def _put(self, queue: str, message: dict[str, Any], **_: object) -> None:
        name = f"{time.time_ns()}-{uuid.uuid4().hex}.{queue}"
        unseen = self._folder / f"{name}.part"
        try:
            unseen.write_text(dumps(message))
            unseen.rename(self._folder / f"{name}.message")
        except OSError as error:
            unseen.unlink(missing_ok=True)
            raise OperationalError(f"the broker's folder takes no message: {error}") from error

    def _get(self, queue: str) -> dict[str, Any]:
        for path in self._messages(queue):
            taken = path.with_suffix(".taken")
            try:
                path.rename(taken)
                message: dict[str, Any] = loads(taken.read_text())
                self.Message(message, channel=self)
            except FileNotFoundError:
                continue  # another worker was quicker
            except NO_MESSAGE as error:
                # Cut short by a crash of the machine, or not ours: the ledger offers the job again.
                log.warning("message_not_understood", error=type(error).__name__)
                taken.unlink()
                continue
            taken.unlink()
            return message
        raise Empty

    def _size(self, queue: str) -> int:
        return len(self._messages(queue))

    def _purge(self, queue: str) -> int:
        paths = self._messages(queue)
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def _messages(self, queue: str) -> list[Path]:
        """The waiting messages, oldest first."""
        return sorted(self._folder.glob(f"*.{queue}.message"))

    @property
    def _folder(self) -> Path:
        return Path(self.connection.client.transport_options["folder"])


class Transport(virtual.Transport):  # type: ignore[misc]
    """What kombu needs to know of it; options: `folder`, `polling_interval` in seconds."""

    Channel = Channel
    default_port = 0
    driver_type = driver_name = "file"

    def driver_version(self) -> str:
        return "1"
