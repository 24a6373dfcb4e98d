"""The limbs a phantom can show: bones, soft tissue, field of view and where they may break."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from phantom.solids import Bone, Girth, Line, Stack, long_bone, short_bone, tube


@dataclass(frozen=True)
class Limb:
    """Bones inside soft tissue; `field` is the (height, width) in mm the collimator leaves open."""

    bones: tuple[Bone, ...]
    soft: tuple[Stack, ...]
    field: tuple[float, float]
    # Height of the field's middle.
    middle: float
    # Bone name -> the shares of its length between which it may break, and how often it is chosen.
    breakable: dict[str, tuple[float, float, float]]

    def bone(self, name: str) -> Bone:
        return next(bone for bone in self.bones if bone.name == name)

    @property
    def stoutest_mm(self) -> float:
        """Half width of the thickest bone that may break."""
        return max(float(self.bone(name).outline.a.max()) for name in self.breakable)


def build_limb(region: str, random: np.random.Generator) -> Limb:
    """One person's limb; KeyError for a region nobody has described."""
    return REGIONS[region](random)


def _hand(random: np.random.Generator) -> Limb:
    """Distal forearm, carpus and fingers, fingers up."""
    girth = random.uniform(0.88, 1.14)
    rays = [_ray(number, girth, random) for number in range(5)]
    bones = [bone for bones, _ in rays for bone in bones]
    forearm = random.uniform(0.9, 1.12)
    soft = (
        tube(Line((0, -12, 0), (0, 240, 0)), (30, 28, 29, 35, 41, 45), 0.7 * forearm, 0.16),
        tube(Line((1, -78, -2), (0, 44, 0)), (34, 40, 42, 39, 30, 22), 0.36, 0.35),
        *(finger for _, finger in rays),
    )
    bones += _carpus(girth, random) + _forearm(girth, random)
    breakable = {"radius": (0.1, 0.28, 0.65), "ulna": (0.12, 0.3, 0.35)}
    return Limb(tuple(bones), soft, (292, 206), -14, breakable)


def _forearm(girth: float, random: np.random.Generator) -> list[Bone]:
    bow = random.uniform(1, 4)
    radius = long_bone(
        "radius",
        Line((-10, 30, 1), (-14, 250, 0), bow_x=-bow),
        Girth(7.2 * girth, 2.0, 1.3, 0.85, turn=0.2),
    )
    ulna = long_bone(
        "ulna",
        Line((16, 35, -3), (13, 250, -2), bow_x=bow / 2),
        Girth(6.0 * girth, 1.35, 1.5, 0.95),
    )
    return [radius, ulna]


def _carpus(girth: float, random: np.random.Generator) -> list[Bone]:
    layout = {
        "scaphoid": (-16, 20, 9, 7.5, 6),
        "lunate": (-3, 24, 8, 7, 7),
        "triquetrum": (10, 22, 7, 6.5, 6),
        "pisiform": (13, 19, 4.5, 4.5, 4.5),
        "trapezium": (-23, 8, 7, 7.5, 6),
        "trapezoid": (-13, 6, 6, 6.5, 6),
        "capitate": (-2, 9, 7, 10.5, 7),
        "hamate": (10, 9, 7.5, 8.5, 7),
    }
    return [
        short_bone(
            name,
            (x + random.normal(0, 0.5), y + random.normal(0, 0.5), random.normal(0, 1)),
            (a * girth, height * girth, b * girth),
            random.uniform(-0.3, 0.3),
        )
        for name, (x, y, a, height, b) in layout.items()
    ]


# Per ray: where it leaves the carpus (x, y), spread (mm across per mm up), bone lengths, radius.
_RAYS = (
    ((-27, 2), -0.62, (44, 31, 23), 4.6),
    ((-14, 0), -0.17, (66, 40, 24, 18), 4.1),
    ((-3, -2), -0.03, (63, 44, 28, 18), 4.2),
    ((8, -1), 0.10, (56, 41, 26, 18), 3.7),
    ((17, 2), 0.24, (52, 33, 19, 16), 3.7),
)


def _ray(number: int, girth: float, random: np.random.Generator) -> tuple[list[Bone], Stack]:
    """Metacarpal and phalanges of one finger, thumb first, with its soft tissue."""
    (x, y), spread, lengths, radius = _RAYS[number]
    spread += random.normal(0, 0.03)
    curl = random.uniform(-0.05, 0.3) + 0.05 * number
    z, bones = 0.0, []
    top = (x, y, z)
    for phalanx, length in enumerate(lengths):
        rise = length / np.hypot(1, spread)
        foot, top = top, (top[0] + spread * rise, top[1] - rise, top[2] - curl * phalanx * rise)
        name = f"metacarpal {number + 1}" if phalanx == 0 else f"phalanx {number + 1}.{phalanx}"
        size = radius * girth * (1 - 0.12 * phalanx)
        line = Line(_lerp(top, foot, 0.01), _lerp(top, foot, 0.97))
        bones.append(long_bone(name, line, Girth(size, 1.45, 1.55, 0.85)))
    tip = (top[0], top[1] - 5, top[2])
    return bones, tube(Line(tip, (x, y, 0)), (7, 8, 9, 10, 12), 0.9)


def _lerp(
    one: tuple[float, float, float], other: tuple[float, float, float], share: float
) -> tuple[float, float, float]:
    x, y, z = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return x, y, z


def _leg(random: np.random.Generator) -> Limb:
    """Tibia and fibula down to the ankle."""
    girth = random.uniform(0.9, 1.12)
    bow = random.uniform(-3, 3)
    tibia = long_bone(
        "tibia",
        Line((-6, -260, 4), (-6, 128, 0), bow, random.uniform(0, 5)),
        Girth(12.5 * girth, 2.0, 1.75, 1.0, 0.4, turn=0.3),
    )
    fibula = long_bone(
        "fibula",
        Line((26, -245, -14), (22, 146, -8), bow_x=random.uniform(-3, 1)),
        Girth(6.0 * girth, 1.5, 1.7, 0.95, 0.42),
    )
    talus = short_bone("talus", (-4, 143, 8), (21 * girth, 15, 25), 0.1)
    calcaneus = short_bone("calcaneus", (-2, 168, -18), (16 * girth, 18, 36), 0.0)
    calf = random.uniform(0.88, 1.18)
    soft = (
        tube(
            Line((4, -330, -8), (4, 162, -2)),
            tuple(calf * w for w in (62, 60, 55, 46, 36, 36)),
            1.0,
        ),
        tube(Line((-2, 105, 4), (-2, 230, 24)), (30, 33, 38, 42, 40), 1.55, 0.4),
    )
    breakable = {"tibia": (0.42, 0.85, 0.65), "fibula": (0.5, 0.9, 0.35)}
    return Limb((tibia, fibula, talus, calcaneus), soft, (372, 190), 0, breakable)


REGIONS: dict[str, Callable[[np.random.Generator], Limb]] = {"hand": _hand, "leg": _leg}
