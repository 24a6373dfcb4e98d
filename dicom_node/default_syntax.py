"""Results for peers that take the default transfer syntax alone, which all do (PS3.5 10.1)."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pydicom import dcmread, dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association

from dicom_node.spool import SpoolUnavailable

# Those in which a result may go, as it is kept first: so it goes where both are accepted.
RESULT_SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


def result_proposals(sop_classes: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Each class in each syntax."""
    return tuple((sop_class, syntax) for sop_class in sop_classes for syntax in RESULT_SYNTAXES)


def accepted_syntax(
    association: Association, sop_class_uid: str, syntaxes: Sequence[str] = RESULT_SYNTAXES
) -> str | None:
    """The first of the syntaxes in which the peer takes objects of the class from us."""
    accepted = {
        context.transfer_syntax[0]
        for context in association.accepted_contexts
        if context.abstract_syntax == sop_class_uid and context.as_scu
    }
    return next((syntax for syntax in syntaxes if syntax in accepted), None)


@contextmanager
def file_in_syntax(
    syntax: str, path: Path, own_syntax: str = ExplicitVRLittleEndian
) -> Iterator[Path]:
    """The file itself where it is in this syntax, else a temporary one in Implicit VR.

    The same file always gives the same bytes. The temporary one lies on the disk of the file, for
    /tmp may be memory, and has no name there: nobody's death leaves a patient's data behind.
    """
    if syntax == own_syntax:
        yield path
        return
    with _troubles_named():
        encoded = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - closed below
    with encoded:
        with _troubles_named():
            _write_implicit_vr(path, encoded)
        yield Path(f"/proc/self/fd/{encoded.fileno()}")


@contextmanager
def _troubles_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SpoolUnavailable(f"it cannot be encoded anew: {error.strerror}") from error


def _write_implicit_vr(path: Path, target: IO[bytes]) -> None:
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dcmwrite(target, dataset, enforce_file_format=True)
    target.flush()
