"""A comparison of two classifiers in plain words."""

from collections.abc import Iterator

from model.evaluation.comparison import STATES, Comparison, Difference


def describe(comparison: Comparison) -> str:
    """The lines that `osteon compare` prints."""
    return "\n".join(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    yield f"A  {comparison.first}"
    yield f"B  {comparison.second}"
    yield (
        f"{comparison.images} images judged by both, {comparison.fractured} fractured, "
        f"{comparison.groups} groups; {comparison.left_out} left out"
    )
    yield ""
    for difference in comparison.differences:
        yield from _difference_lines(difference)
    if comparison.delong is not None:
        z, p = comparison.delong
        yield (
            "DeLong's test of the AUROCs, which takes images for independent: "
            f"z = {z:.2f}, p = {p:.3f}"
        )
    yield ""
    yield from _table("fractured images", comparison.agreement.fractured)
    yield from _table("images without a fracture", comparison.agreement.others)


def _difference_lines(difference: Difference) -> Iterator[str]:
    of = difference.difference
    yield f"{difference.name}: A {difference.first:.3f}, B {difference.second:.3f}"
    yield f"  B − A = {of.value:+.3f} ({of.low:+.3f} to {of.high:+.3f}): {verdict(difference)}"


def verdict(difference: Difference) -> str:
    """What the interval allows to say."""
    if not difference.shown:
        return "no difference that these images can show"
    return "B is higher" if difference.difference.value > 0 else "A is higher"


def _table(name: str, counts: tuple[tuple[int, ...], ...]) -> Iterator[str]:
    """Rows are what A says, columns what B says."""
    alike = sum(row[at] for at, row in enumerate(counts))
    total = sum(map(sum, counts))
    yield f"{name}: both say the same of {alike} of {total}"
    for said_a, row in enumerate(counts):
        for said_b, count in enumerate(row):
            if count and said_a != said_b:
                yield f"  A says {STATES[said_a]}, B says {STATES[said_b]}: {count}"
