"""Steps that change elements: what they say they are, where they stand, what they say."""

from collections.abc import Callable
from random import Random

from pydicom.uid import UID

from dicom_node.contexts import TRANSFER_SYNTAXES
from tests.fuzzing import values
from tests.fuzzing.draft import Draft
from tests.fuzzing.elements import UNDEFINED, Element, Form, Item, nested_items

Step = Callable[[Random, Draft], None]
_CHARACTER_SET = 0x00080005
# Whole numbers of the pixel module and of what is beside it, as tag and VR.
_PIXEL_NUMBERS = {
    0x00280002: b"US",  # Samples per Pixel
    0x00280006: b"US",  # Planar Configuration
    0x00280010: b"US",  # Rows
    0x00280011: b"US",  # Columns
    0x00280100: b"US",  # Bits Allocated
    0x00280101: b"US",  # Bits Stored
    0x00280102: b"US",  # High Bit
    0x00280103: b"US",  # Pixel Representation
    0x00280120: b"US",  # Pixel Padding Value
    0x00280121: b"US",  # Pixel Padding Range Limit
    0x00280106: b"US",  # Smallest Image Pixel Value
}
_PIXEL_TEXTS = {
    0x00280004: (b"CS", (b"MONOCHROME1", b"RGB", b"PALETTE COLOR", b"YBR_FULL", b"YBR_ICT", b"X")),
    0x00280008: (b"IS", (b"0", b"-1", b"2", b"8", b"9999", b"2147483647", b"1.5")),
    0x00281050: (b"DS", (b"0", b"nan", b"1e308", b"-1", b"1\\2", b"")),
    0x00281051: (b"DS", (b"0", b"-5", b"inf", b"1e-300", b"0.5", b"")),
    0x00281052: (b"DS", (b"1e308", b"-1e308", b"nan", b"x")),
    0x00281053: (b"DS", (b"0", b"1e308", b"-1", b"nan", b"1e-320")),
    0x00281056: (b"CS", (b"SIGMOID", b"LINEAR_EXACT", b"NONE")),
    0x00280034: (b"IS", (b"0\\0", b"1\\0", b"-1\\1", b"1\\99999", b"7")),
    0x00280030: (b"DS", (b"0\\0", b"1\\1e300", b"-1\\1", b"nan\\1", b"1")),
    0x00181164: (b"DS", (b"0\\0", b"1e-300\\1", b"inf\\1")),
}
_LUTS = (0x00283000, 0x00283010)
_LUT_DESCRIPTOR, _LUT_DATA = 0x00283002, 0x00283006
_PALETTES = (0x00281101, 0x00281102, 0x00281103, 0x00281201, 0x00281202, 0x00281203)


def lie_about_length(chance: Random, draft: Draft) -> None:
    siblings, place = draft.pick(chance)
    element = siblings[place]
    real = len(element.value) if isinstance(element.value, bytes) else 0
    near = (real + 1, real + 2, max(0, real - 1), real * 2)
    element.claimed = chance.choice((*values.UNDEFINED_OR, *near))


def change_vr(chance: Random, draft: Draft) -> None:
    siblings, place = draft.pick(chance)
    siblings[place].vr = chance.choice(values.VRS)


def change_value(chance: Random, draft: Draft) -> None:
    siblings, place = draft.pick(chance)
    make = chance.choice((values.text, values.noise, lambda one: values.words(one, "<")))
    siblings[place].value = make(chance)


def remove(chance: Random, draft: Draft) -> None:
    siblings, place = draft.pick(chance)
    del siblings[place]


def repeat(chance: Random, draft: Draft) -> None:
    siblings, place = draft.pick(chance)
    siblings[place:place] = [siblings[place]] * chance.choice((1, 2, 20))


def move(chance: Random, draft: Draft) -> None:
    siblings, place = draft.pick(chance)
    siblings.insert(chance.randrange(len(siblings)), siblings.pop(place))


def change_tag(chance: Random, draft: Draft) -> None:
    siblings, place = draft.pick(chance)
    siblings[place].tag ^= 1 << chance.randrange(32)


def insert_noise(chance: Random, draft: Draft) -> None:
    siblings, place = draft.pick(chance)
    tag = chance.choice((chance.getrandbits(32), siblings[place].tag + 1, 0x00091001, 0xFFFEE000))
    vr = chance.choice(values.VRS)
    siblings.insert(place, Element(tag, vr, values.noise(chance, 200)))


