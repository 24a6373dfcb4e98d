"""The file broker: each message is taken once, whole, whatever its writer came to."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from kombu import Connection
from kombu.simple import SimpleQueue

from tests.worker.messages import GARBAGE
from worker.file_broker import TRANSPORT

OpenQueue = Callable[[], SimpleQueue]


@contextmanager
def _queue(folder: Path, name: str = "analyse") -> Iterator[SimpleQueue]:
    options = {"folder": str(folder), "polling_interval": 0.01}
    with (
        Connection("file://", transport=TRANSPORT, transport_options=options) as connection,
        connection.SimpleQueue(name) as queue,
    ):
        yield queue


def _take_all(queue: SimpleQueue) -> list[int]:
    taken: list[int] = []
    while True:
        try:
            message = queue.get(timeout=0.2)
        except queue.Empty:
            return taken
        message.ack()
        taken.append(message.payload)


def test_messages_come_in_their_order_to_their_queue(tmp_path: Path) -> None:
    with _queue(tmp_path) as analyse, _queue(tmp_path, "report") as report:
        for number in range(5):
            analyse.put(number)
        assert len(analyse) == 5
        assert _take_all(report) == []
        assert _take_all(analyse) == [0, 1, 2, 3, 4]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_message_stops_nobody(tmp_path: Path, name: str) -> None:
    with _queue(tmp_path) as queue:
        queue.put(1)
        (whole,) = tmp_path.iterdir()
        (tmp_path / f"0-{whole.name}").write_bytes(GARBAGE[name])
        assert _take_all(queue) == [1]
    assert list(tmp_path.iterdir()) == []


def test_each_message_is_taken_once_and_whole(tmp_path: Path) -> None:
    def put(start: int) -> None:
        with _queue(tmp_path) as queue:
            for number in range(start, start + 100):
                queue.put(number)

    def take(_: int) -> list[int]:
        with _queue(tmp_path) as queue:
            return _take_all(queue)

    with ThreadPoolExecutor(4) as threads:
        putting = [threads.submit(put, start) for start in (0, 100)]
        taken = [number for numbers in threads.map(take, range(2)) for number in numbers]
        for writer in putting:
            writer.result()
    with _queue(tmp_path) as queue:
        taken += _take_all(queue)
    assert sorted(taken) == list(range(200))
