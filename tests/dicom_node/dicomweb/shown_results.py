"""Results of chosen content in a node's ledger and spool, for those who look at them."""

from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid
from pynetdicom.sop_class import EncapsulatedPDFStorage

from db.session import transaction
from db.tables import ResultObject
from tests.dicom_node.dicomweb.gateway import file_bytes
from tests.dicom_node.kept_results import SC, SR, keep, study_row
from tests.dicom_node.listening import Node

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
PDF_TEXT = b"%PDF-1.7 a page of text" * 100


def keep_capture(node: Node, study_instance_uid: str, frames: int = 1) -> Dataset:
    """A picture of four pixels in RGB; each frame has them in another order."""
    pixels = [bytes(sum(COLOURS[n:] + COLOURS[:n], ())) for n in range(frames)]
    return _keep(
        node,
        study_instance_uid,
        SC,
        Modality="OT",
        Rows=2,
        Columns=2,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        NumberOfFrames=frames,
        PixelData=b"".join(pixels),
    )


def keep_page(node: Node, study_instance_uid: str) -> Dataset:
    return _keep(
        node,
        study_instance_uid,
        SR,
        SOPClassUID=EncapsulatedPDFStorage,
        Modality="DOC",
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=PDF_TEXT,
        EncapsulatedDocumentLength=len(PDF_TEXT),
    )


def _keep(node: Node, study_instance_uid: str, like: str, **elements: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = UID(like)
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = study_instance_uid
    dataset.SeriesInstanceUID = generate_uid()
    dataset.PatientName, dataset.PatientID = "Müller^Jörg", "P1"
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    spooled = node.spool.write(file_bytes(dataset))
    row = keep(node, study_row(study_instance_uid), like).row
    with transaction(node.engine) as session:
        kept = session.get_one(ResultObject, row.id)
        kept.sop_class_uid = dataset.SOPClassUID
        kept.sop_instance_uid = dataset.SOPInstanceUID
        kept.series_instance_uid = dataset.SeriesInstanceUID
        kept.spool_key = spooled.key
    return dataset
