"""The Celery application: integers in, nothing out; the ledger decides, the broker only calls."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from kombu import Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES

from db.jobs import JobKind
from worker import file_broker

# In place of kombu's own; by name, so that a node without Redis need not load it.
_REDIS = "worker.redis_broker:Transport"
_EXCHANGE = Exchange("osteon", type="direct")


@dataclass(frozen=True)
class Broker:
    """Where the calls go: a Redis URL, or a folder where there is no server."""

    url: str
    folder: Path

    @property
    def verifying_url(self) -> str:
        """The URL with which a server that speaks TLS has to prove who it is.

        By itself kombu verifies nothing where a `rediss://` URL says nothing of certificates.
        """
        # Several servers, to be tried in turn, stand between semicolons.
        return ";".join(map(_verifying, self.url.split(";")))

    @property
    def options(self) -> dict[str, Any]:
        if self.url:
            return {
                "socket_timeout": 5,
                "socket_connect_timeout": 5,
                # Longer than any job: a second copy would only find the job claimed.
                "visibility_timeout": 3600,
            }
        return {
            "folder": str(self.folder),
            "polling_interval": 0.05,
        }


def _verifying(url: str) -> str:
    if urlsplit(url).scheme != "rediss":
        return url
    # Of two values the last one counts.
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=required&ssl_check_hostname=true"


def create_app(broker: Broker) -> Celery:
    """A Celery application on `broker`; which queues it works on is the worker's to say."""
    if broker.url:
        TRANSPORT_ALIASES.update(redis=_REDIS, rediss=_REDIS)
    else:
        broker.folder.mkdir(parents=True, exist_ok=True)
    app = Celery("osteon", broker=broker.verifying_url or "file://", set_as_current=False)
    app.conf.update(
        broker_transport=None if broker.url else file_broker.TRANSPORT,
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        result_backend=None,
        broker_transport_options=broker.options,
        broker_connection_retry_on_startup=True,
        task_queues=[Queue(name, _EXCHANGE, routing_key=name) for name in JobKind],
        task_create_missing_queues=False,
        worker_prefetch_multiplier=1,
        task_acks_late=False,  # the ledger's lease brings back what a dead worker held
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        # One try more, on a new connection; after that the beat offers again a second later.
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0},
    )
    return app
