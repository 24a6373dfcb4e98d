"""Values that have broken parsers before."""

import struct
from random import Random

NUMBERS_AS_TEXT = (
    b"0 -1 99999999999999999999999999 1e400 -1e400 nan inf 0x10 1.5 1e-400 +0 - . 1e 2147483648"
).split()
TEXTS = (
    b"",
    b" ",
    b"\\",
    b"\\" * 50,
    b"^" * 20,
    b"=" * 10,
    b"a" * 70,
    b"a" * 5000,
    b"\0" * 8,
    b"\x1b$B;3",
    b"\x1b)Z" * 9,
    b"\xff\xfe\xfd",
    "Łódź 山田 😀".encode(),
    b"../../etc/passwd",
    b"%s%n{0}{x!r}",
    b"'; DROP TABLE study; --",
    b"<script>alert(1)</script>",
    b"=cmd|' /C calc'!A0",
    b"a\nb\r\nc",
    b"20269999",
    b"99999999-00000000",
    b"256161.9999999",
    b"0000D",
    b"1.2.3.",
    b"1." * 40,
    *NUMBERS_AS_TEXT,
)
CHARACTER_SETS = (
    b"ISO_IR 192",
    b"ISO_IR 999",
    b"\\ISO 2022 IR 87",
    b"ISO 2022 IR 6\\ISO 2022 IR 149\\ISO 2022 IR 58",
    b"GB18030",
    b"utf-8",
    b"\xff\xff",
    b"rot13",
    b"ISO_IR 13\\ISO_IR 13\\GBK",
    b"unicode_escape",
)
_KNOWN_VRS = (
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN "
    b"UR US UT UV ZZ"
).split()
VRS = (*_KNOWN_VRS, b"\0\0", b"\xff\xff", b"  ")
LENGTHS = (0, 1, 2, 3, 7, 0xFFFE, 0xFFFF, 1 << 20, 1 << 27, 0x7FFFFFFF, 0xFFFFFFFD, 0xFFFFFFFE)
UNDEFINED_OR = (0xFFFFFFFF, *LENGTHS)
WORDS = (0, 1, 2, 7, 8, 12, 15, 16, 17, 31, 32, 33, 40, 64, 255, 256, 4095, 32767, 32768, 65535)
UIDS = (b"", b"1", b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.1.99", b"../x", b"1.2\\1.3")


def word(chance: Random) -> int:
    return chance.choice(WORDS) if chance.random() < 0.7 else chance.randrange(65536)


def words(chance: Random, order: str, count: int = 1) -> bytes:
    return struct.pack(f"{order}{count}H", *(word(chance) for _ in range(count)))


def noise(chance: Random, longest: int = 64) -> bytes:
    return chance.randbytes(chance.randrange(longest + 1))


def text(chance: Random) -> bytes:
    chosen = chance.choice(TEXTS)
    return chosen + b" " * (len(chosen) % 2)
