"""What the window is built from: values that the command read from the settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from db.user_sessions import SessionLimits
from dicom_node.keeping.purging import RetentionPlan
from dicom_node.peer import Destination
from model.signing import Signers


@dataclass(frozen=True)
class OidcPlan:
    """The provider that knows the hospital's people, and which of its words make which role."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    role_claim: str = "groups"
    administrators: frozenset[str] = frozenset()
    readers: frozenset[str] = frozenset()
    viewers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class AccessPlan:
    """How people are known: `login` off shows the page to whoever is at this machine.

    The page is encrypted by `certificate` and `key` (PEM), or by a proxy before it
    (`behind_proxy`): requests are taken from its address or network alone then.
    """

    login: bool = False
    idle_minutes: float = 15
    longest_session_hours: float = 12
    hosts: tuple[str, ...] = ()  # names by which browsers reach the page
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False
    proxy_address: str = "127.0.0.1"
    oidc: OidcPlan | None = None
    refusal_seconds: float = 1.0  # a refused sign-in is answered no sooner: time tells nothing

    @property
    def is_encrypted(self) -> bool:
        return self.behind_proxy or self.certificate is not None

    @property
    def session_limits(self) -> SessionLimits:
        return SessionLimits(self.idle_minutes * 60, self.longest_session_hours * 3600)


@dataclass(frozen=True)
class NamedPeer:
    """A destination or peer as the operations page shows it.

    `ask` says in words how it answers what it can be asked (C-ECHO, a connection, its metadata), or
    raises PeerTrouble; it asks at the address of the settings, and nobody can name another.
    """

    name: str
    address: str  # AET@HOST:PORT, mllp://… or https://…
    ask: Callable[[], str]
    is_destination: bool = False


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
    disk_reserve_bytes: int = 0  # below it nothing more is received
    bind_address: str = "127.0.0.1"
    port: int = 8042
    access: AccessPlan = field(default_factory=AccessPlan)
    model_signers: Signers = field(default_factory=Signers)  # who has to vouch for it
    retention: RetentionPlan = field(default_factory=RetentionPlan)
    language: str = "en"
    locale_dir: Path | None = None  # None: those that come with Osteon
