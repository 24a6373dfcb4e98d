"""Conversations that go wrong on purpose: PDUs, items, values and commands, bent at their joints.

Every input is made from its seed alone, so that a number is enough to have it again.
"""

import random
import socket
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.dicom_node.attacks import wire

SOP_CLASSES = (
    wire.VERIFICATION,
    wire.COMPUTED_RADIOGRAPHY,
    b"1.2.840.10008.5.1.4.1.2.2.1",  # Study Root find
    b"1.2.840.10008.5.1.4.1.2.2.2",  # and move
    b"1.2.840.10008.1.20.1",  # Storage Commitment Push Model
)
_CONTEXTS = tuple(2 * number + 1 for number in range(len(SOP_CLASSES)))
_LENGTHS = (0, 1, 2, 3, 4, 5, 0x7F, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
_COMMAND_FIELDS = (0x01, 0x10, 0x20, 0x21, 0x30, 0x100, 0x110, 0x120, 0x130, 0x140, 0x150, 0xFFF)
_PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class Conversation:
    """What is sent: on a new connection, or once an association is there."""

    kind: str
    sent: bytes
    is_associated: bool


def conversation(seed: int) -> Conversation:
    chance = random.Random(seed)
    kind = chance.choice(list(_KINDS))
    make, is_associated = _KINDS[kind]
    sent = make(chance)
    if chance.random() < 0.2:
        sent = _flipped(chance, sent)
    if chance.random() < 0.1:
        sent = sent[: chance.randrange(len(sent) + 1)]
    return Conversation(kind, sent, is_associated)


def hold(target: wire.Target, said: Conversation) -> str:
    """How it ended, in a word: the last PDU that came, "silence", or "hung up"."""
    with target.connect(timeout_seconds=_PATIENCE_SECONDS) as connection:
        try:
            if said.is_associated:
                connection.sendall(wire.associate_request(target.called, "FUZZ", SOP_CLASSES))
                kind, _ = wire.read_pdu(connection)
                if kind != wire.ASSOCIATE_AC:
                    return "not let in"
            connection.sendall(said.sent)
            connection.shutdown(socket.SHUT_WR)
            return _last_word(connection)
        except TimeoutError:
            return "silence"
        except OSError:
            return "hung up"


def _last_word(connection: socket.socket) -> str:
    last = "hung up"
    while piece := connection.recv(65536):
        last = f"PDU {piece[0]}"
    return last


@dataclass
class Fuzzed:
    """What a run did: how many conversations of each kind, and how they ended."""

    kinds: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)

    def run(self, target: wire.Target, seeds: range) -> None:
        for seed in seeds:
            said = conversation(seed)
            self.kinds[said.kind] += 1
            self.endings[hold(target, said)] += 1


# --- the association request -------------------------------------------------------------------


def _bent_request(chance: random.Random) -> bytes:
    """Items that are left out, doubled, in another order, of another kind or length."""
    context = wire.item(
        0x20,
        bytes([chance.choice((0, 1, 1, 1, 2, 255)), 0, 0, 0])
        + _item(chance, 0x30, _uid(chance))
        + _item(chance, 0x40, _uid(chance)),
    )
    items = [
        _item(chance, 0x10, b"1.2.840.10008.3.1.1.1"),
        *[context] * chance.choice((0, 1, 1, 2, 130)),
        _item(chance, 0x50, b"".join(_user_items(chance))),
    ]
    if chance.random() < 0.3:
        chance.shuffle(items)
    if chance.random() < 0.3:
        items.pop(chance.randrange(len(items)))
    version = chance.choice((1, 1, 1, 0, 2, 0xFFFF))
    titles = chance.choice((b"OSTEON", b"\xff" * 16, b"", b"\\")).ljust(16)
    head = struct.pack(">HH", version, 0) + titles + _bytes(chance, 16) + bytes(32)
    return _pdu(chance, wire.ASSOCIATE_RQ, head + b"".join(items))


