"""The C-STORE SCU: sends what is kept, on an association that is kept per destination."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom.uid import UID
from pynetdicom import _config
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from dicom_node.default_syntax import (
    RESULT_SYNTAXES,
    accepted_syntax,
    file_in_syntax,
    result_proposals,
)
from dicom_node.discretion import silence_dicom_libraries
from dicom_node.echo import VERIFICATION_PROPOSALS
from dicom_node.peer import (
    Destination,
    NotTakenNow,
    PeerRefused,
    PeerUnavailable,
    associate,
)
from dicom_node.statuses import Verdict, describe, verdict_on

__all__ = ["Destination", "PeerRefused", "PeerUnavailable", "SendableObject", "Sender", "Sent"]

# Every class that a result may have: what the peer accepts of them decides what it gets.
RESULT_SOP_CLASSES = (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    SecondaryCaptureImageStorage,
    EncapsulatedPDFStorage,
    KeyObjectSelectionDocumentStorage,
    SegmentationStorage,
)
RESULT_PROPOSALS = (*result_proposals(RESULT_SOP_CLASSES), *VERIFICATION_PROPOSALS)


@dataclass(frozen=True)
class SendableObject:
    """A DICOM file (PS3.10) to send, of which `open` gives the bytes.

    Of the transfer syntaxes the first is its own: only where the peer does not take that, and takes
    another of them, is it encoded anew.
    """

    sop_class_uid: str
    sop_instance_uid: str
    open: Callable[[], BinaryIO]
    transfer_syntax_uids: tuple[str, ...] = RESULT_SYNTAXES


@dataclass(frozen=True)
class Sent:
    """Which object the peer stored, and what it remarked on it."""

    sop_instance_uid: str
    status: int
    warning: str | None


class Sender:
    """Stores objects at destinations, from any thread, on one association per destination."""

    def __init__(
        self,
        calling_ae_title: str,
        *,
        proposals: Sequence[tuple[str, str]] = RESULT_PROPOSALS,
        idle_seconds: float = 5,
    ) -> None:
        silence_dicom_libraries()
        _config.STORE_SEND_CHUNKED_DATASET = True  # pynetdicom then sends a file as it is
        self._calling_ae_title = calling_ae_title
        self._proposals = proposals
        self._idle_seconds = idle_seconds
        self._lines: dict[Destination, _Line] = {}
        self._lock = threading.Lock()

    def send(self, destination: Destination, sendable: SendableObject) -> Sent:
        """Store the object there. PeerUnavailable: try again later. PeerRefused: a person looks."""
        return self._line(destination).send(sendable)

    def accepted_classes(self, destination: Destination) -> frozenset[str]:
        """The SOP classes that the peer takes from us; raises as `send` does."""
        return self._line(destination).accepted_classes()

    def _line(self, destination: Destination) -> "_Line":
        with self._lock:
            if destination not in self._lines:
                self._lines[destination] = _Line(self._associate, destination, self._idle_seconds)
            return self._lines[destination]

    def close(self) -> None:
        """Release all associations."""
        with self._lock:
            for line in self._lines.values():
                line.hang_up()

    def _associate(self, destination: Destination) -> Association:
        return associate(destination, self._calling_ae_title, self._proposals)


class _AssociationLost(PeerUnavailable):
    """The association ended before the peer answered."""


class _Line:
    """The association with one destination, released after it has been idle."""

    def __init__(
        self,
        associate_with: Callable[[Destination], Association],
        destination: Destination,
        idle_seconds: float,
    ) -> None:
        self._associate_with = associate_with
        self._destination = destination
        self._idle_seconds = idle_seconds
        self._association: Association | None = None
        self._idle_timer: threading.Timer | None = None
        self._lock = threading.RLock()

    def send(self, sendable: SendableObject) -> Sent:
        with self._lock:
            self._stop_timer()
            try:
                return self._send(sendable)
            finally:
                self._start_timer()

    def accepted_classes(self) -> frozenset[str]:
        with self._lock:
            self._stop_timer()
            try:
                if self._association is None or not self._association.is_established:
                    self._association = self._associate_with(self._destination)
                return frozenset(
                    context.abstract_syntax for context in self._association.accepted_contexts
                )
            finally:
                self._start_timer()

    def hang_up(self) -> None:
        with self._lock:
            self._stop_timer()
            if self._association is not None:
                self._association.release()
                self._association = None

    def _send(self, sendable: SendableObject) -> Sent:
        kept = self._association
        if kept is not None and kept.is_established:
            try:
                return self._store(kept, sendable)
            except _AssociationLost:
                pass  # closed by the peer while idle; storing the same object twice does no harm
        self._association = self._associate_with(self._destination)
        return self._store(self._association, sendable)

    def _store(self, association: Association, sendable: SendableObject) -> Sent:
        own_syntax = sendable.transfer_syntax_uids[0]
        syntax = accepted_syntax(association, sendable.sop_class_uid, sendable.transfer_syntax_uids)
        if syntax is None:
            name = UID(sendable.sop_class_uid).name
            raise PeerRefused(f"{self._destination} does not accept {name}; enable it there for us")
        with (
            sendable.open() as stream,
            _as_file(stream) as path,
            file_in_syntax(syntax, path, own_syntax) as file,
        ):
            try:
                status = association.send_c_store(file).get("Status")
            except RuntimeError as error:  # pynetdicom: no longer established
                raise _AssociationLost(f"{self._destination} closed the association") from error
        if status is None:
            raise _AssociationLost(f"{self._destination} broke off, or did not answer in time")
        return self._judge(sendable, status)

    def _judge(self, sendable: SendableObject, status: int) -> Sent:
        verdict = verdict_on(status)
        message = f"{self._destination} answers: {describe(status)}"
        if verdict is Verdict.TRY_AGAIN:
            raise NotTakenNow(message, status)
        if verdict is Verdict.ASK_A_PERSON:
            raise PeerRefused(message, status)
        warning = message if verdict is Verdict.STORED_WITH_WARNING else None
        return Sent(sendable.sop_instance_uid, status, warning)

    def _start_timer(self) -> None:
        if self._association is not None:
            self._idle_timer = threading.Timer(self._idle_seconds, self.hang_up)
            self._idle_timer.start()

    def _stop_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None


@contextmanager
def _as_file(stream: BinaryIO) -> Iterator[Path]:
    """The path of the file behind the stream, or of a copy where there is none."""
    if isinstance(name := getattr(stream, "name", None), str):
        yield Path(name)
        return
    with tempfile.NamedTemporaryFile() as copy:
        shutil.copyfileobj(stream, copy)
        copy.flush()
        yield Path(copy.name)
