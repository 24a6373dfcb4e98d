"""QIDO-RS: a client finds the results, and hears in words what it may not ask."""

from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import text

from db.session import transaction
from tests.dicom_node.dicomweb.gateway import Gateway, body, file_bytes, running_gateway
from tests.dicom_node.kept_results import SC, SR, add_results, keep, study_row
from tests.dicom_node.listening import Node
from tests.dicom_node.sent_objects import radiograph

WRIST, KNEE, UNDATED = "1.2.7.1", "1.2.7.2", "1.2.7.3"
CROWD = 30


@pytest.fixture(scope="module", autouse=True)
def results(node: Node) -> None:
    keep(node, study_row(WRIST))
    keep(node, study_row(UNDATED, patient_name="", patient_id="P3", study_date=""))
    knee = study_row(KNEE, patient_name="Weiß^Uta=山田", patient_id="P2", study_date="20260301")
    keep(node, knee)
    keep(node, knee, SC)
    keep(node, knee, SC, revision=2)


def found(gateway: Gateway, **keys: str) -> set[str]:
    answers = gateway.client.search_for_studies(search_filters=keys)
    return {str(Dataset.from_json(answer).StudyInstanceUID) for answer in answers}


@pytest.mark.parametrize(
    ("keys", "studies"),
    [
        ({"PatientName": "müller*"}, {WRIST, UNDATED}),
        ({"PatientName": "山田"}, {KNEE, UNDATED}),
        ({"00100020": "P?"}, {WRIST, KNEE, UNDATED}),
        ({"PatientID": "P2"}, {KNEE}),
        ({"StudyDate": "20260101-20260131"}, {WRIST, UNDATED}),
        ({"StudyDate": "20260201-"}, {KNEE, UNDATED}),
        ({"StudyInstanceUID": f"{WRIST},{KNEE}"}, {WRIST, KNEE}),
        ({"ModalitiesInStudy": "OT"}, {KNEE}),
        ({"ModalitiesInStudy": "OT,CR"}, {KNEE}),
        ({"ModalitiesInStudy": r"DX\OT"}, {KNEE}),
        ({"AccessionNumber": "ACC1", "PatientID": "P1"}, {WRIST}),
    ],
)
def test_studies_are_found_by_their_keys(
    gateway: Gateway, keys: dict[str, str], studies: set[str]
) -> None:
    assert found(gateway, **keys) == studies


def test_a_study_is_described(gateway: Gateway) -> None:
    [answer] = gateway.get("/studies", PatientID="P2").json()
    assert answer["00100010"] == {
        "vr": "PN",
        "Value": [{"Alphabetic": "Weiß^Uta", "Ideographic": "山田"}],
    }
    study = Dataset.from_json(answer)
    assert (study.NumberOfStudyRelatedSeries, study.NumberOfStudyRelatedInstances) == (2, 3)
    assert study.StudyID == "ST1"
    assert study.RetrieveURL == f"{gateway.url}/studies/{KNEE}"
    assert study.InstanceAvailability == "ONLINE"
    assert "StudyDescription" not in study
    assert "QueryRetrieveLevel" not in study


def test_series_and_instances_of_a_study(gateway: Gateway) -> None:
    series = [Dataset.from_json(one) for one in gateway.client.search_for_series(KNEE)]
    assert {(one.Modality, one.NumberOfSeriesRelatedInstances) for one in series} == {
        ("SR", 1),
        ("OT", 2),
    }
    assert "PatientName" not in series[0]
    captures = f"{KNEE}.9102"
    instances = gateway.client.search_for_instances(KNEE, captures)
    assert [Dataset.from_json(one).InstanceNumber for one in instances] == [1, 2]
    assert len(gateway.client.search_for_instances(KNEE)) == 3


def test_below_a_study_without_naming_it(gateway: Gateway) -> None:
    series = gateway.client.search_for_series(search_filters={"PatientID": "P2"})
    assert {Dataset.from_json(one).PatientID for one in series} == {"P2"}
    [capture] = gateway.get("/series", SeriesInstanceUID=f"{KNEE}.9102").json()
    assert Dataset.from_json(capture).StudyInstanceUID == KNEE
    uid = Dataset.from_json(gateway.client.search_for_instances(KNEE)[0]).SOPInstanceUID
    [instance] = gateway.get("/instances", SOPInstanceUID=uid).json()
    answer = Dataset.from_json(instance)
    assert (answer.SOPClassUID, answer.PatientID) == (SR, "P2")
    there = f"/studies/{KNEE}/series/{KNEE}.9101/instances/{uid}"
    assert answer.RetrieveURL == gateway.url + there


def test_what_is_told_can_be_chosen(gateway: Gateway) -> None:
    [asked] = gateway.get("/studies", PatientID="P1", includefield="StudyDescription").json()
    assert Dataset.from_json(asked).StudyDescription == "Handgelenk"
    [whole] = gateway.get("/studies", PatientID="P1", includefield="all").json()
    assert Dataset.from_json(whole).SOPClassesInStudy == SR
    [unknown] = gateway.get("/studies", PatientID="P1", includefield="00081030,PatientAge").json()
    assert "00101010" not in unknown


