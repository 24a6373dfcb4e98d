"""The images of a report and what describes them: TID 1600, 1601, 1602 and 1603.

TID 1604 to 1609, for cross-sectional images and key objects, are left out: a radiograph is neither.
"""

from tests.dicom_node.results.template_rows import (
    MANY,
    Include,
    M,
    Row,
    Template,
    U,
    code_set,
    context_group,
)

_ACQ = "HAS ACQ CONTEXT"
_MODALITIES, _REGIONS, _SIDES = context_group(33), context_group(4031), context_group(244)
_PIXELS, _FRAMES = code_set("{pixels} UCUM"), code_set("{frames} UCUM")
_MILLIMETERS, _DEGREES = code_set("mm UCUM"), code_set("deg UCUM")


# All its rows are optional, so it is included whatever the modality: of row 13's condition (CR, DX,
# IO, MG, PX, RF, RG, XA) nothing is left to check.
PROJECTION = Template(
    "1603",
    [
        Row(
            "1",
            _ACQ,
            "CODE",
            code_set("111031 DCM"),
            below=[Row("2", "HAS CONCEPT MOD", "CODE", code_set("111032 DCM"), most=MANY)],
        ),
        Row("3", _ACQ, "TEXT", code_set("111044 DCM")),
        Row("4", _ACQ, "TEXT", code_set("111043 DCM")),
        Row("5", _ACQ, "NUM", code_set("111026 DCM"), values=_MILLIMETERS),
        Row("6", _ACQ, "NUM", code_set("111066 DCM"), values=_MILLIMETERS),
        Row("7", _ACQ, "NUM", code_set("112011 DCM"), values=_DEGREES),
        Row("8", _ACQ, "NUM", code_set("112012 DCM"), values=_DEGREES),
    ],
)

DESCRIPTORS = Template(
    "1602",
    [
        Row("1", _ACQ, "CODE", code_set("121139 DCM"), values=_MODALITIES),
        Row("2", _ACQ, "CODE", code_set("123014 DCM"), values=_REGIONS),
        Row("2b", _ACQ, "TEXT", code_set("123014 DCM")),
        Row("3", _ACQ, "CODE", code_set("111027 DCM"), values=_SIDES),
        Row("4", _ACQ, "DATE", code_set("111060 DCM")),
        Row("5", _ACQ, "TIME", code_set("111061 DCM")),
        Row("5a", _ACQ, "UIDREF", code_set("112002 DCM")),
        Row("5b", _ACQ, "TEXT", code_set("113607 DCM")),
        Row("5c", _ACQ, "TEXT", code_set("131563 DCM")),
        Row("6", _ACQ, "DATE", code_set("111018 DCM")),
        Row("7", _ACQ, "TIME", code_set("111019 DCM")),
        Row("8", _ACQ, "DATE", code_set("126201 DCM")),
        Row("9", _ACQ, "TIME", code_set("126202 DCM")),
        Row("10", _ACQ, "UIDREF", code_set("112227 DCM")),
        Row("11", _ACQ, "NUM", code_set("110910 DCM"), values=_PIXELS),
        Row("12", _ACQ, "NUM", code_set("110911 DCM"), values=_PIXELS),
        Row("12a", _ACQ, "TEXT", code_set("113609 DCM")),
        Row("12b", _ACQ, "NUM", code_set("121140 DCM"), values=_FRAMES),
        Include("13", _ACQ, PROJECTION),
    ],
)
_DESCRIBED = [Include("2", _ACQ, DESCRIPTORS)]


# One of rows 1, 3 and 5, each an item of its own: none of them can be missing from itself.
ENTRY = Template(
    "1601",
    [
        Row("1", None, "IMAGE", None, below=_DESCRIBED),
        Row("3", None, "COMPOSITE", None, below=_DESCRIBED),
        Row("5", None, "WAVEFORM", None, below=_DESCRIBED),
    ],
)

LIBRARY = Template(
    "1600",
    [
        Row(
            "1",
            None,
            "CONTAINER",
            code_set("111028 DCM"),
            M,
            below=[
                Row("1b", _ACQ, "CODE", code_set("121139 DCM"), most=MANY, values=_MODALITIES),
                Row("1c", _ACQ, "UIDREF", code_set("110181 DCM"), most=MANY),
                Row("1d", _ACQ, "CODE", code_set("123014 DCM"), most=MANY, values=_REGIONS),
                Row("1e", _ACQ, "TEXT", code_set("123014 DCM"), most=MANY),
                Row(
                    "2",
                    "CONTAINS",
                    "CONTAINER",
                    code_set("126200 DCM"),
                    most=MANY,
                    below=[
                        Include("3", _ACQ, DESCRIPTORS),
                        Include("4", "CONTAINS", ENTRY, U, MANY),
                    ],
                ),
            ],
        )
    ],
)