def _user_items(chance: random.Random) -> list[bytes]:
    known = [
        struct.pack(">BBHL", 0x51, 0, 4, chance.choice((0, 1, 16384, 0xFFFFFFFF))),
        _item(chance, 0x52, _uid(chance)),
        _item(chance, 0x53, struct.pack(">HH", chance.randrange(65536), 1)),
        _item(chance, 0x54, struct.pack(">H", 17) + wire.VERIFICATION + _bytes(chance, 2)),
        _item(chance, 0x55, _bytes(chance, chance.randrange(40))),
        _item(chance, 0x56, struct.pack(">H", 17) + wire.VERIFICATION + _bytes(chance, 9)),
        _item(chance, 0x57, _bytes(chance, chance.randrange(60))),
        _item(chance, 0x58, bytes([chance.randrange(7), 1]) + _bytes(chance, 30)),
        _item(chance, chance.randrange(256), _bytes(chance, chance.randrange(100))),
    ]
    return chance.sample(known, chance.randrange(len(known) + 1))


def _early_data(chance: random.Random) -> bytes:
    """A request, and more before it can have been answered."""
    request = wire.associate_request("OSTEON", "FUZZ", SOP_CLASSES)
    return request + chance.choice((wire.echo_request(), wire.RELEASE, wire.ABORTED, request))


def _noise(chance: random.Random) -> bytes:
    return _bytes(chance, chance.choice((1, 5, 6, 7, 100, 5000)))


# --- what comes on an association --------------------------------------------------------------


def _bent_values(chance: random.Random) -> bytes:
    """Presentation data values of wrong lengths, contexts and control headers."""
    pieces = []
    for _ in range(chance.choice((1, 1, 2, 5))):
        body = chance.choice((wire.echo_command(), _store(chance), _bytes(chance, 50), b""))
        control = chance.choice((0, 1, 2, 3, 3, 3, 4, 0x80, 0xFF))
        context_id = chance.choice((*_CONTEXTS, 0, 2, 99, 255))
        value = wire.fragment(context_id, control, body)
        if chance.random() < 0.3:
            value = struct.pack(">L", _length(chance, len(value) - 4)) + value[4:]
        pieces.append(value)
    return _pdu(chance, wire.P_DATA, b"".join(pieces))


def _bent_command(chance: random.Random) -> bytes:
    """A command whose elements are missing, doubled, of other lengths, or say what is not so."""
    elements = [
        (0x0002, chance.choice((*SOP_CLASSES, b"", b"1." * 60, _bytes(chance, 20)))),
        (0x0100, wire.number(chance.choice(_COMMAND_FIELDS) | chance.choice((0, 0x8000)))),
        (0x0110, chance.choice((wire.number(1), b"", bytes(1), bytes(3), bytes(400)))),
        (0x0120, wire.number(chance.randrange(65536))),
        (0x0600, _bytes(chance, 16)),
        (0x0700, wire.number(chance.randrange(4))),
        (0x0800, wire.number(chance.choice((0x0101, 0, 1, 0xFFFF)))),
        (0x0900, wire.number(chance.choice((0, 0xFF00, 0xA700)))),
        (0x1000, chance.choice((b"1.2.3", b"", b"../../x", b"9" * 80))),
        (0x1008, wire.number(chance.randrange(10))),
        (chance.randrange(65536), _bytes(chance, chance.randrange(50))),
    ]
    for _ in range(chance.randrange(6)):
        elements.pop(chance.randrange(len(elements)))
    if chance.random() < 0.2:
        chance.shuffle(elements)
    body = b"".join(wire.element(chance.choice((0, 0, 0, 0, 8)), *one) for one in elements)
    length = len(body) if chance.random() < 0.8 else _length(chance, len(body)) & 0xFFFFFFFF
    return _in_pieces(chance, wire.element(0, 0, struct.pack("<L", length)) + body)


