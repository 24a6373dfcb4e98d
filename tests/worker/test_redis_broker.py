"""What lies in Redis and is no message is dropped, and said; what is one is taken."""

from collections.abc import Iterator

import pytest
import redis
from kombu import Connection
from kombu.simple import SimpleQueue
from structlog.testing import capture_logs

from tests.worker.messages import GARBAGE
from worker.redis_broker import Transport

pytestmark = [pytest.mark.integration, pytest.mark.requirement("R-DOOR-5", "R-WORK-5")]


@pytest.fixture
def queue(redis_url: str) -> Iterator[SimpleQueue]:
    with (
        Connection(redis_url, transport=Transport) as connection,
        connection.SimpleQueue("garbage") as queue,
    ):
        yield queue


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_message_stops_nobody(queue: SimpleQueue, redis_url: str, name: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.lpush("garbage", GARBAGE[name])
    queue.put(1)
    with capture_logs() as events:
        message = queue.get(timeout=10)
    message.ack()
    assert message.payload == 1
    assert [event["event"] for event in events] == ["message_not_understood"]
