"""All that was asked for as one file, written as it is read: CSV, JSON lines or Parquet."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from db.result_formats import csv_line, json_line
from db.result_query import RESULT_COLUMNS
from db.results import RESULT_IMAGE

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Iterator[Mapping[str, Any]]
_GROUP_ROWS = 10_000
_PIECE_ROWS = 100


def csv_pieces(rows: Rows) -> Iterator[bytes]:
    yield csv_line(RESULT_COLUMNS).encode()
    for batch in _batches(rows, _PIECE_ROWS):
        lines = (csv_line(row[name] for name in RESULT_COLUMNS) for row in batch)
        yield "".join(lines).encode()


def json_pieces(rows: Rows) -> Iterator[bytes]:
    """One document a line."""
    for batch in _batches(rows, _PIECE_ROWS):
        yield "".join(map(json_line, batch)).encode()


def parquet_pieces(rows: Rows) -> Iterator[bytes]:
    """A row group for each ten thousand rows, so that no more than these are held."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    sink = _Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        for batch in _batches(rows, _GROUP_ROWS):
            writer.write_table(pa.Table.from_pylist([dict(row) for row in batch], schema))
            yield sink.take()
    yield sink.take()


@dataclass(frozen=True)
class FileForm:
    media_type: str
    suffix: str
    pieces: Callable[[Rows], Iterator[bytes]]


FILE_FORMS = {
    "csv": FileForm("text/csv; charset=utf-8", "csv", csv_pieces),
    "json": FileForm("application/x-ndjson", "jsonl", json_pieces),
    "parquet": FileForm("application/vnd.apache.parquet", "parquet", parquet_pieces),
}


class _Sink:
    """A file that is taken away as it grows."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0

    def write(self, piece: Any) -> int:
        data = bytes(piece)
        self._pieces.append(data)
        self._length += len(data)
        return len(data)

    def tell(self) -> int:
        return self._length

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def _batches(rows: Rows, size: int) -> Iterator[list[Mapping[str, Any]]]:
    while batch := list(islice(rows, size)):
        yield batch


def _schema() -> "pa.Schema":
    """Times as UTC timestamps, notes and boxes as nested lists; what is not known is null."""
    import pyarrow as pa

    box = pa.struct([(name, pa.float64()) for name in ("x0", "y0", "x1", "y1", "score")])
    nested = {"notes": pa.list_(pa.string()), "boxes": pa.list_(box)}
    plain = {
        "BOOLEAN": pa.bool_(),
        "DOUBLE": pa.float64(),
        "INTEGER": pa.int64(),
        "TEXT": pa.string(),
        "DATETIME": pa.timestamp("us", tz="UTC"),
    }
    types = {column.name: str(column.type) for column in RESULT_IMAGE.columns}
    return pa.schema(
        [(name, nested.get(name) or plain[types.get(name, "TEXT")]) for name in RESULT_COLUMNS]
    )
