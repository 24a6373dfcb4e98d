"""A mutant in the making: a seed's tree, and how it is to be written down."""

import zlib
from dataclasses import dataclass
from random import Random

from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from tests.fuzzing.elements import PIXEL_DATA, Element, Form, Fragments, encode, every, find
from tests.fuzzing.seeds import Seed


@dataclass
class Draft:
    """What the steps of a recipe change, one after the other."""

    elements: list[Element]
    form: Form
    transfer_syntax_uid: UID  # as the sender's presentation context says

    @classmethod
    def of(cls, seed: Seed, identity: dict[int, str]) -> "Draft":
        """The seed with UIDs of its own, by tag."""
        elements = seed.elements()
        for tag, uid in identity.items():
            element = find(elements, tag)
            assert element is not None
            element.value = uid.encode() + b"\0" * (len(uid) % 2)
        return cls(elements, seed.form, seed.transfer_syntax_uid)

    @property
    def fragments(self) -> Fragments | None:
        """The encapsulated pixels, where there are any."""
        pixels = find(self.elements, PIXEL_DATA)
        return pixels.value if pixels is not None and isinstance(pixels.value, Fragments) else None

    def pick(self, chance: Random) -> tuple[list[Element], int]:
        """Any element at any depth, as its siblings and its place among them."""
        return chance.choice(list(every(self.elements)))

    def put(self, tag: int, vr: bytes, value: bytes) -> None:
        """The element with this value at its place, whether it was there or not."""
        element = find(self.elements, tag)
        if element is None:
            self.elements.append(Element(tag, vr, value))
            self.elements.sort(key=lambda one: one.tag)
        else:
            element.vr, element.value = vr, value

    def encoded(self) -> bytes:
        """The data set as it is sent."""
        data = encode(self.elements, self.form)
        if self.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
            return deflate(data)
        return data


def deflate(data: bytes, window_bits: int = -zlib.MAX_WBITS) -> bytes:
    squeeze = zlib.compressobj(6, zlib.DEFLATED, window_bits)
    return squeeze.compress(data) + squeeze.flush()
