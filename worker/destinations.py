"""Where results go, as the settings name it."""

from dataclasses import dataclass, field

from dicom_node.ladder import Wishes
from dicom_node.peer import Destination


@dataclass(frozen=True)
class PacsDestination:
    """A PACS or archive, and what it is to get beyond the ladder; `prove`: ask what it keeps."""

    name: str
    peer: Destination
    wishes: Wishes = field(default_factory=Wishes)
    prove: bool = True
    rejection_notes: bool = False


ResultDestination = PacsDestination
