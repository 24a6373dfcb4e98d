"""Where images are tried in tests: a page over a ledger, its listener, and files to try."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import Engine, func, select

from db.audit import NODE, PEER
from db.session import open_ledger, reading
from db.tables import AuditEvent, Base
from dicom_node.listener import Listener, ListenerConfig
from dicom_node.peer import Destination
from dicom_node.policy import AssociationPolicy, Peer
from dicom_node.spool import FileSpool
from phantom.radiograph import PhantomSpec, make_phantom
from tests.web.window import Window, plan_for, serving

_TURN_CLOCKWISE, _ORIENTATION = 6, 0x0112


@dataclass(frozen=True)
class Desk:
    """The page, and what lies behind it."""

    window: Window
    ledger: Engine
    listener: Listener
    folder: Path
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.window.port}/try"

    def put(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def counts(self) -> dict[str, int]:
        """How many rows each table has, but that of the processes which are there.

        Of the audit trail those of people: the node writes there too, in its own time.
        """
        with reading(self.ledger) as session:
            counts = {
                name: session.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in Base.metadata.tables.items()
                if name != "presence"
            }
            of_people = select(func.count()).where(AuditEvent.role.not_in((NODE, PEER)))
            return counts | {"audit_event": session.execute(of_people).scalar_one()}


@contextmanager
def trial_desk(ledger_url: str, folder: Path, *allowed: Peer) -> Iterator[Desk]:
    """A listener that admits these peers (everybody where there are none), and a page before it."""
    ledger = open_ledger(ledger_url)
    data_dir, files = folder / "data", folder / "files"
    files.mkdir()
    policy = AssociationPolicy("OSTEON", allowed)
    config = ListenerConfig(policy, "trial", port=0)
    listener = Listener(config, ledger, FileSpool(data_dir / "spool"))
    listener.start()
    here = Destination("OSTEON", "127.0.0.1", listener.port)
    try:
        with serving(plan_for(ledger_url, data_dir, listener=here)) as window:
            yield Desk(window, ledger, listener, files)
    finally:
        listener.stop(drain_seconds=1)
        ledger.dispose()


def phantom_picture(seed: int = 7, *, fractured: bool = True) -> Image.Image:
    pixels = make_phantom(PhantomSpec(seed, fractured=fractured, rows=320, columns=256)).pixels
    return Image.fromarray((pixels >> 4).astype(np.uint8))


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def turned_jpeg(picture: Image.Image) -> bytes:
    """Lying on its side, and said by EXIF to be turned upright."""
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURN_CLOCKWISE
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    return encoded(turned, "JPEG", quality=95, exif=exif)
