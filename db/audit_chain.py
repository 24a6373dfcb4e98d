"""The audit trail as a chain: each row sealed over its fields and the seal before it.

Rows are added without a seal, by whoever has something to write down and at no cost to them; one
sealer after the other seals what was committed. So writers never wait for each other.
"""

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, bindparam, delete, func, select, text, update
from sqlalchemy.orm import Session

from db.audit import Action, AuditRecord, record_event
from db.audit_files import AuditFiles, Head
from db.session import reading
from db.tables import AuditAnchor, AuditEvent, AuditForwarding

_SEALER_LOCK = 571_107  # any number, the same in every sealer
_BATCH_ROWS = 1000
_READ_ROWS = 5000
# What a seal is over; of a column that a later release adds nothing is said where it is null.
_FIELDS = (
    *("id", "happened_at", "actor", "role", "action", "outcome", "study_instance_uid"),
    *("address", "detail", "peer", "sop_classes", "sequence"),
)
_COLUMNS = [getattr(AuditEvent, name) for name in _FIELDS]


class ChainBroken(Exception):
    """Rows were changed, removed, added or put in another order; the message says where."""


@dataclass(frozen=True)
class ChainReport:
    """What was found whole: the first and last number in the chain, and what waits for a seal."""

    first: int
    last: int
    unsealed: int

    @property
    def events(self) -> int:
        return max(self.last - self.first + 1, 0)


def seal_events(session: Session, key: bytes, head: Head | None) -> Head:
    """Seal what waits, at most 1000 rows, in the order of their ids; where the chain ends then.

    ChainBroken where the ledger does not know `head`, the last that was told: nothing is sealed.
    """
    _lock_out_other_sealers(session)
    if head is not None:
        _require_known(session, head, key)
    last = end_of_chain(session)
    asked = select(*_COLUMNS).where(AuditEvent.seal.is_(None)).order_by(AuditEvent.id)
    sealings = []
    for row in session.execute(asked.limit(_BATCH_ROWS)).all():
        sequence = last.sequence + 1
        last = Head(sequence, seal(key, last.seal, row._asdict() | {"sequence": sequence}))
        sealings.append({"which": row.id, "sequence": last.sequence, "seal": last.seal})
    if sealings:
        table = AuditEvent.__table__
        session.connection().execute(
            update(table).where(table.c.id == bindparam("which")),  # type: ignore[arg-type]
            sealings,
        )
    return last


def seal(key: bytes, previous: str, row: dict[str, Any]) -> str:
    """Over the row's fields in one canonical form, bound to the row before it."""
    said = {name: row[name] for name in _FIELDS if row[name] is not None}
    said["happened_at"] = row["happened_at"].isoformat()
    return _signature(key, "event", previous, said)


def has_unsealed(session: Session) -> bool:
    asked = select(AuditEvent.id).where(AuditEvent.seal.is_(None)).limit(1)
    return session.scalar(asked) is not None


def unsealed_since(session: Session) -> datetime | None:
    """When the first of those without a seal was written; None: all have one."""
    return session.scalar(select(func.min(AuditEvent.happened_at)).where(AuditEvent.seal.is_(None)))


def end_of_chain(session: Session) -> Head:
    """The last sealed row, or the anchor in its place."""
    sealed = select(AuditEvent.sequence, AuditEvent.seal).where(AuditEvent.sequence.is_not(None))
    row = session.execute(sealed.order_by(AuditEvent.sequence.desc()).limit(1)).first()
    return _last_anchor(session) if row is None else _head(row)


def check_trail(engine: Engine, files: AuditFiles) -> ChainReport:
    """The whole trail against the key and the end that are kept outside the database.

    Raises ChainBroken, and AuditKeyMissing where there is something to check and no key.
    """
    head = files.head()  # before the transaction: what is sealed meanwhile comes after it
    with reading(engine) as session:
        if head is None and end_of_chain(session).sequence == 0:
            return ChainReport(1, 0, _count_unsealed(session))
        report = check_chain(session, files.key(), head)
    for aside in files.heads_set_aside():
        raise ChainBroken(f"the trail was cut off once, see {aside}: remove it once that is clear")
    return report


