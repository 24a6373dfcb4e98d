"""What of the node nothing is heard of: without it work stands still, or is slower than it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from db.presence import ListedProcess
from db.states import JobKind

_GPU = "cuda"  # how the name of such a device begins


class MissingPart(StrEnum):
    LISTENER = "listener"  # nothing is received
    BEAT = "beat"  # nothing is given to the workers
    ANALYST = "analyst"  # no image is looked at
    REPORTER = "reporter"  # nothing is reported
    COURIER = "courier"  # nothing is sent


_BY_QUEUE = {
    JobKind.ANALYSE: MissingPart.ANALYST,
    JobKind.REPORT: MissingPart.REPORTER,
    JobKind.DELIVER: MissingPart.COURIER,
}


@dataclass(frozen=True)
class LostGpu:
    """A machine whose images were looked at by a GPU, and are by something slower now."""

    host: str
    gpu: str
    device: str


def missing_parts(processes: Sequence[ListedProcess]) -> list[MissingPart]:
    """Those of which no process has said anything for a minute, if ever."""
    present = {
        part for process in processes if not process.is_silent for part in _parts_of(process)
    }
    return [part for part in MissingPart if part not in present]


def gpus_of(processes: Sequence[ListedProcess]) -> dict[str, str]:
    """The GPU of each machine that has or had one, as far as its processes still say."""
    return {
        process.host: process.device
        for process in processes
        if process.device is not None and _is_gpu(process.device)
    }


def lost_gpus(processes: Sequence[ListedProcess], known: Mapping[str, str]) -> list[LostGpu]:
    """Machines that had a GPU, where none of those that look at images is on one now."""
    devices: dict[str, list[str]] = {}
    for process in processes:
        if MissingPart.ANALYST in _parts_of(process) and not process.is_silent and process.device:
            devices.setdefault(process.host, []).append(process.device)
    return [
        LostGpu(host, known[host], now[0])
        for host, now in sorted(devices.items())
        if host in known and not any(map(_is_gpu, now))
    ]


def _is_gpu(device: str) -> bool:
    return device.startswith(_GPU)


def _parts_of(process: ListedProcess) -> list[MissingPart]:
    if process.part != "worker":
        return [part for part in (MissingPart.LISTENER, MissingPart.BEAT) if part == process.part]
    return [part for queue, part in _BY_QUEUE.items() if queue in process.queues]
