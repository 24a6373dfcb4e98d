"""Where results go, as the settings name it."""

from dataclasses import dataclass, field
from typing import ClassVar

from dicom_node.ladder import Wishes
from dicom_node.peer import Destination
from dicom_node.results.result_object import ResultKind
from messages.fhir_push import FhirDestination
from messages.mllp import MllpDestination


@dataclass(frozen=True)
class PacsDestination:
    """A PACS or archive, and what it is to get beyond the ladder; `prove`: ask what it keeps."""

    name: str
    peer: Destination
    wishes: Wishes = field(default_factory=Wishes)
    prove: bool = True
    rejection_notes: bool = False


@dataclass(frozen=True)
class Hl7Receiver:
    """A receiver of HL7 v2 messages; its acknowledgement is all the proof there is."""

    name: str
    address: MllpDestination
    receiving_application: str = ""
    receiving_facility: str = ""
    with_pdf: bool = False

    prove: ClassVar[bool] = False


@dataclass(frozen=True)
class FhirServer:
    """A FHIR server; that it created what it was given is its answer to the transaction."""

    name: str
    address: FhirDestination
    with_pdf: bool = False

    prove: ClassVar[bool] = False


ResultDestination = PacsDestination | Hl7Receiver | FhirServer


def wants_pdf(destination: ResultDestination) -> bool:
    if isinstance(destination, PacsDestination):
        return ResultKind.PDF in destination.wishes.also
    return destination.with_pdf
