"""Text leaves in the character set it came in, and in UTF-8 where that cannot carry it."""

import warnings
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from pydicom.charset import convert_encodings, decode_bytes, encode_string, python_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, TEXT_VR_DELIMS, PersonName

UTF_8 = "ISO_IR 192"

CharacterSet: TypeAlias = str | list[str] | None


def declared_character_set(headers: Sequence[Dataset]) -> CharacterSet:
    """SpecificCharacterSet as the first header that has one has it; None: the default repertoire.

    Text of any of the headers may stand in what is built of them.
    """
    declared = (header.get("SpecificCharacterSet") for header in headers)
    value = next(filter(None, declared), None)
    if isinstance(value, MultiValue):
        return [str(term or "") for term in value]
    return str(value) if value else None


def set_character_set(dataset: Dataset, wanted: CharacterSet) -> None:
    """Declare the wanted character set if every text of the data set survives it, else UTF-8."""
    chosen = wanted if _carries(wanted, dataset) else UTF_8
    dataset.pop("SpecificCharacterSet", None)
    if chosen is not None:
        dataset.SpecificCharacterSet = chosen


def _carries(character_set: CharacterSet, dataset: Dataset) -> bool:
    terms = [character_set] if isinstance(character_set, str) else (character_set or [""])
    if any(term not in python_encoding for term in terms):
        return False
    with warnings.catch_warnings():
        # pydicom warns before it puts a question mark in; here that is an answer, not a problem.
        warnings.simplefilter("ignore")
        encodings = convert_encodings(terms)
        return all(_survives(text, encodings) for text in _texts(dataset))


def _survives(text: str | PersonName, encodings: list[str]) -> bool:
    if isinstance(text, PersonName):
        return str(PersonName(text.encode(encodings), encodings)) == str(text)
    encoded = encode_string(text, encodings)
    return str(decode_bytes(encoded, encodings, TEXT_VR_DELIMS)) == text


def _texts(dataset: Dataset) -> Iterator[str | PersonName]:
    """Every text value beyond ASCII, nested ones included."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item)
        elif element.VR in CUSTOMIZABLE_CHARSET_VR:
            yield from (value for value in _values(element) if not str(value).isascii())


def _values(element: DataElement) -> list[str | PersonName]:
    if isinstance(element.value, MultiValue):
        return list(element.value)
    return [] if element.value is None else [element.value]
