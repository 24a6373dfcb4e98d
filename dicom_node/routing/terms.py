"""Reads what a rule asks for: text that no image can ever match is refused with a reason."""

import ipaddress
import re
from collections.abc import Callable

from pydicom.uid import UID

from dicom_node.contexts import STORAGE_SOP_CLASSES
from dicom_node.routing.checks import nearest
from dicom_node.routing.conditions import (
    Alternative,
    Exact,
    Fact,
    Glob,
    Network,
    Words,
    has_wildcards,
)

_AE_TITLE_MAX_LENGTH = 16  # PS3.5 6.2
_CODE_STRING_MAX_LENGTH = 16
_CODE_STRING_PATTERN = re.compile(r"[A-Z0-9 _*?]+")
# Modality (0008,0060), PS3.3 C.7.3.1.1.1, without the retired terms.
_MODALITIES = """
    ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC
    HD IO IOL IVOCT IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA
    PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT
    RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA XA XAPROTOCOL XC
"""


class ImpossibleTerm(ValueError):
    """No image can ever match the text."""


def read_alternative(fact: Fact, text: str) -> Alternative:
    """What the text asks of the fact; ImpossibleTerm where no image can match it."""
    stripped = text.strip()
    if not stripped:
        raise ImpossibleTerm("an empty text matches nothing")
    return _READERS[fact](stripped)


def _ae_title(text: str) -> Alternative:
    if len(text) > _AE_TITLE_MAX_LENGTH:
        raise ImpossibleTerm(f"{text} is no AE title: it has more than 16 characters")
    if not text.isascii() or not text.isprintable() or "\\" in text:
        raise ImpossibleTerm(f"{text!r} is no AE title: it has characters that none may have")
    return Exact(text)


def _address(text: str) -> Alternative:
    try:
        return Network(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        raise ImpossibleTerm(
            f"{text} is no IP address and no network such as 10.0.3.0/24"
        ) from error


def _sop_class(text: str) -> Alternative:
    known = {name.casefold(): uid for uid in STORAGE_SOP_CLASSES for name in _names(uid)}
    if text.casefold() not in known:
        near = nearest(text, [uid.name for uid in STORAGE_SOP_CLASSES])
        raise ImpossibleTerm(f"{text} is no storage SOP class that the node accepts{near}")
    return Exact(str(known[text.casefold()]))


def _names(sop_class_uid: UID) -> tuple[str, ...]:
    return str(sop_class_uid), sop_class_uid.name, sop_class_uid.keyword


def _modality(text: str) -> Alternative:
    if text.upper() not in _MODALITIES.split():
        raise ImpossibleTerm(f"{text} is no DICOM modality; radiographs are CR, DX, RF, RG or XA")
    return Glob.of(text)


def _code_string(text: str) -> Alternative:
    if _CODE_STRING_PATTERN.fullmatch(text.upper()) is None:
        raise ImpossibleTerm(
            f"{text} is no DICOM code string, which has letters A to Z, digits, spaces and _; "
            "write ? for any other character"
        )
    if len(text.replace("*", "")) > _CODE_STRING_MAX_LENGTH:
        raise ImpossibleTerm(
            f"{text} is no DICOM code string, which has at most 16 characters; end it with *"
        )
    return _glob(text)


def _description(text: str) -> Alternative:
    if has_wildcards(text):
        return _glob(text)
    words = Words.of(text)
    if not words.words:
        raise ImpossibleTerm(f"{text} has no word in it")
    return words


def _glob(text: str) -> Alternative:
    glob = Glob.of(text)
    if glob.pattern == "*":
        raise ImpossibleTerm("* alone asks nothing: leave the condition out")
    return glob


_READERS: dict[Fact, Callable[[str], Alternative]] = {
    Fact.CALLING_AE_TITLE: _ae_title,
    Fact.CALLED_AE_TITLE: _ae_title,
    Fact.ADDRESS: _address,
    Fact.SOP_CLASS: _sop_class,
    Fact.MODALITY: _modality,
    Fact.BODY_PART: _code_string,
    Fact.STUDY_DESCRIPTION: _description,
    Fact.SERIES_DESCRIPTION: _description,
    Fact.STATION: _description,
    Fact.INSTITUTION: _description,
    Fact.DEPARTMENT: _description,
}
