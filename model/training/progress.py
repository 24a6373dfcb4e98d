"""How a run is followed: log lines, a bar on a terminal, TensorBoard's event files."""

import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

log = structlog.get_logger(__name__)

_LOG_EVERY_BATCHES = 40


class RunProgress:
    """Open for one fit; the bar is drawn only where somebody can see it."""

    def __init__(self, folder: Path, name: str) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._name = name
        self._events = SummaryWriter(str(folder / "tensorboard" / name))

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        self._events.close()

    def epoch(self, number: int, batches: int, losses: Iterable[float]) -> float:
        """Walk through an epoch's losses, showing them; returns their mean."""
        started, total, seen = time.monotonic(), 0.0, 0
        task = self._bar.add_task(f"{self._name} epoch {number}", total=batches, loss="")
        for loss in losses:
            total, seen = total + loss, seen + 1
            self._bar.update(task, advance=1, loss=f"loss {total / seen:.4f}")
            if seen % _LOG_EVERY_BATCHES == 0:
                self._log(number, seen, total / seen, started)
        mean = total / max(seen, 1)
        self._log(number, seen, mean, started)
        self._bar.remove_task(task)
        self.record("loss/training", mean, number)
        return mean

    def record(self, name: str, value: float, epoch: int) -> None:
        """One number of one epoch, for TensorBoard."""
        self._events.add_scalar(name, value, epoch)

    def _log(self, epoch: int, batches: int, loss: float, started: float) -> None:
        log.info(
            "training",
            run=self._name,
            epoch=epoch,
            batches=batches,
            loss=round(loss, 4),
            seconds=round(time.monotonic() - started),
        )
