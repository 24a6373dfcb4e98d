"""The FHIR resources of a report: valid R4 to others' validators, and true to the finding."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from db.states import AnalysisState
from messages.fhir_archive import FhirArchive
from messages.fhir_ids import IMAGE, STUDY, read_uid, resource_id
from messages.fhir_resources import checked, make_resources, make_transaction
from messages.fhir_source import FhirSource
from messages.fhir_values import study_moment
from tests.messages.fhir_cases import (
    ALGORITHM,
    FOUND,
    FOUND_EARLIER,
    NOT_LOOKED_AT,
    SITE,
    WITHDRAWAL,
    image,
    plain_source,
    report,
    source,
    withdrawn_source,
)
from tests.messages.fhir_cases import (
    STUDY as STUDY_ROW,
)
from tests.messages.fhir_odd_sources import (
    bare_source,
    documented_source,
    hostile_source,
    mixed_source,
    unseen_source,
)
from tests.messages.fhir_server import SCHEMA, FhirServer, fhir_server, require_modules
from worker.findings import finding_of

Resource = dict[str, Any]
Objections = Callable[[Resource], list[str]]


@pytest.fixture(scope="module")
def server() -> Iterator[FhirServer]:
    with fhir_server() as running:
        yield running


@pytest.fixture(scope="module")
def schema_objections() -> Objections:
    """The official JSON schema, asked of each resource by its own definition.

    Its choice of any resource type tries one after the other: minutes for a bundle.
    """
    import jsonschema  # loading it takes seconds of every process of the tests

    require_modules()
    schema = json.loads(SCHEMA.read_text())
    definitions = schema["definitions"] | {"ResourceList": {}}

    def objections(resource: Resource) -> list[str]:
        wanted = {"$ref": f"#/definitions/{resource['resourceType']}", "definitions": definitions}
        found = [one.message for one in jsonschema.Draft6Validator(wanted).iter_errors(resource)]
        inner = [
            *resource.get("contained", []),
            *(e["resource"] for e in resource.get("entry", [])),
        ]
        return found + [message for one in inner for message in objections(one)]

    return objections


def of_type(resource_type: str, made: FhirSource) -> list[Resource]:
    return [one for one in make_resources(made) if one["resourceType"] == resource_type]


CASES = [
    plain_source,
    bare_source,
    unseen_source,
    hostile_source,
    documented_source,
    mixed_source,
    withdrawn_source,
]


@pytest.mark.integration
@pytest.mark.parametrize("make", CASES)
def test_every_resource_is_valid_r4(
    make: Callable[[], FhirSource], server: FhirServer, schema_objections: Objections
) -> None:
    bundle = json.loads(make_transaction(make()))
    assert server.objections(bundle) == []
    assert schema_objections(bundle) == []


@pytest.mark.integration
def test_the_validators_object_to_what_is_not_valid(
    server: FhirServer, schema_objections: Objections
) -> None:
    (study, *_) = of_type("Observation", plain_source())
    both = study | {"dataAbsentReason": {"text": "a value and no value"}}
    assert any("obs-6" in one for one in server.objections(both))
    assert any("not found" in one for one in server.objections(study | {"status": "done"}))
    assert schema_objections(study | {"colour": "red"}) != []
    with pytest.raises(ValidationError):
        checked(study | {"status": ["preliminary"]})


def test_the_same_report_gives_the_same_bytes() -> None:
    assert make_transaction(plain_source()) == make_transaction(plain_source())


def test_nothing_is_ever_final() -> None:
    statuses = {
        one["status"]
        for make in CASES
        for one in make_resources(make())
        if one["resourceType"] in {"DiagnosticReport", "Observation"}
    }
    assert statuses == {"preliminary", "entered-in-error"}


def test_what_a_withdrawn_model_said_is_said_no_more() -> None:
    """Not even to who passes over the status; what another model said stands."""
    study, first, second, third = of_type("Observation", withdrawn_source())
    (written,) = of_type("DiagnosticReport", withdrawn_source())
    for one in (study, first):
        assert one["status"] == "entered-in-error"
        assert one["note"][0] == {"text": WITHDRAWAL.reason}
        assert WITHDRAWAL.reason in one["text"]["div"]
        assert one["dataAbsentReason"]["coding"][0]["code"] == "error"
        for said in ("valueCodeableConcept", "bodySite"):
            assert said not in one
        assert "%" not in json.dumps(one)
    assert first["device"]["display"] == "osteon-net 0.9"
    assert first["component"][0]["valueString"] == "urn:oid:1.2.3.1.1"
    assert written["status"] == "entered-in-error"
    assert written["conclusion"] == f"This report does not count any more: {WITHDRAWAL.reason}"
    assert written["conclusion"] in written["text"]["div"]
    assert "conclusionCode" not in written and len(written["result"]) == 4
    stands = source(image(1, FOUND), image(2, FOUND), image(3, NOT_LOOKED_AT))
    _, _, *others = of_type("Observation", stands)
    for one, other in zip((second, third), others, strict=True):
        assert one["status"] == "preliminary"
        assert one | {"meta": {}} == other | {"meta": {}}


def test_a_version_is_of_one_content_alone() -> None:
    """A model withdrawn since makes no new revision, and yet another version."""

    def metas(made: FhirSource) -> list[Resource]:
        return [one["meta"] for one in make_resources(made) if one["resourceType"] != "Device"]

    images = [image(1, FOUND_EARLIER), image(2, FOUND)]
    before = metas(source(*images))
    assert before == metas(source(*images))
    after = metas(source(replace(images[0], withdrawal=WITHDRAWAL), images[1]))
    for old, new in zip(before, after, strict=True):
        assert old["versionId"].startswith("1-") and new["versionId"].startswith("1-")
        assert old["versionId"] != new["versionId"]
        assert old["lastUpdated"] == "2026-01-31T10:16:04.000+09:00"
        assert new["lastUpdated"] == "2026-02-01T12:04:05.000+09:00"


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (AnalysisState.FRACTURE, "52101004"),
        (AnalysisState.POSSIBLE, "373068000"),
        (AnalysisState.NONE, "272519000"),
    ],
)
def test_an_answer_is_present_undetermined_or_absent(state: AnalysisState, code: str) -> None:
    made = source(image(1, replace(FOUND, state=state)), state=state)
    for observation in of_type("Observation", made):
        (value,) = observation["valueCodeableConcept"]["coding"]
        assert (value["system"], value["code"]) == ("http://snomed.info/sct", code)
        assert "dataAbsentReason" not in observation
    (written,) = of_type("DiagnosticReport", made)
    coded = [one["coding"][0]["code"] for one in written["conclusionCode"]]
    assert ("72704001" in coded) == (state is AnalysisState.FRACTURE)


def test_what_was_not_analysed_has_a_reason_and_no_value() -> None:
    study, first = of_type("Observation", unseen_source())
    for observation in (study, first):
        assert "valueCodeableConcept" not in observation
        assert observation["dataAbsentReason"]["coding"][0]["code"] == "not-performed"
    assert study["dataAbsentReason"]["text"] == "Not analysed: 0 of 1 images analysed"
    assert first["dataAbsentReason"]["text"].startswith("Not analysed: the image is blurred")


def test_an_image_says_where_how_sure_and_of_which_image() -> None:
    _, first, second = of_type("Observation", plain_source())
    assert first["bodySite"]["coding"][0]["code"] == "74670003"
    parts = {one["code"]["coding"][0]["code"]: one for one in first["component"]}
    assert parts["111012"]["valueQuantity"]["value"] == 93.5
    assert parts["121322"]["valueString"] == "urn:oid:1.2.3.1.1"
    assert parts["111027"]["valueCodeableConcept"]["coding"][0]["display"] == "Left"
    assert parts["116676008"]["valueCodeableConcept"]["coding"][0]["code"] == "442085002"
    assert parts["111011"]["valueQuantity"]["value"] == 70.0
    assert parts["246112005"]["valueCodeableConcept"]["coding"][0]["code"] == "6736007"
    notes = [one["text"] for one in first["note"]]
    assert notes[0] == "the contrast is low" and "AI RESULT - NOT VERIFIED" in notes
    assert [one["code"]["coding"][0]["code"] for one in second["component"]] == ["121322"]


def test_a_region_without_a_code_is_a_word_and_a_type_without_one_is_left_out() -> None:
    _, first = of_type("Observation", bare_source())
    assert first["bodySite"] == {"text": "left antler"}
    codes = [one["code"]["coding"][0]["code"] for one in first["component"]]
    assert codes == ["111012", "121322"]


def test_the_study_lists_source_images_and_our_objects() -> None:
    (study,) = of_type("ImagingStudy", plain_source())
    assert study["identifier"][0] == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}
    assert (study["numberOfSeries"], study["numberOfInstances"]) == (2, 3)
    assert study["started"] == "2026-01-31T10:15:00+09:00"
    listed = [[one["uid"] for one in series["instance"]] for series in study["series"]]
    assert listed == [["1.2.3.1.1", "1.2.3.1.2"], ["2.25.77"]]
    assert [series["modality"]["code"] for series in study["series"]] == ["CR", "SR"]


@pytest.mark.parametrize(
    ("person_name", "names"),
    [
        (
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
            [
                (None, "Yamada", ["Tarou"], "Yamada, Tarou"),
                ("IDE", "山田", ["太郎"], "山田 太郎"),
                ("SYL", "やまだ", ["たろう"], "やまだ たろう"),
            ],
        ),
        (
            "Wang^XiaoDong=王^小东",
            [
                (None, "Wang", ["XiaoDong"], "Wang, XiaoDong"),
                ("IDE", "王", ["小东"], "王 小东"),
            ],
        ),
        (
            "Hong^Gildong=洪^吉洞=홍^길동",
            [
                (None, "Hong", ["Gildong"], "Hong, Gildong"),
                ("IDE", "洪", ["吉洞"], "洪 吉洞"),
                ("SYL", "홍", ["길동"], "홍 길동"),
            ],
        ),
        ("Διονυσιος", [(None, "Διονυσιος", None, "Διονυσιος")]),
        (
            "Äneas^Rüdiger^Jörg^Dr.^MdB",
            [(None, "Äneas", ["Rüdiger", "Jörg"], "Äneas, Dr. Rüdiger Jörg, MdB")],
        ),
        ("قباني^لنزار", [(None, "قباني", ["لنزار"], "قباني, لنزار")]),
        ("=山田^太郎", [("IDE", "山田", ["太郎"], "山田 太郎")]),
        ("", []),
    ],
)
def test_names_keep_their_scripts_and_parts(person_name: str, names: list[Any]) -> None:
    made = source(image(1, FOUND), study=replace(STUDY_ROW, patient_name=person_name))
    (written,) = of_type("DiagnosticReport", made)
    found = [
        (
            one["extension"][0]["valueCode"] if "extension" in one else None,
            one["family"],
            one.get("given"),
            one["text"],
        )
        for one in written["contained"][0].get("name", [])
    ]
    assert found == names


def test_the_subject_is_named_by_identifier_and_can_be_checked() -> None:
    (written,) = of_type("DiagnosticReport", plain_source())
    assert written["subject"]["identifier"]["value"] == "P-17"
    assert written["subject"]["identifier"]["system"] == SITE.patient_id_system
    patient = written["contained"][0]
    assert (patient["birthDate"], patient["gender"]) == ("1960-02-29", "male")
    assert written["basedOn"][0]["identifier"]["value"] == "A-99"
    (bare,) = of_type("DiagnosticReport", bare_source())
    assert "identifier" not in bare["subject"] and "basedOn" not in bare


def test_every_reference_leads_to_a_neighbour_in_the_bundle() -> None:
    bundle = json.loads(make_transaction(plain_source()))
    known = {entry["fullUrl"] for entry in bundle["entry"]} | {"#patient"}
    text = json.dumps(bundle)
    used = {part.split('"')[0] for part in text.split('"reference": "')[1:]}
    assert used <= known and len(used) == 6


def test_each_answer_names_the_network_that_gave_it() -> None:
    """The study's is that of the image behind it; nothing that nobody looked at has another."""
    answers = [one["device"] for one in of_type("Observation", mixed_source())]
    assert [one["display"][-3:] for one in answers] == ["0.9", "1.0", "0.9", "1.0"]
    devices = of_type("Device", mixed_source())
    assert [one["version"][0]["value"] for one in devices] == ["0.9", "1.0"]
    older, newer = (f"Device/{one['id']}" for one in devices)
    assert [one["reference"] for one in answers] == [older, newer, older, newer]
    # What is known of the network in use alone.
    assert ["property" in one for one in devices] == [False, True]
    study, *_ = of_type("Observation", mixed_source())
    counts = "1 by osteon-net 1.0, 1 by osteon-net 0.9"
    assert f"Images analysed by different models: {counts}" in [n["text"] for n in study["note"]]


