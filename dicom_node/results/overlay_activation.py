"""The overlays of the source: under a presentation state none is seen that it does not activate."""

from pydicom.dataset import Dataset

# Overlay Rows in each group that an overlay plane may have (PS3.5 7.6); these have no keywords.
_GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _ACTIVATION_LAYER = 0x0010, 0x1001
OVERLAY_ELEMENTS = tuple(f"{group:04X}{_ROWS:04X}" for group in _GROUPS)


def overlay_groups(header: Dataset) -> list[int]:
    """Of the planes that the image holds; a side or a measure may be drawn in them."""
    return [group for group in _GROUPS if (group, _ROWS) in header]


def activate_overlays(state: Dataset, groups: list[int], layer: str) -> None:
    """Overlay Activation, PS3.3 C.11.7."""
    for group in groups:
        state.add_new((group, _ACTIVATION_LAYER), "CS", layer)
