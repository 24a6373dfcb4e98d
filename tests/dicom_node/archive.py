"""A PACS that is asked: a Query/Retrieve SCP that can be told to misbehave as real ones do."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from dicom_node.contexts import TRANSFER_SYNTAXES
from dicom_node.peer import Destination
from tests.dicom_node.sent_objects import CR, radiograph

FIND = StudyRootQueryRetrieveInformationModelFind
GET = StudyRootQueryRetrieveInformationModelGet
MOVE = StudyRootQueryRetrieveInformationModelMove
AE_TITLE = "ARCHIVE"
_LEVELS = {
    "STUDY": ("StudyInstanceUID",),
    "SERIES": ("StudyInstanceUID", "SeriesInstanceUID"),
    "IMAGE": ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
}


@dataclass
class Archive:
    """What it has, and how it fails; `neighbours` are move destinations: AE title and port."""

    datasets: list[Dataset] = field(default_factory=list, repr=False)
    neighbours: dict[str, int] = field(default_factory=dict)
    port: int = 0
    status: int = 0x0000  # of the final answer to a query
    ignored_keys: frozenset[str] = frozenset()
    refused_images: dict[str, int] = field(default_factory=dict)  # by study: below it, the status
    breaks_off_after: int | None = None
    tells_at_most: int | None = None  # matches, and then Success
    pause_seconds: float = 0  # before each match
    widest_days: int | None = None  # a wider range of dates is answered with the status below
    too_wide: int = 0xA700
    additions: dict[str, Any] = field(default_factory=dict)  # to every match
    asked: list[Dataset] = field(default_factory=list)
    was_cancelled: bool = False

    @property
    def destination(self) -> Destination:
        return Destination(AE_TITLE, "127.0.0.1", self.port)

    def reset(self) -> None:
        fresh = Archive(port=self.port)
        self.__dict__.update(fresh.__dict__)

    def find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        identifier = event.identifier
        self.asked.append(identifier)
        if status := self._refusal(identifier):
            yield status, None
            return
        for count, match in enumerate(self._matches(identifier)):
            if count == self.breaks_off_after:
                event.assoc.abort()
                return
            if count == self.tells_at_most:
                return
            if event.is_cancelled:
                self.was_cancelled = True
                yield 0xFE00, None
                return
            time.sleep(self.pause_seconds)
            yield 0xFF00, match

    def get(self, event: Any) -> Iterator[Any]:
        wanted = self._selected(event.identifier)
        yield len(wanted)
        yield from self._sending(event, wanted)

    def move(self, event: Any) -> Iterator[Any]:
        port = self.neighbours.get(event.move_destination)
        if port is None:
            yield None, None
            return
        wanted = self._selected(event.identifier)
        yield "127.0.0.1", port, {"ae_title": event.move_destination}
        yield len(wanted)
        yield from self._sending(event, wanted)

    def _sending(self, event: Any, wanted: list[Dataset]) -> Iterator[Any]:
        for count, dataset in enumerate(wanted):
            if count == self.breaks_off_after:
                event.assoc.abort()
                return
            yield 0xFF00, dataset

    def _selected(self, identifier: Dataset) -> list[Dataset]:
        keys = _LEVELS[identifier.QueryRetrieveLevel]
        return [
            one for one in self.datasets if all(_is_match(one, identifier, key) for key in keys)
        ]

    def _matches(self, identifier: Dataset) -> Iterator[Dataset]:
        level = identifier.QueryRetrieveLevel
        seen = set()
        for dataset in self._selected(identifier):
            uid = dataset[_LEVELS[level][-1]].value
            if uid not in seen and self._answers(identifier, dataset):
                seen.add(uid)
                yield self._match(identifier, dataset)

    def _answers(self, identifier: Dataset, dataset: Dataset) -> bool:
        asked = set(identifier.dir()) - self.ignored_keys
        modality = identifier.get("ModalitiesInStudy") or ""
        if "ModalitiesInStudy" in asked and modality and modality not in self._modalities(dataset):
            return False
        if "StudyDate" in asked and not _is_within(identifier.get("StudyDate"), dataset.StudyDate):
            return False
        if "StudyTime" in asked and not _is_within(
            identifier.get("StudyTime"), dataset.get("StudyTime")
        ):
            return False
        number = identifier.get("AccessionNumber")
        is_unknown = "AccessionNumber" not in asked or not dataset.AccessionNumber
        return bool(not number or is_unknown or number == dataset.AccessionNumber)

    def _match(self, identifier: Dataset, dataset: Dataset) -> Dataset:
        match = Dataset()
        computed = {
            "QueryRetrieveLevel": identifier.QueryRetrieveLevel,
            "ModalitiesInStudy": sorted(self._modalities(dataset)),
            "NumberOfStudyRelatedInstances": len(self._of_study(dataset)),
        }
        for keyword in set(identifier.dir()) - self.ignored_keys - {"SpecificCharacterSet"}:
            setattr(match, keyword, computed.get(keyword, dataset.get(keyword)))
        for keyword, value in self.additions.items():
            setattr(match, keyword, value)
        return match

    def _of_study(self, dataset: Dataset) -> list[Dataset]:
        return [one for one in self.datasets if one.StudyInstanceUID == dataset.StudyInstanceUID]

    def _modalities(self, dataset: Dataset) -> set[str]:
        return {one.Modality for one in self._of_study(dataset)}

    def _refusal(self, identifier: Dataset) -> int:
        if identifier.QueryRetrieveLevel != "STUDY":
            return self.refused_images.get(identifier.StudyInstanceUID, self.status)
        return self.status or (self.too_wide if self._is_too_wide(identifier) else 0)

    def _is_too_wide(self, identifier: Dataset) -> bool:
        first, _, last = (identifier.get("StudyDate") or "").partition("-")
        return self.widest_days is not None and int(last or first or 0) - int(first or 0) >= (
            self.widest_days
        )


@contextlib.contextmanager
def running_archive(
    *models: str, sends: bool = True, calling: tuple[str, ...] = (), **state: Any
) -> Iterator[Archive]:
    """An archive that takes these requests; it `sends` on the association that asked, or not."""
    archive = Archive(**state)
    ae = AE(AE_TITLE)
    ae.require_calling_aet = list(calling)
    for model in (*(models or (FIND, GET, MOVE)), Verification):
        ae.add_supported_context(model)
    ae.add_supported_context(CR, list(TRANSFER_SYNTAXES), scu_role=False, scp_role=sends)
    for syntax in TRANSFER_SYNTAXES:
        ae.add_requested_context(CR, syntax)
    handlers = [
        (evt.EVT_C_FIND, archive.find),
        (evt.EVT_C_GET, archive.get),
        (evt.EVT_C_MOVE, archive.move),
    ]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    archive.port = server.server_address[1]
    try:
        yield archive
    finally:
        server.shutdown()


def stored(transfer_syntax: str = ExplicitVRLittleEndian, **changes: Any) -> Dataset:
    """A radiograph as the archive has it; `changes` are elements by keyword."""
    dataset = radiograph(**changes)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    return dataset


def stored_study(images: int = 2, **changes: Any) -> list[Dataset]:
    """Radiographs of one study and one series."""
    first = stored(**changes)
    same = {key: first[key].value for key in ("StudyInstanceUID", "SeriesInstanceUID")}
    return [first, *(stored(**(changes | same)) for _ in range(images - 1))]


def _is_within(asked: str | None, value: str | None) -> bool:
    """As PACS do: what has no date or time is in no range of them."""
    first, hyphen, last = (asked or "").partition("-")
    if not asked:
        return True
    return bool(value) and first <= str(value) <= (last or "9" if hyphen else first)


def _is_match(dataset: Dataset, identifier: Dataset, keyword: str) -> bool:
    asked = identifier.get(keyword)
    return not asked or dataset[keyword].value == asked