def nest(chance: Random, draft: Draft) -> None:
    """Sequences in sequences, some deeper than any parser recurses, some without an end."""
    levels = chance.choice((1, 3, 31, 33, 100, 400, 2000))
    tag = chance.choice((0x00081140, 0x00400275, 0x00091010))
    ends = levels if chance.random() < 0.8 else levels // 2
    nested = Element(tag, b"SQ", nested_items(levels, ends, draft.form), claimed=UNDEFINED)
    siblings, place = draft.pick(chance)
    siblings.insert(place, nested)


def lie_about_item(chance: Random, draft: Draft) -> None:
    sequences = [element for element in draft.elements if isinstance(element.value, list)]
    items = [item for one in sequences if isinstance(one.value, list) for item in one.value]
    if not items:
        return nest(chance, draft)
    item = chance.choice(items)
    item.claimed = chance.choice(values.UNDEFINED_OR)
    item.is_ended = chance.random() < 0.5
    return None


def change_character_set(chance: Random, draft: Draft) -> None:
    draft.put(_CHARACTER_SET, b"CS", chance.choice(values.CHARACTER_SETS))
    draft.put(0x00100010, b"PN", values.noise(chance) + b"=" + values.text(chance))


def change_pixel_number(chance: Random, draft: Draft) -> None:
    tag, vr = chance.choice(list(_PIXEL_NUMBERS.items()))
    count = chance.choice((1, 1, 1, 1, 0, 2))
    draft.put(tag, vr, values.words(chance, draft.form.order, count))


def change_pixel_text(chance: Random, draft: Draft) -> None:
    tag, (vr, choices) = chance.choice(list(_PIXEL_TEXTS.items()))
    draft.put(tag, vr, chance.choice(choices))


def change_table(chance: Random, draft: Draft) -> None:
    """A lookup table whose descriptor and data do not fit, or that lies over another."""
    order = draft.form.order
    descriptor = Element(_LUT_DESCRIPTOR, b"US", values.words(chance, order, 3))
    data = Element(_LUT_DATA, chance.choice((b"OW", b"US", b"OB")), values.noise(chance, 600))
    items = [Item([descriptor, data])] * chance.choice((0, 1, 1, 1, 3))
    table = Element(chance.choice(_LUTS), b"SQ", items)
    draft.elements = [one for one in draft.elements if one.tag != table.tag]
    draft.elements.append(table)
    draft.elements.sort(key=lambda one: one.tag)


def change_palette(chance: Random, draft: Draft) -> None:
    draft.put(0x00280004, b"CS", b"PALETTE COLOR ")
    for tag in chance.sample(_PALETTES, 4):
        descriptor = tag < 0x00281200
        value = values.words(chance, draft.form.order, 3) if descriptor else values.noise(chance)
        draft.put(tag, b"US" if descriptor else b"OW", value)


def change_overlay(chance: Random, draft: Draft) -> None:
    group = 0x60000000 + (chance.choice((0, 2, 0x1E, 0x20, 1)) << 16)
    for number in chance.sample((0x10, 0x11, 0x50, 0x100, 0x102), 3):
        count = 2 if number == 0x50 else 1
        draft.put(group | number, b"US", values.words(chance, draft.form.order, count))
    draft.put(group | 0x3000, b"OW", values.noise(chance, 400))


def lie_about_transfer_syntax(chance: Random, draft: Draft) -> None:
    draft.transfer_syntax_uid = UID(chance.choice(TRANSFER_SYNTAXES))


def write_otherwise(chance: Random, draft: Draft) -> None:
    order = "<" if chance.random() < 0.5 else ">"
    draft.form = Form(implicit=chance.random() < 0.5, order=order)  # type: ignore[arg-type]


ELEMENT_STEPS: tuple[Step, ...] = (
    lie_about_length,
    change_vr,
    change_value,
    remove,
    repeat,
    move,
    change_tag,
    insert_noise,
    nest,
    lie_about_item,
    change_character_set,
    lie_about_transfer_syntax,
    write_otherwise,
)
PIXEL_STEPS: tuple[Step, ...] = (
    change_pixel_number,
    change_pixel_text,
    change_table,
    change_palette,
    change_overlay,
)
