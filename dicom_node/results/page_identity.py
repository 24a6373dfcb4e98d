"""Whose study a page is about, as a person reads it: name, number, birth date, request, study."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from dicom_node.results.character_set import declared_character_set
from dicom_node.results.page_fonts import language_of
from dicom_node.results.page_text import PageText, drawable, missing_scripts

_NOT_STATED = "not stated"
_SEXES = {"M": "male", "F": "female", "O": "other"}


@dataclass(frozen=True)
class Field:
    label: str
    value: PageText


@dataclass(frozen=True)
class Identity:
    """The name in each way it is written that can be drawn, and the other fields."""

    names: tuple[PageText, ...]
    fields: tuple[Field, ...]
    missing_scripts: tuple[str, ...]

    @property
    def font_sentence(self) -> str:
        """Why something is not written as it should be; empty where nothing is amiss."""
        if not self.missing_scripts:
            return ""
        scripts = ", ".join(self.missing_scripts)
        return (
            f"This node has no font for some characters of the name or study ({scripts}): they "
            "are left out or given as U+ numbers. Install a font that has them."
        )


def identity_of(patient_study: Dataset, headers: Sequence[Dataset]) -> Identity:
    """From the legal values of a result and the character set of its sources."""
    values = _values(patient_study)
    groups = _name_groups(patient_study.get("PatientName"))
    language = _language(headers, [*groups, *values.values()])
    names = [drawable(group, language) for group in groups]
    fields = [
        Field(label, drawable(value or _NOT_STATED, language)) for label, value in values.items()
    ]
    missing = missing_scripts([*names, *(field.value for field in fields)])
    return Identity(_readable(names), tuple(fields), tuple(missing))


def _readable(names: list[PageText]) -> tuple[PageText, ...]:
    """The ways of writing that can be drawn; else the first of them, spelled in numbers."""
    drawn = [name for name in names if not name.missing_scripts]
    return tuple(drawn or names[:1] or [drawable(_NOT_STATED, "ja")])


def _values(patient_study: Dataset) -> dict[str, str]:
    def text(keyword: str) -> str:
        value = patient_study.get(keyword)
        return "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")

    return {
        "Patient ID": text("PatientID"),
        "Birth date": _date(text("PatientBirthDate")),
        "Sex": _SEXES.get(text("PatientSex"), ""),
        "Accession number": text("AccessionNumber"),
        "Study date": " ".join((_date(text("StudyDate")), _time(text("StudyTime")))).strip(),
        "Study": text("StudyDescription"),
    }


def _date(digits: str) -> str:
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if digits else ""


def _time(digits: str) -> str:
    return f"{digits[:2]}:{digits[2:4]}" if len(digits) >= 4 else ""


def _name_groups(value: PersonName | MultiValue[PersonName] | None) -> list[str]:
    """The component groups that are there: alphabetic, ideographic, phonetic (PS3.5 6.2.1)."""
    if not value:
        return []
    first = value[0] if isinstance(value, MultiValue) else value
    groups = (first.alphabetic, first.ideographic, first.phonetic)
    return [named for named in map(_named, groups) if named]


def _named(group: str) -> str:
    """Family name first; a comma after it in scripts that know capitals, where it is usual."""
    family, *others = (component.strip() for component in group.split("^"))
    given, further = " ".join(filter(None, others[:2])), others[2:]
    parts = [part for part in (family, given, *further) if part]
    cased = any(letter.lower() != letter.upper() for letter in group)
    return (", " if cased else " ").join(parts)


def _language(headers: Sequence[Dataset], texts: list[str]) -> str:
    declared = declared_character_set(headers)
    terms = [declared] if isinstance(declared, str) else declared or []
    return language_of(terms, "".join(texts))
