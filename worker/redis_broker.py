"""Redis as the broker, with one difference from kombu's: what is no message stops nobody.

Whoever may write into the queue could end every worker with a few bytes that are no message: kombu
reads it where Celery takes any error for the end of the process.
"""

from queue import Empty
from typing import Any

import structlog
from kombu.transport import redis

from worker.file_broker import NO_MESSAGE

log = structlog.get_logger(__name__)


class Channel(redis.Channel):  # type: ignore[misc]
    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except NO_MESSAGE as error:
            # It is taken off the queue by then. The ledger offers again what it called for.
            log.warning("message_not_understood", error=type(error).__name__)
            raise Empty from None


class Transport(redis.Transport):  # type: ignore[misc]
    Channel = Channel
