"""What lies in a broker's queue and calls for nothing: garbage, other people's, and hostile."""

import base64
import json
import pickle
from typing import Any

# No envelope that kombu can read.
GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "cut short": b'{"body": "',
    "words": b"not json",
    "binary": bytes(range(256)),
    "a list": b"[]",
    "null": b"null",
    "an empty envelope": b"{}",
    "no properties": b'{"body": "e30=", "properties": null}',
    "nested without end": b"[" * 100_000,
    "a bare pickle": pickle.dumps([1]),
}


class Payload:
    """Unpickled, it would leave a trace."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("PICKLE CANARY",))


def envelope(
    body: bytes, *, task: str = "analyse", content_type: str = "application/json"
) -> bytes:
    """A message as Celery sends one."""
    properties = {
        "correlation_id": "x",
        "delivery_info": {"exchange": "osteon", "routing_key": "analyse"},
        "delivery_tag": "x",
        "priority": 0,
        "body_encoding": "base64",
    }
    message = {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": content_type,
        "headers": {"lang": "py", "task": task, "id": "x"},
        "properties": properties,
    }
    return json.dumps(message).encode()


# Envelopes in order, with what no beat sends in them.
HOSTILE: dict[str, bytes] = {
    "a pickle": envelope(
        pickle.dumps(([Payload()], {}, {})), content_type="application/x-python-serialize"
    ),
    "no JSON": envelope(b"not json"),
    "an unknown task": envelope(b"[[1], {}, {}]", task="os.system"),
    "more than one number": envelope(b"[[1, 2], {}, {}]"),
    "a word": envelope(b'[["1; DROP TABLE job"], {}, {}]'),
    "null": envelope(b"[[null], {}, {}]"),
    "a number without end": envelope(b"[[1" + b"0" * 400 + b"], {}, {}]"),
    "16 MiB": envelope(b'[["' + b"a" * (16 << 20) + b'"], {}, {}]'),
}