def test_all_are_put_under_their_own_ids() -> None:
    """A Device that is made where none is found is made twice by two senders at once."""
    for entry in json.loads(make_transaction(mixed_source()))["entry"]:
        made = entry["resource"]
        address = f"{made['resourceType']}/{made['id']}"
        assert entry["request"] == {"method": "PUT", "url": address}


def test_each_device_goes_along_once() -> None:
    entries = json.loads(make_transaction(mixed_source()))["entry"]
    devices = [one for one in entries if one["resource"]["resourceType"] == "Device"]
    assert len({one["request"]["url"] for one in devices}) == len(devices) == 2
    known = {entry["fullUrl"] for entry in devices}
    answers = [entry["resource"].get("device") for entry in entries]
    assert {one["reference"] for one in answers if one} == known


def test_an_answer_stands_while_its_images_are_looked_at_anew() -> None:
    """A second look by the same network leaves a report with none of its images."""
    (study,) = of_type("Observation", source())
    assert study["valueCodeableConcept"]["coding"][0]["code"] == "52101004"
    assert study["device"]["display"] == "osteon-net 1.0"


@pytest.mark.parametrize("uid", ["1.2.3", "0", "2.25." + "9" * 39, "1." + "2" * 62, "00.01"])
def test_an_id_is_legal_and_leads_back_to_its_uid(uid: str) -> None:
    made = resource_id("OSTEON", IMAGE, uid)
    assert len(made) <= 64 and made.replace("-", "").isalnum()
    assert read_uid("OSTEON", IMAGE, made) == uid
    assert read_uid("OSTEON", STUDY, made) is None
    assert read_uid("ANOTHER", IMAGE, made) is None
    assert read_uid("OSTEON", IMAGE, made.upper()) is None
    assert read_uid("OSTEON", IMAGE, made.replace("-i", "-i0")) is None


@pytest.mark.parametrize(
    ("study_date", "study_time", "moment"),
    [
        ("20260131", "101500.25", "2026-01-31T10:15:00+09:00"),
        ("2026.01.31", "10:15:00", "2026-01-31T10:15:00+09:00"),
        ("20260131", "1015", "2026-01-31"),
        ("20260131", "", "2026-01-31"),
        ("18500101", "120000", "1850-01-01"),
        ("20260231", "101500", None),
        ("", "101500", None),
    ],
)
def test_a_study_begins_as_exactly_as_its_header_says(
    study_date: str, study_time: str, moment: str | None
) -> None:
    assert study_moment(study_date, study_time, SITE.time_zone) == moment


def test_other_weights_make_another_device() -> None:
    other = replace(ALGORITHM, version="2.0")
    made = FhirArchive(SITE, other, finding_of).source(report(image(1, NOT_LOOKED_AT)))
    (first,), (second,) = of_type("Device", plain_source()), of_type("Device", made)
    assert first["id"] != second["id"]
    assert first["identifier"] != second["identifier"]
    assert first["version"][0] == {"type": {"text": "model"}, "value": "1.0"}
