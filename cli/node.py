"""Commands that run a node or a part of it."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from settings import Settings

QueueNames = Annotated[
    list[str],
    typer.Option("--queue", help="Queue to work on; may be repeated."),
]
DataDir = Annotated[Path | None, typer.Option(help="Folder of spool, results and SQLite ledger.")]
COURIER_QUEUES = ("deliver", "confirm", "answer")
# The parts of a node: the very commands that the hospital's containers run one by one.
PARTS = {
    "listener": ["listen"],
    "analyst": ["work", "--queue", "analyse"],
    # By itself, for a study's objects take a processor as long as they take to build, and what is
    # built already would wait for them.
    "reporter": ["work", "--queue", "report"],
    "courier": ["work", *(part for queue in COURIER_QUEUES for part in ("--queue", queue))],
    "beat": ["beat"],
    "web": ["web"],
}


def add_commands(app: typer.Typer) -> None:
    for command in (up, listen, work, beat):
        app.command()(command)
    database = typer.Typer(help="The ledger's schema.", no_args_is_help=True)
    database.command("upgrade")(upgrade)
    app.add_typer(database, name="db")


def up(
    data_dir: DataDir = None,
    ae_title: Annotated[str | None, typer.Option(help="Our AE title.")] = None,
    port: Annotated[int | None, typer.Option(help="DICOM port.")] = None,
    web_port: Annotated[int | None, typer.Option(help="Port of the pages.")] = None,
    destination: Annotated[
        list[str] | None, typer.Option(help="Where results go: AET@HOST:PORT; may be repeated.")
    ] = None,
) -> None:
    """Run a whole node: listener, workers, beat and page, supervised; Ctrl-C stops them all."""
    from cli.assembly import require_shadow, require_tls, routing_rules
    from cli.reaching import own_listeners
    from cli.window import require_safe_window
    from worker.supervisor import Part, Supervisor

    given = {"data_dir": data_dir, "ae_title": ae_title, "port": port, "web_port": web_port}
    settings = read_settings("up", **given, destinations=destination or None)
    # A part that refuses these would be started again and again.
    routing_rules(settings)
    require_shadow(settings)
    require_tls(settings)
    require_safe_window(settings)
    _hand_down({**given, "destinations": ",".join(destination) if destination else None})
    _upgrade(settings)
    osteon = [sys.executable, "-m", "cli"]
    wanted = PARTS | ({"gateway": ["gateway"]} if settings.gateway_enabled else {})
    parts = [Part(name, [*osteon, *arguments]) for name, arguments in wanted.items()]
    supervisor = Supervisor(parts)
    _on_stop(supervisor.stop)
    for here in own_listeners(settings):
        by = " (TLS)" if here.tls else ""
        typer.echo(f"{settings.ae_title}@{settings.bind_address}:{here.port}{by}", err=True)
    supervisor.run()


def listen() -> None:
    """Run the DICOM listener: it keeps what a PACS sends. SIGTERM lets transfers end."""
    from cli.assembly import build_listener, ledger_trouble_explained, require_tls
    from cli.reaching import own_listeners
    from worker.stop_signal import StopSignal

    settings = read_settings("listener")
    require_tls(settings)
    listener = build_listener(settings)
    stopping = StopSignal()
    _on_stop(stopping.set)
    try:
        with ledger_trouble_explained():
            listener.start()
    except OSError as error:
        ports = " and ".join(str(here.port) for here in own_listeners(settings))
        where = f"{settings.bind_address}:{ports}"
        raise Leave(Exit.CHECK_FAILED, f"cannot listen on {where}: {error.strerror}") from error
    stopping.wait()
    listener.stop()


def work(queue: QueueNames) -> None:
    """Run a worker on one or more queues of jobs."""
    from cli.assembly import build_broker, build_kitchen, concurrency, require_shadow
    from worker.tasks import WorkerBroken, run_worker

    settings = read_settings("+".join(queue))
    _refuse_unknown_queues(queue)
    if "analyse" in queue:
        require_shadow(settings)
    _on_stop(sys.exit)  # until Celery, still to be set up, takes the signals over
    broker, kitchen = build_broker(settings), build_kitchen(settings)
    try:
        run_worker(broker, kitchen, queue, concurrency(settings, queue))
    except WorkerBroken as error:
        raise Leave(Exit.CHECK_FAILED, str(error)) from error


def beat() -> None:
    """Run the beat: every second it settles quiet studies and offers due jobs to the workers."""
    from cli.assembly import build_broker, build_kitchen
    from cli.audit_care import caring_for_trail
    from worker.stop_signal import StopSignal
    from worker.tasks import run_beat

    settings = read_settings("beat")
    stopping = StopSignal()
    _on_stop(stopping.set)
    broker, kitchen = build_broker(settings), build_kitchen(settings)
    with caring_for_trail(settings, kitchen):
        run_beat(broker, kitchen, stopping)


def upgrade() -> None:
    """Bring the ledger's schema to this version."""
    _upgrade(read_settings("db"))


def read_settings(part: str, **overrides: object) -> "Settings":
    """The settings in force, with this process's logs set up after them."""
    from logs import configure_logs
    from settings import load_settings

    settings = load_settings(**overrides)
    configure_logs(settings.log_level, part)
    return settings


def _hand_down(given: dict[str, object]) -> None:
    """What `up` was told on its command line reaches its parts as environment."""
    for name, value in given.items():
        if value is not None:
            os.environ[f"OSTEON_{name.upper()}"] = str(value)


def _upgrade(settings: "Settings") -> None:
    from cli.assembly import ledger_trouble_explained, refuse_half_restored
    from db.upgrade import upgrade_ledger

    refuse_half_restored(settings)
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        sentence = f"setting data_dir: {settings.data_dir} cannot be made: {error.strerror}"
        raise Leave(Exit.OUTPUT_UNWRITABLE, sentence) from error
    with ledger_trouble_explained():
        upgrade_ledger(settings.ledger_url)


def _refuse_unknown_queues(queues: list[str]) -> None:
    from db.jobs import JobKind

    unknown = set(queues) - set(JobKind)
    if unknown:
        raise typer.BadParameter(f"no such queue: {', '.join(sorted(unknown))}")


def _on_stop(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
