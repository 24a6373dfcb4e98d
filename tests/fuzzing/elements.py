"""A data set as a tree of elements that may lie: of tag, VR, length and end."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010
_NESTED = 0x00081140  # Referenced Image Sequence
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
# PS3.5 7.1.2: these VRs have 32 bits of length in explicit VR.
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())


@dataclass
class Element:
    """One data element; `claimed` stands for its length where that is a lie."""

    tag: int
    vr: bytes
    value: "bytes | list[Item] | Fragments"
    claimed: int | None = None


@dataclass
class Item:
    """An item of a sequence, of undefined length unless one is claimed."""

    elements: list[Element]
    claimed: int | None = None
    is_ended: bool = True


@dataclass
class Fragments:
    """Encapsulated pixel data (PS3.5 A.4); the first piece is the Basic Offset Table."""

    pieces: list[bytes]
    claimed: dict[int, int] = field(default_factory=dict)  # lengths that are lies, by place
    is_ended: bool = True


@dataclass(frozen=True)
class Form:
    """How a data set is written down."""

    implicit: bool = False
    order: Literal["<", ">"] = "<"


def encode(elements: Sequence[Element], form: Form) -> bytes:
    return b"".join(_element(element, form) for element in elements)


def every(elements: Sequence[Element]) -> Iterator[tuple[list[Element], int]]:
    """Each element at any depth, as its siblings and its place among them."""
    for place, element in enumerate(elements):
        yield elements if isinstance(elements, list) else list(elements), place
        if isinstance(element.value, list):
            for item in element.value:
                yield from every(item.elements)


def find(elements: Sequence[Element], tag: int) -> Element | None:
    return next((element for element in elements if element.tag == tag), None)


def nested_items(levels: int, ends: int, form: Form) -> bytes:
    """The value of a sequence that holds as many sequences in one another; `ends` of them end."""
    start, inner = _mark(_ITEM, UNDEFINED, form), _head(_NESTED, b"SQ", UNDEFINED, form)
    end = _mark(_ITEM_END, 0, form) + _mark(_SEQUENCE_END, 0, form)
    return start + (inner + start) * (levels - 1) + end * ends


def parse(data: bytes, form: Form) -> list[Element]:
    """The tree of a sound data set in explicit VR, as pydicom writes one."""
    return _Parser(data, form.order).elements(len(data))


class _Parser:
    def __init__(self, data: bytes, order: str) -> None:
        self._data, self._order, self._at = data, order, 0

    def elements(self, end: int) -> list[Element]:
        found = []
        while self._at < end:
            tag = self._tag()
            if tag == _ITEM_END:
                self._at += 4
                break
            found.append(self._element(tag))
        return found

    def _element(self, tag: int) -> Element:
        vr = self._take(2)
        length = self._number("H") if vr not in _LONG_VRS else self._long()
        if vr == b"SQ":
            return Element(tag, vr, list(self._items(length)))
        if length == UNDEFINED:
            return Element(tag, vr, Fragments(list(self._fragments())))
        return Element(tag, vr, self._take(length))

    def _items(self, length: int) -> Iterator[Item]:
        end = len(self._data) if length == UNDEFINED else self._at + length
        while self._at < end and self._tag() == _ITEM:
            size = self._number("L")
            yield Item(self.elements(len(self._data) if size == UNDEFINED else self._at + size))
        if length == UNDEFINED:
            self._at += 4

    def _fragments(self) -> Iterator[bytes]:
        while self._tag() == _ITEM:
            yield self._take(self._number("L"))
        self._at += 4

    def _tag(self) -> int:
        return self._number("H") << 16 | self._number("H")

    def _long(self) -> int:
        self._at += 2
        return self._number("L")

    def _number(self, code: str) -> int:
        size = struct.calcsize(f"{self._order}{code}")
        return int(struct.unpack(f"{self._order}{code}", self._take(size))[0])

    def _take(self, length: int) -> bytes:
        self._at += length
        return self._data[self._at - length : self._at]


def _element(element: Element, form: Form) -> bytes:
    value, length = _value(element, form)
    length = length if element.claimed is None else element.claimed
    return _head(element.tag, element.vr, length, form) + value


def _value(element: Element, form: Form) -> tuple[bytes, int]:
    """The bytes of the value, and the length that is true of them."""
    if isinstance(element.value, bytes):
        return element.value, len(element.value)
    if isinstance(element.value, Fragments):
        return _encapsulated(element.value, form), UNDEFINED
    content = b"".join(_item(item, form) for item in element.value)
    return content + _mark(_SEQUENCE_END, 0, form), UNDEFINED


def _item(item: Item, form: Form) -> bytes:
    content = encode(item.elements, form)
    length = UNDEFINED if item.claimed is None else item.claimed
    end = _mark(_ITEM_END, 0, form) if item.is_ended and length == UNDEFINED else b""
    return _mark(_ITEM, length, form) + content + end


def _encapsulated(fragments: Fragments, form: Form) -> bytes:
    pieces = [
        _mark(_ITEM, fragments.claimed.get(place, len(piece)), form) + piece
        for place, piece in enumerate(fragments.pieces)
    ]
    return b"".join(pieces) + (_mark(_SEQUENCE_END, 0, form) if fragments.is_ended else b"")


def _mark(tag: int, length: int, form: Form) -> bytes:
    return struct.pack(f"{form.order}HHL", tag >> 16, tag & 0xFFFF, length & UNDEFINED)


def _head(tag: int, vr: bytes, length: int, form: Form) -> bytes:
    group = struct.pack(f"{form.order}HH", tag >> 16 & 0xFFFF, tag & 0xFFFF)
    if form.implicit:
        return group + struct.pack(f"{form.order}L", length & UNDEFINED)
    if vr in _LONG_VRS or length == UNDEFINED:
        return group + vr + b"\0\0" + struct.pack(f"{form.order}L", length & UNDEFINED)
    return group + vr + struct.pack(f"{form.order}H", length & 0xFFFF)