def check_chain(session: Session, key: bytes, head: Head | None) -> ChainReport:
    """The whole trail against its seals; ChainBroken says where it is not what was written.

    `head` has to be read before the transaction begins: what is sealed meanwhile comes after it.
    """
    anchors = _checked_anchors(session, key)
    first = session.scalar(select(func.min(AuditEvent.sequence)))
    last = anchors.get((first or 0) - 1, _last_anchor(session) if first is None else Head())
    begin = last.sequence + 1
    for row in _sealed_rows(session):
        _require_next(last, row["sequence"])
        if not hmac.compare_digest(row["seal"] or "", seal(key, last.seal, row)):
            raise ChainBroken(f"event {row['sequence']} (id {row['id']}) is not what was written")
        last = Head(row["sequence"], row["seal"])
    if head is not None and last.sequence < head.sequence:
        raise ChainBroken(f"events {last.sequence + 1} to {head.sequence} are missing at the end")
    if head is not None:
        _require_known(session, head, key)
    outside = AuditEvent.seal.is_not(None) & AuditEvent.sequence.is_(None)
    if session.scalar(select(AuditEvent.id).where(outside).limit(1)) is not None:
        raise ChainBroken("there are rows with a seal and without a place in the chain")
    return ChainReport(begin, last.sequence, _count_unsealed(session))


def _count_unsealed(session: Session) -> int:
    return session.scalar(select(func.count()).where(AuditEvent.seal.is_(None))) or 0


def prune_trail(session: Session, key: bytes, before: datetime, actor: str) -> int:
    """Remove what is older, up to the first that is not; how many events that were.

    What waits to be forwarded stays. An anchor, sealed by the key, vouches for the end of what is
    removed: without it the database refuses.
    """
    _lock_out_other_sealers(session)
    last = _last_to_go(session, before)
    if last is None:
        return 0
    removed = {"sequence": last.sequence, "seal": last.seal}
    signature = _signature(key, "anchor", "", removed)
    session.add(AuditAnchor(actor=actor, signature=signature, **removed))
    session.flush()
    count = session.execute(delete(AuditEvent).where(AuditEvent.sequence <= last.sequence))
    detail = f"{count.rowcount} events up to number {last.sequence}"  # type: ignore[attr-defined]
    record_event(
        session, AuditRecord(actor, "administrator", Action.TRAIL_PRUNED, "", detail=detail)
    )
    return int(count.rowcount)  # type: ignore[attr-defined]


def _last_to_go(session: Session, before: datetime) -> Head | None:
    stays = select(func.min(AuditEvent.sequence)).where(AuditEvent.happened_at >= before)
    end = session.scalar(stays) or end_of_chain(session).sequence + 1
    forwarded = session.scalar(select(func.min(AuditForwarding.sequence)))
    last = end - 1 if forwarded is None else min(end - 1, forwarded)
    found = select(AuditEvent.sequence, AuditEvent.seal).where(AuditEvent.sequence == last)
    row = session.execute(found).first()
    return None if row is None else _head(row)


def _require_next(last: Head, sequence: int) -> None:
    if sequence == last.sequence + 1:
        return
    if sequence == last.sequence + 2:
        raise ChainBroken(f"event {last.sequence + 1} is missing")
    raise ChainBroken(f"events {last.sequence + 1} to {sequence - 1} are missing")


def _require_known(session: Session, head: Head, key: bytes) -> None:
    found = session.scalar(select(AuditEvent.seal).where(AuditEvent.sequence == head.sequence))
    if found == head.seal or not head.sequence:
        return
    is_removed_in_order = 0 < head.sequence <= max(_checked_anchors(session, key), default=0)
    if found is not None or not is_removed_in_order:
        raise ChainBroken(f"the chain went as far as event {head.sequence}, which is gone")


def _sealed_rows(session: Session) -> Iterator[dict[str, Any]]:
    """In the order of the chain."""
    asked = select(*_COLUMNS, AuditEvent.seal).where(AuditEvent.sequence.is_not(None))
    found = session.execute(
        asked.order_by(AuditEvent.sequence).execution_options(yield_per=_READ_ROWS)
    )
    for row in found:
        yield dict(row._mapping)


def _checked_anchors(session: Session, key: bytes) -> dict[int, Head]:
    anchors = {}
    for sequence, sealed, signature in session.execute(
        select(AuditAnchor.sequence, AuditAnchor.seal, AuditAnchor.signature)
    ):
        expected = _signature(key, "anchor", "", {"sequence": sequence, "seal": sealed})
        if not hmac.compare_digest(signature, expected):
            raise ChainBroken(f"the anchor after event {sequence} is not of this node")
        anchors[sequence] = Head(sequence, sealed)
    return anchors


def _last_anchor(session: Session) -> Head:
    asked = select(AuditAnchor.sequence, AuditAnchor.seal).order_by(AuditAnchor.sequence.desc())
    row = session.execute(asked.limit(1)).first()
    return Head() if row is None else _head(row)


def _head(row: Any) -> Head:
    return Head(row.sequence, row.seal)


def _signature(key: bytes, kind: str, previous: str, said: dict[str, Any]) -> str:
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, f"{kind}\n{previous}\n{canonical}".encode(), "sha256").hex()


def _lock_out_other_sealers(session: Session) -> None:
    # SQLite needs none: BEGIN IMMEDIATE already keeps every other writer waiting.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SEALER_LOCK})
