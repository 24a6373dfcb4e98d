"""WADO-RS: a client retrieves results, whole or in part, in the forms they can be had in."""

import json
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian
from sqlalchemy import update

from db.session import transaction
from db.tables import ResultObject
from tests.dicom_node.dicomweb.gateway import Gateway, body, file_bytes, running_gateway
from tests.dicom_node.dicomweb.shown_results import COLOURS, PDF_TEXT, keep_capture, keep_page
from tests.dicom_node.kept_results import SC, SR, KeptResult, keep, study_row
from tests.dicom_node.listening import Node
from tests.dicom_node.sent_objects import radiograph

FILES = 'multipart/related; type="application/dicom"'


@pytest.fixture(scope="module")
def kept(node: Node) -> list[KeptResult]:
    """A study of an SR and a picture of 16 bits."""
    study = study_row("1.2.9.1")
    return [keep(node, study, SR), keep(node, study, SC)]


@pytest.fixture(scope="module")
def capture(node: Node) -> Dataset:
    return keep_capture(node, "1.2.9.2", frames=3)


@pytest.fixture(scope="module")
def page(node: Node) -> Dataset:
    return keep_page(node, "1.2.9.3")


def uids(dataset: Dataset) -> tuple[str, str, str]:
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def at(dataset: Dataset) -> str:
    study, series, instance = uids(dataset)
    return f"/studies/{study}/series/{series}/instances/{instance}"


def study_of(kept: list[KeptResult]) -> str:
    return kept[0].row.series_instance_uid.removesuffix(".9101")  # type: ignore[union-attr]


def kept_bytes(gateway: Gateway, result: KeptResult) -> bytes:
    with gateway.node.spool.open(result.row.spool_key) as file:
        return file.read()


def test_a_study_is_retrieved_whole(gateway: Gateway, kept: list[KeptResult]) -> None:
    retrieved = gateway.client.retrieve_study(study_of(kept))
    assert [one.SOPInstanceUID for one in retrieved] == [one.row.sop_instance_uid for one in kept]
    series = gateway.client.retrieve_series(study_of(kept), kept[1].row.series_instance_uid)
    assert [one.SOPInstanceUID for one in series] == [kept[1].row.sop_instance_uid]


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        FILES,
        "multipart/related",
        f"{FILES}; transfer-syntax=*",
        f"{FILES}; transfer-syntax={ExplicitVRLittleEndian}",
        f"{FILES}; transfer-syntax={JPEG2000}, {FILES}",
    ],
)
def test_the_bytes_are_those_that_are_kept(
    gateway: Gateway, kept: list[KeptResult], accept: str
) -> None:
    response = gateway.get(f"/studies/{study_of(kept)}", accept)
    assert response.headers["Content-Type"].startswith('multipart/related; type="application/dicom')
    for one in kept:
        assert b"\r\n\r\n" + kept_bytes(gateway, one) + b"\r\n--" in response.content


def test_one_file_alone(gateway: Gateway, capture: Dataset) -> None:
    response = gateway.get(at(capture), "application/dicom")
    assert response.headers["Content-Type"] == "application/dicom"
    assert dcmread(BytesIO(response.content)).PixelData == capture.PixelData
    several = gateway.get(f"/studies/{capture.StudyInstanceUID}", "application/dicom")
    assert several.status_code == 406


@pytest.mark.parametrize(
    "accept",
    [
        f"{FILES}; transfer-syntax={JPEG2000}",
        'multipart/related; type="image/jpeg"',
        "application/zip",
    ],
)
def test_other_forms_are_not_to_be_had(gateway: Gateway, capture: Dataset, accept: str) -> None:
    response = gateway.get(at(capture), accept)
    assert response.status_code == 406
    assert "application/dicom" in response.text


def bulk_data(gateway: Gateway, element: dict[str, str]) -> list[bytes]:
    """This client names the host without its port, and so gets URLs without it."""
    url = element["BulkDataURI"].replace("127.0.0.1/", f"127.0.0.1:{gateway.port}/")
    return list(gateway.client.retrieve_bulkdata(url))


def test_metadata_have_all_but_the_bulk(gateway: Gateway, capture: Dataset, page: Dataset) -> None:
    study, series, instance = uids(capture)
    [of_study] = gateway.client.retrieve_study_metadata(study)
    [of_series] = gateway.client.retrieve_series_metadata(study, series)
    of_instance = gateway.client.retrieve_instance_metadata(study, series, instance)
    assert of_study == of_series == of_instance
    assert of_instance["00280010"] == {"vr": "US", "Value": [2]}
    assert of_instance["00100010"]["Value"] == [{"Alphabetic": "Müller^Jörg"}]
    assert bulk_data(gateway, of_instance["7FE00010"]) == [capture.PixelData]
    [of_page] = gateway.client.retrieve_study_metadata(page.StudyInstanceUID)
    assert bulk_data(gateway, of_page["00420011"]) == [PDF_TEXT]


