"""How a figure is written for people."""

from model.figures import Interval


def bare(figure: Interval | float | None) -> str:
    """The figure with three decimals; a dash where it could not be measured."""
    if figure is None:
        return "–"
    return f"{figure.value if isinstance(figure, Interval) else figure:.3f}"


def span(figure: Interval | None) -> str:
    """Its interval in words; nothing where there is none."""
    return "" if figure is None else f"{figure.low:.3f} to {figure.high:.3f}"
