"""The attacks of tests/dicom_node/attacks on this listener and on others, out of the box.

    python -m benchmarks.attacks --write docs/attacks.md

A new server for each attack. Beside it somebody asks C-ECHO about every 100 ms, from the attacker's
address and from another, and waits 10 s for an answer. The table says how many of the questions
were answered, the time of the 99th percentile, by how much the server's memory grew, and how long
after the attack it answered again. It is written between the marks of the document; without
`--write` it is printed.
"""

import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import typer

from benchmarks.dicom_servers import SERVERS, Running, Server, versions
from tests.dicom_node.attacks import crowds, floods
from tests.dicom_node.attacks.bursts import burst
from tests.dicom_node.attacks.crowds import Crowd, CrowdRunner
from tests.dicom_node.attacks.fuzzing import Fuzzed
from tests.dicom_node.attacks.honest import Unanswered, Watch, echo, watching

_SAME_ADDRESS, _OTHER_ADDRESS = "127.0.0.1", "127.0.0.9"
_BEGIN, _END = "<!-- table: attacks -->", "<!-- end -->"
_ATTACK_SECONDS = 5
_IDLE = 30
_FUZZED = 1000
_RECOVERY_SECONDS = 40

Measure = Callable[[Running], str]


class Row(NamedTuple):
    """An attack in words, how it is measured, and whether it is made where TLS is spoken."""

    words: str
    measure: Measure
    by_tls: bool = False


def _attacked(*attacks: Callable[[Running, threading.Event], None]) -> Measure:
    def measure(server: Running) -> str:
        stop, most_mib = threading.Event(), 0.0
        threads = [threading.Thread(target=one, args=(server, stop)) for one in attacks]
        for thread in threads:
            thread.start()
        time.sleep(0.5)  # the attackers are there first
        with watching(server.target, _SAME_ADDRESS, _OTHER_ADDRESS) as watches:
            end = time.monotonic() + _ATTACK_SECONDS
            while time.monotonic() < end:
                most_mib = max(most_mib, server.taken.memory_mib)
                time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join()
        return f"{_answers(watches)}; {most_mib:+.0f} MiB{_fate(server)}"

    return measure


def _crowd(*members: Crowd) -> Measure:
    runs = [_keeping(member) for member in members]
    return _attacked(*runs)


def _keeping(crowd: Crowd) -> Callable[[Running, threading.Event], None]:
    return lambda server, stop: CrowdRunner(server.target, crowd).run(stop)


def _flood(flood: floods.Flood) -> Measure:
    return _attacked(lambda server, stop: flood(server.target, stop))


def _burst(size: int) -> Measure:
    def measure(server: Running) -> str:
        found = burst(server.target, size, patience_seconds=30)
        answers = ", ".join(f"{count} {answer}" for answer, count in sorted(found.answers.items()))
        return f"{answers}; {found.slowest_seconds:.1f} s; {server.taken.memory_mib:+.0f} MiB"

    return measure


def _idle(server: Running) -> str:
    """The share of a processor that associations take on which nothing happens."""
    with floods.idle_associations(server.target, _IDLE) as accepted:
        began, cpu_seconds = time.monotonic(), server.taken.cpu_seconds
        time.sleep(_ATTACK_SECONDS)
        taken = server.taken.cpu_seconds - cpu_seconds
        share = f"{taken / (time.monotonic() - began):.0%} of a core"
    return share if accepted == _IDLE else f"{accepted} accepted, {share}"


def _fuzz(server: Running) -> str:
    fuzzed, began = Fuzzed(), time.monotonic()
    try:
        for seed in range(_FUZZED):
            fuzzed.run(server.target, range(seed, seed + 1))
            if time.monotonic() > began + 120:
                break
    except OSError as error:
        return f"after {fuzzed.kinds.total()}: {type(error).__name__}{_fate(server)}"
    silent = fuzzed.endings["silence"]
    said = f"{fuzzed.kinds.total()} tried, {silent} without an end in 10 s"
    return f"{said}; {server.taken.memory_mib:+.0f} MiB{_fate(server)}"


def _answers(watches: list[Watch]) -> str:
    words = [_seen(watch) for watch in watches]
    return words[0] if len(set(words)) == 1 else f"same address {words[0]}, another {words[1]}"


def _seen(watch: Watch) -> str:
    asked = len(watch.seconds) + len(watch.failures)
    if not watch.seconds:
        return f"none of {asked} answered"
    if watch.failures:
        return f"{len(watch.seconds)} of {asked} answered"
    return f"all answered, p99 {watch.p99_seconds:.2f} s"


def _fate(server: Running) -> str:
    """What is said of a server only where it did not get over the attack."""
    if not server.taken.is_alive:
        return "; **died**"
    over_at = time.monotonic()
    while time.monotonic() < over_at + _RECOVERY_SECONDS:
        try:
            echo(server.target, _OTHER_ADDRESS)
        except Unanswered:
            time.sleep(0.5)
        else:
            needed = time.monotonic() - over_at
            return f"; answers again after {needed:.0f} s" if needed > 2 else ""
    return f"; **answers nobody {_RECOVERY_SECONDS} s later**"


ROWS = [
    Row("10 silent connections", _crowd(crowds.SILENT)),
    Row("10 times half a PDU header", _crowd(crowds.HALF_HEADERS)),
    Row("10 requests of 4 GiB", _crowd(crowds.HUGE_REQUESTS)),
    Row("200 requests that lack a byte", _crowd(crowds.FULL_BUT_FOR_A_BYTE)),
    Row("1,000 half-open, 100 drips", _crowd(crowds.HALF_OPEN, crowds.DRIPS)),
    Row("1 silent where TLS is spoken", _crowd(Crowd(1)), by_tls=True),
    Row("100 silent where TLS is spoken", _crowd(crowds.SILENT_BEFORE_TLS), by_tls=True),
    *(Row(words, _flood(flood)) for words, flood in floods.FLOODS.items()),
    Row("100 associations at once", _burst(100)),
    Row("500 associations at once", _burst(500)),
    Row(f"{_IDLE} idle associations", _idle),
    Row(f"{_FUZZED} bent conversations", _fuzz),
]


def _cell(server: Server, row: Row) -> str:
    with (
        TemporaryDirectory(prefix="osteon-attacks-") as folder,
        server(Path(folder), row.by_tls) as running,
    ):
        return row.measure(running)


def _table(rows: list[Row]) -> str:
    lines = [
        "| Attack | " + " | ".join(SERVERS) + " |",
        "|---|" + "---|" * len(SERVERS),
    ]
    for row in rows:
        cells = []
        for name, server in SERVERS.items():
            cells.append(_cell(server, row))
            typer.echo(f"{row.words} | {name} | {cells[-1]}", err=True)
            gc.collect()
        lines.append(f"| {row.words} | " + " | ".join(cells) + " |")
    named = ", ".join(f"{name} {number}" for name, number in versions().items())
    return "\n".join([*lines, "", f"Versions: {named}."])


def main(
    write: Annotated[Path | None, typer.Option(help="Document whose table is replaced.")] = None,
    only: Annotated[str, typer.Option(help="Attacks whose words contain this.")] = "",
) -> None:
    table = _table([row for row in ROWS if only in row.words])
    if write is None:
        typer.echo(table)
        return
    before, _, rest = write.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    write.write_text(f"{before}{_BEGIN}\n\n{table}\n\n{_END}{after}")


if __name__ == "__main__":
    typer.run(main)