def _bent_store(chance: random.Random) -> bytes:
    """A C-STORE whose data set is noise, or comes in the wrong places."""
    context_id = chance.choice(_CONTEXTS)
    said = wire.fragment(context_id, wire.COMMAND | wire.LAST, _store(chance))
    values = [
        wire.fragment(chance.choice((context_id, 1)), wire.DATA, _bytes(chance, 300))
        for _ in range(chance.randrange(4))
    ]
    last = wire.fragment(context_id, wire.DATA | wire.LAST, _bytes(chance, 40))
    order = [said, *values, last]
    if chance.random() < 0.3:
        chance.shuffle(order)
    return b"".join(wire.pdu(wire.P_DATA, value) for value in order)


def _out_of_turn(chance: random.Random) -> bytes:
    """PDUs that do not belong here, now."""
    known = (
        wire.associate_request("OSTEON", "FUZZ", SOP_CLASSES),
        wire.pdu(wire.ASSOCIATE_AC, _bytes(chance, 80)),
        wire.pdu(wire.ASSOCIATE_RJ, bytes([0, *chance.choices(range(5), k=3)])),
        wire.pdu(wire.RELEASE_RP, bytes(4)),
        wire.pdu(wire.RELEASE_RQ, _bytes(chance, chance.randrange(9))),
        wire.pdu(wire.ABORT, _bytes(chance, chance.randrange(9))),
        wire.pdu(chance.randrange(256), _bytes(chance, chance.randrange(30))),
        wire.echo_request(),
        wire.RELEASE,
    )
    return b"".join(chance.choices(known, k=chance.choice((1, 2, 3, 6))))


def _store(chance: random.Random) -> bytes:
    return wire.store_command(b"1.2.3.%d" % chance.randrange(1000), chance.choice(SOP_CLASSES))


def _in_pieces(chance: random.Random, command: bytes) -> bytes:
    """The command in fragments, and after it a data set that may not have been announced."""
    context_id = chance.choice(_CONTEXTS)
    cut = chance.randrange(len(command))
    values = [
        wire.fragment(context_id, wire.COMMAND, command[:cut]),
        wire.fragment(context_id, wire.COMMAND | wire.LAST, command[cut:]),
    ]
    if chance.random() < 0.5:
        values.append(wire.fragment(context_id, wire.DATA | wire.LAST, _bytes(chance, 64)))
    return b"".join(wire.pdu(wire.P_DATA, value) for value in values)


# --- what all of them are made of --------------------------------------------------------------


def _pdu(chance: random.Random, kind: int, body: bytes) -> bytes:
    if chance.random() < 0.85:
        return wire.pdu(kind, body)
    return struct.pack(">BBL", kind, 0, _length(chance, len(body))) + body


def _item(chance: random.Random, kind: int, body: bytes) -> bytes:
    if chance.random() < 0.9:
        return wire.item(kind, body)
    return struct.pack(">BBH", kind, 0, _length(chance, len(body)) & 0xFFFF) + body


def _length(chance: random.Random, right: int) -> int:
    return chance.choice((*_LENGTHS, right + 1, max(0, right - 1), right * 2))


def _uid(chance: random.Random) -> bytes:
    return chance.choice(
        (
            *SOP_CLASSES,
            wire.IMPLICIT_LITTLE_ENDIAN,
            b"",
            b"1." * 40,
            b"\xff\xfe",
            b"1..2",
            b"a" * 64,
        )
    )


def _bytes(chance: random.Random, length: int) -> bytes:
    return chance.randbytes(length)


def _flipped(chance: random.Random, sent: bytes) -> bytes:
    bent = bytearray(sent)
    for _ in range(min(len(bent), chance.choice((1, 1, 2, 8)))):
        bent[chance.randrange(len(bent))] ^= 1 << chance.randrange(8)
    return bytes(bent)


_KINDS: dict[str, tuple[Callable[[random.Random], bytes], bool]] = {
    "bent request": (_bent_request, False),
    "early data": (_early_data, False),
    "noise": (_noise, False),
    "bent values": (_bent_values, True),
    "bent command": (_bent_command, True),
    "bent store": (_bent_store, True),
    "out of turn": (_out_of_turn, True),
}