@pytest.mark.parametrize("name", ["00091002", "00400275.00400009", "RequestAttributesSequence.X"])
def test_what_cannot_be_told_is_left_out(gateway: Gateway, name: str) -> None:
    [answer] = gateway.get("/studies", PatientID="P1", includefield=f"{name},00081030").json()
    assert Dataset.from_json(answer).StudyDescription == "Handgelenk"


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/studies", {"PatientAge": "050Y"}),
        ("/studies", {"PatientNam": "x"}),
        ("/studies", {"00100": "x"}),
        ("/studies", {"SeriesNumber": "1"}),
        ("/studies", {"StudyDate": "yesterday"}),
        ("/studies", {"StudyInstanceUID": "1.2.x"}),
        ("/studies", {"limit": "-1"}),
        ("/studies", {"limit": "many"}),
        ("/studies", {"offset": "1.5"}),
        ("/studies", {"includefield": "Everything"}),
        ("/studies", {"fuzzymatching": "perhaps"}),
        ("/studies", {"PatientName": "*" + "x" * 2000}),
        (f"/studies/{KNEE}/series", {"StudyInstanceUID": WRIST}),
        ("/studies/knee/series", {}),
    ],
)
def test_what_is_not_understood_is_a_bad_request(
    gateway: Gateway, path: str, params: dict[str, str]
) -> None:
    response = gateway.get(path, **params)
    assert response.status_code == 400
    assert len(response.text) > 15


def test_the_same_key_twice_is_a_bad_request(gateway: Gateway) -> None:
    response = gateway.get("/studies?PatientID=P1&00100020=P2")
    assert response.status_code == 400
    assert "PatientID is asked for twice" in response.text


def test_no_match_has_no_content(gateway: Gateway) -> None:
    response = gateway.get("/studies", PatientID="nobody")
    assert (response.status_code, response.content) == (204, b"")
    assert gateway.get("/series", SeriesInstanceUID="1.2.3").status_code == 204
    assert gateway.client.search_for_studies(search_filters={"PatientID": "nobody"}) == []


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/dicom+json", 200),
        ("application/json;q=0.5, text/html", 200),
        ("application/*", 200),
        ('multipart/related; type="application/dicom+xml"', 406),
        ("application/dicom+json;q=0", 406),
        ('"', 406),
    ],
)
def test_answers_are_in_json_alone(gateway: Gateway, accept: str, status: int) -> None:
    assert gateway.get("/studies", accept).status_code == status
    by_parameter = gateway.get("/studies", "text/html", accept=accept)
    assert by_parameter.status_code == status


def test_fuzzy_matching_is_literal_and_says_so(gateway: Gateway) -> None:
    response = gateway.get("/studies", PatientName="Muller", fuzzymatching="true")
    assert "fuzzymatching parameter is not supported" in response.headers["Warning"]
    plain = gateway.get("/studies", PatientName="Muller", fuzzymatching="false")
    assert "Warning" not in plain.headers


def test_what_was_received_is_not_told_of(gateway: Gateway) -> None:
    dataset = radiograph()
    assert gateway.post(body(file_bytes(dataset))).status_code == 200
    uid = dataset.StudyInstanceUID
    assert gateway.get("/studies", StudyInstanceUID=uid).status_code == 204


def test_a_ledger_that_is_away_is_said(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = gateway.node.engine
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE result_object RENAME TO elsewhere"))
    try:
        response = gateway.get("/studies")
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO result_object"))
    assert (response.status_code, "Retry-After" in response.headers) == (503, True)


@pytest.fixture(scope="module")
def crowd(node: Node) -> Iterator[Gateway]:
    """More studies than are told of at once."""
    studies = [study_row(f"1.2.8.{n}", patient_id=f"C{n}") for n in range(CROWD)]
    with transaction(node.engine) as session:
        add_results(session, studies)
    with running_gateway(node, matches_max=10) as running:
        yield running


def test_pages_are_asked_for_one_after_the_other(crowd: Gateway) -> None:
    pages = [crowd.get("/studies", PatientID="C*", offset=str(at)) for at in range(0, 40, 10)]
    assert [page.status_code for page in pages] == [200, 200, 200, 204]
    uids = [Dataset.from_json(one).StudyInstanceUID for page in pages[:3] for one in page.json()]
    assert uids == [f"1.2.8.{n}" for n in reversed(range(CROWD))]
    more = ["Additional results" in page.headers.get("Warning", "") for page in pages]
    assert more == [True, True, False, False]


@pytest.mark.parametrize(("limit", "told", "warns"), [("3", 3, False), ("99", 10, True)])
def test_the_limit_is_the_client_s_or_ours(
    crowd: Gateway, limit: str, told: int, warns: bool
) -> None:
    response = crowd.get("/studies", PatientID="C*", limit=limit)
    assert (len(response.json()), "Warning" in response.headers) == (told, warns)