def test_frames_are_retrieved(gateway: Gateway, capture: Dataset) -> None:
    first, second, third = (capture.PixelData[n : n + 12] for n in (0, 12, 24))
    assert gateway.client.retrieve_instance_frames(*uids(capture), [3, 1]) == [third, first]
    alone = gateway.get(at(capture) + "/frames/2", "application/octet-stream")
    assert (alone.content, alone.headers["Content-Type"]) == (second, "application/octet-stream")
    assert gateway.get(at(capture) + "/frames/1,2", "application/octet-stream").status_code == 406


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/frames/0", 404),
        ("/frames/4", 404),
        ("/frames/1,9", 404),
        ("/frames/first", 400),
        ("/frames/1-3", 400),
        ("/frames/" + ",".join(["1"] * 101), 400),
        ("/frames/1,2/rendered", 406),
        ("/frames/9/rendered", 404),
        ("/rendered?viewport=100,100", 400),
        ("/bulkdata/00100010", 404),
        ("/bulkdata/7FE00008", 404),
        ("/bulkdata/pixels", 400),
        ("/nothing", 404),
    ],
)
def test_what_is_not_there_is_said(
    gateway: Gateway, capture: Dataset, path: str, status: int
) -> None:
    assert gateway.get(at(capture) + path).status_code == status


def test_a_capture_is_rendered(gateway: Gateway, capture: Dataset) -> None:
    png = gateway.client.retrieve_instance_rendered(*uids(capture), media_types=("image/png",))
    assert [tuple(pixel) for pixel in np.asarray(Image.open(BytesIO(png))).reshape(4, 3)] == COLOURS
    second = gateway.get(at(capture) + "/frames/2/rendered", "image/png")
    assert Image.open(BytesIO(second.content)).getpixel((0, 0)) == COLOURS[1]
    jpeg = gateway.get(at(capture) + "/rendered")
    assert jpeg.headers["Content-Type"] == "image/jpeg"
    assert Image.open(BytesIO(jpeg.content)).size == (2, 2)
    assert gateway.get(at(capture) + "/rendered", "image/gif").status_code == 406


def test_a_page_is_rendered_as_it_is(gateway: Gateway, page: Dataset) -> None:
    response = gateway.get(at(page) + "/rendered", "application/pdf")
    assert (response.content, response.headers["Content-Type"]) == (PDF_TEXT, "application/pdf")


def test_a_report_is_no_picture(gateway: Gateway, kept: list[KeptResult]) -> None:
    study = study_of(kept)
    for one in kept:
        series, instance = one.row.series_instance_uid, one.row.sop_instance_uid
        rendered = f"/studies/{study}/series/{series}/instances/{instance}/rendered"
        assert gateway.get(rendered).status_code == 406


def test_only_results_are_served(gateway: Gateway) -> None:
    dataset = radiograph()
    assert gateway.post(body(file_bytes(dataset))).status_code == 200
    for path in (at(dataset), f"/studies/{dataset.StudyInstanceUID}", at(dataset) + "/metadata"):
        response = gateway.get(path)
        assert response.status_code == 404
        assert "with their PACS" in response.text


def test_uids_must_belong_together(gateway: Gateway, capture: Dataset, page: Dataset) -> None:
    astray = f"/studies/{page.StudyInstanceUID}{at(capture)[at(capture).index('/series') :]}"
    assert gateway.get(astray).status_code == 404
    assert gateway.get("/studies/1.2.x").status_code == 400


def test_behind_a_proxy_urls_are_the_proxy_s(node: Node, capture: Dataset) -> None:
    with running_gateway(node, public_origin="https://ai.example") as proxied:
        [found] = proxied.get("/instances", SOPInstanceUID=capture.SOPInstanceUID).json()
        assert found["00081190"]["Value"] == [f"https://ai.example/dicom-web{at(capture)}"]
        [metadata] = proxied.get(at(capture) + "/metadata").json()
        uri = metadata["7FE00010"]["BulkDataURI"]
        assert uri == f"https://ai.example/dicom-web{at(capture)}/bulkdata/7FE00010"


def test_too_many_objects_at_once_are_refused(node: Node, kept: list[KeptResult]) -> None:
    with running_gateway(node, instances_max=1) as narrow:
        assert narrow.get(f"/studies/{study_of(kept)}").status_code == 400


def test_a_result_that_was_purged_is_gone_since_a_day(gateway: Gateway) -> None:
    dataset = keep_capture(gateway.node, "1.2.9.5")
    purged = update(ResultObject).where(ResultObject.sop_instance_uid == dataset.SOPInstanceUID)
    with transaction(gateway.node.engine) as session:
        session.execute(purged.values(purged_at=datetime(2026, 11, 29, tzinfo=UTC)))
    for path in (at(dataset), f"/studies/{dataset.StudyInstanceUID}", at(dataset) + "/metadata"):
        response = gateway.get(path)
        assert response.status_code == 410
        assert response.text == "its file was purged on 2026-11-29 after retention\n"
    assert gateway.get("/instances", SOPInstanceUID=dataset.SOPInstanceUID).status_code == 204


def test_a_file_that_is_gone_is_no_answer(gateway: Gateway) -> None:
    dataset = keep_capture(gateway.node, "1.2.9.4")
    [found] = json.loads(gateway.get("/instances", SOPInstanceUID=dataset.SOPInstanceUID).content)
    assert found
    key = next(
        path for path in gateway.node.kept_files() if path.read_bytes() == file_bytes(dataset)
    )
    key.unlink()
    assert gateway.get(at(dataset) + "/metadata").status_code == 500
    assert gateway.get(at(dataset), "application/dicom").status_code == 500
