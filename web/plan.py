"""What the window is built from: values that the command read from the settings."""

from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from dicom_node.peer import Destination


@dataclass(frozen=True)
class AccessPlan:
    """How people are known: `login` off shows the page to whoever is at this machine."""

    login: bool = False
    idle_minutes: float = 15
    longest_session_hours: float = 12


@dataclass(frozen=True)
class NamedPeer:
    """A destination or peer as the operations page shows it; `dicom` where it answers C-ECHO."""

    name: str
    address: str  # AET@HOST:PORT, mllp://… or https://…
    dicom: Destination | None = None


@dataclass(frozen=True)
class WebPlan:
    """Which ledger and spool to show, where the listener is, and where the pages are served."""

    ledger_url: str
    data_dir: Path
    model_dir: Path
    ae_title: str
    dicom_host: str
    dicom_port: int
    time_zone: ZoneInfo
    listener: Destination | None = None  # as this process reaches it
    peers: tuple[NamedPeer, ...] = ()
    bind_address: str = "127.0.0.1"
    port: int = 8042
    access: AccessPlan = field(default_factory=AccessPlan)
    language: str = "en"
    locale_dir: Path | None = None  # None: those that come with Osteon
