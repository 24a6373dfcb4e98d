"""The conformance statement says what the node does, and a change of either is seen."""

import ast
import re
from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID_dictionary
from pynetdicom import AE, build_context
from pynetdicom.association import Association

from cli.assembly import build_listener, concurrency
from cli.statement import sop_classes, status_codes
from cli.statement.attributes import attributes_of
from cli.statement.created_objects import Built, Case
from cli.statement.markdown import UnknownTable, changed, filled, table
from db.commitments import MAX_SENDINGS
from db.destinations import _RESTS
from dicom_node import contexts
from dicom_node.commitment.messages import _MOST_REFERENCES
from dicom_node.dicomweb.retrieve_door import _FRAMES_MAX
from dicom_node.query_retrieve.query_client import _WINDOW_DAYS_MAX
from dicom_node.query_retrieve.query_service import QueryService
from dicom_node.query_retrieve.query_statuses import _MEANINGS as QUERY_MEANINGS
from dicom_node.query_retrieve.retrieve_client import _SILENCE_SECONDS
from dicom_node.query_retrieve.retrieve_service import RetrieveService
from dicom_node.results.finding import AlgorithmIdentity, FindingState, ImageFinding
from dicom_node.results.result_object import ReportIssue, ResultKind
from dicom_node.sender import Sender
from model.radiograph import MAX_FRAMES
from settings import Settings, load_settings
from tests.cli.shell import ROOT, Shell
from tests.dicom_node.listening import Node, running_node
from tests.dicom_node.results.report_sources import ISSUE
from worker import confirming

STATEMENT = ROOT / "docs/conformance.md"
RENEW = "osteon conformance --write docs/conformance.md"
_TABLE = re.compile(r"<!-- table: ([\w-]+) -->\n\n(.*?)\n<!-- end -->\n", re.DOTALL)
_UID = re.compile(r"`([0-9.]{6,})`")
_CONTEXTS_MAX = 128  # PS3.8 9.3.2


@pytest.fixture(scope="module")
def statement() -> str:
    return STATEMENT.read_text()


@pytest.fixture(scope="module")
def tables(statement: str) -> dict[str, str]:
    return dict(_TABLE.findall(statement))


@pytest.fixture(scope="module")
def node(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    with running_node(new_ledger("sqlite"), tmp_path_factory.mktemp("spool")) as running:
        yield running


def test_the_statement_is_that_of_this_node(statement: str, tmp_path: Path) -> None:
    """Its tables are taken out and made anew by the command, with every setting at its default."""
    copy = tmp_path / "conformance.md"
    copy.write_text(re.sub(_TABLE, r"<!-- table: \1 -->\n<!-- end -->\n", statement))
    outcome = Shell(tmp_path).run("conformance", "--write", copy, model_dir="", data_dir="")
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "", "")
    made, stated = (dict(_TABLE.findall(text)) for text in (copy.read_text(), statement))
    assert [name for name in made if made[name] != stated.get(name)] == [], f"run {RENEW}"
    assert copy.read_text() == statement


def test_a_difference_is_named() -> None:
    fresh = {"one": table(("A",), [("1",)]), "two": table(("B",), [("2",)])}
    places = "".join(f"<!-- table: {name} -->\n<!-- end -->\n" for name in fresh)
    document = filled(f"Words.\n{places}More.\n", fresh)
    assert changed(document, fresh) == []
    assert changed(document.replace("| 2 |", "| 3 |"), fresh) == ["two"]
    assert filled(document.replace("| 2 |", "| 3 |"), fresh) == document


@pytest.mark.parametrize("names", [["one"], ["one", "two", "two"], ["one", "two", "three"]])
def test_each_table_has_one_place(names: list[str]) -> None:
    document = "".join(f"<!-- table: {name} -->\n<!-- end -->\n" for name in names)
    with pytest.raises(UnknownTable):
        filled(document, {"one": "", "two": ""})


def test_another_context_makes_another_table(
    tables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sop_classes.accepted_contexts() == tables["accepted-contexts"]
    monkeypatch.setattr(contexts, "TRANSFER_SYNTAXES", contexts.TRANSFER_SYNTAXES[:-1])
    assert sop_classes.accepted_contexts() != tables["accepted-contexts"]


def test_of_all_sop_classes_the_listener_accepts_those_that_are_stated(
    node: Node, tables: dict[str, str]
) -> None:
    stated = {
        uid
        for name in ("accepted-contexts", "analysed-classes", "kept-classes")
        for uid in _UID.findall(tables[name])
    }
    known = {uid for uid, words in UID_dictionary.items() if words[1] == "SOP Class"}
    proposed = sorted(stated | known | {"1.2.276.0.7230010.3.1.0.1", "1.2.3.4"})
    assert len(known) > 250
    assert _accepted(node, [(uid, ["1.2.840.10008.1.2"]) for uid in proposed]) == stated


@pytest.mark.parametrize("peers", [(), ("PACS@10.0.0.5",)])
def test_results_are_told_of_where_peers_are_set(
    peers: tuple[str, ...], tables: dict[str, str], new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=new_ledger("sqlite"), peers=peers)
    listener = build_listener(settings)
    rows = tables["accepted-contexts"].splitlines()
    conditional = {
        uid for row in rows if "where `peers` is set" in row for uid in _UID.findall(row)
    }
    offered = {str(one.abstract_syntax) for one in listener._contexts()}
    assert len(conditional) == 3
    assert conditional & offered == (conditional if peers else set())


def test_of_all_transfer_syntaxes_the_listener_accepts_those_that_are_stated(
    node: Node, tables: dict[str, str]
) -> None:
    stated = _UID.findall(tables["transfer-syntaxes"])
    known = sorted(uid for uid, words in UID_dictionary.items() if words[1] == "Transfer Syntax")
    analysed, *_, kept = _UID.findall(tables["analysed-classes"] + tables["kept-classes"])
    for sop_class in (analysed, kept):
        with _associated(node, [(sop_class, [syntax]) for syntax in known]) as association:
            accepted = {one.transfer_syntax[0] for one in association.accepted_contexts}
        assert accepted == set(stated)
    for first in range(len(stated)):
        assert _preferred(node, kept, list(reversed(stated[first:]))) == stated[first]


def test_roles_are_answered_as_stated(node: Node, tables: dict[str, str]) -> None:
    rows = tables["negotiation"].splitlines()
    assert "| SCP/SCU Role Selection | yes | yes |" in rows
    assert [row for row in rows[2:] if "| no | no |" not in row] == [rows[3]]


@pytest.mark.parametrize(
    ("modules", "enumeration", "listed"),
    [
        (["store_service"], "StoreStatus", status_codes.STORE_ANSWERS),
        (
            ["query_retrieve/query_service", "query_retrieve/query_identifier"],
            "QueryStatus",
            status_codes.FIND_ANSWERS,
        ),
        (
            [
                "query_retrieve/retrieve_service",
                "query_retrieve/retrieve_responses",
                "query_retrieve/query_identifier",
            ],
            "QueryStatus",
            status_codes.RETRIEVE_ANSWERS,
        ),
    ],
)
def test_every_status_that_is_answered_is_listed(
    modules: list[str], enumeration: str, listed: dict[object, object]
) -> None:
    used = {
        node.attr
        for module in modules
        for node in ast.walk(ast.parse((ROOT / f"dicom_node/{module}.py").read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == enumeration
    }
    assert used == {status.name for status in listed}  # type: ignore[attr-defined]


def test_every_status_of_a_peer_that_has_words_is_listed() -> None:
    assert set(QUERY_MEANINGS) <= set(status_codes.QUERY_RESPONSES)


def test_keys_have_the_type_that_the_standard_gives_them(statement: str) -> None:
    """PS3.4 tables C.6-5, C.6-3 and C.6-4: what every SCP has to match is no option."""
    rows = re.findall(r"^\| (STUDY|SERIES|IMAGE) \| ([^|]+) \| .* \| required \|", statement, re.M)
    assert rows == [
        *(("STUDY", name) for name in ("Study Date", "Study Time", "Accession Number")),
        *(("STUDY", name) for name in ("Patient's Name", "Patient ID", "Study ID")),
        *(("SERIES", name) for name in ("Modality", "Series Number")),
        ("IMAGE", "Instance Number"),
    ]


def test_the_statuses_of_commitment_are_listed() -> None:
    tree = ast.parse((ROOT / "dicom_node/commitment/service.py").read_text())
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert set(constants.values()) == set(status_codes.COMMITMENT_ANSWERS)


def _threads(destinations: str) -> int:
    settings = load_settings(destinations=destinations)
    return concurrency(settings, ["deliver"]) - settings.deliver_workers


def _default(made: type, name: str) -> Any:
    return signature(made).parameters[name].default


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", " ")


PROSE = {
    "idle": f"released when idle for {_default(Sender, 'idle_seconds')} s",
    "threads": f"`deliver_workers`, and {_threads('A@h:1,B@h:2') // 2} more for each destination",
    "rests": f"left alone for {_RESTS.first_delay_seconds} s, then for growing times up to "
    f"{_RESTS.max_delay_seconds // 60} min",
    "waits": f"taken for {confirming._ANSWER_WAIT_SECONDS} s on the same association",
    "asks again": f"it is asked again after {confirming._ASK_AGAIN_SECONDS // 3600} h",
    "questions": f"After {confirming._MOST_UNANSWERED} questions without an answer",
    "looks": f"is looked for {confirming._LOOKS_BEFORE_SENDING_AGAIN} times before",
    "sendings": f"is sent again, at most {MAX_SENDINGS} times in all",
    "attempts": f"after {confirming._MOST_ATTEMPTS} attempts without an answer",
    "outage": f"asked again after {confirming._OUTAGE_SECONDS // 60} min",
    "silence": f"The puller waits {_SILENCE_SECONDS} s instead of 60 s",
    "days": f"a range of up to {_WINDOW_DAYS_MAX} days",
    "frames analysed": f"Of a multi-frame image at most {MAX_FRAMES} frames",
    "frames served": f"at most {_FRAMES_MAX} frames at once",
    "matches": f"more than {_default(QueryService, 'match_limit')} matches",
    "objects": f"more than {_thousands(_default(RetrieveService, 'instance_limit'))} objects are",
    "references": f"names more than {_thousands(_MOST_REFERENCES)} objects",
}


@pytest.mark.parametrize("sentence", PROSE.values(), ids=PROSE.keys())
def test_numbers_in_sentences_are_those_of_the_code(statement: str, sentence: str) -> None:
    assert sentence in " ".join(statement.split())


def test_whence_a_value_is() -> None:
    rows = {row.path: row for row in attributes_of([_built(number) for number in (1, 2, 3)])}
    told = {".".join(path): (row.presence, row.source, row.value) for path, row in rows.items()}
    assert told == {
        "Modality": ("ALWAYS", "FIXED", "`SR`"),
        "PatientID": ("VNAP", "COPY", ""),
        "PatientName": ("EMPTY", "", ""),
        "DeviceSerialNumber": ("ALWAYS", "CONFIG", "`ae_title`"),
        "StudyInstanceUID": ("ALWAYS", "COPY", ""),
        "InstanceNumber": ("ALWAYS", "AUTO", ""),
        "SourceImageSequence": ("ANAP", "", "items as follows"),
        "SourceImageSequence.ReferencedSOPInstanceUID": ("ALWAYS", "COPY", "from SOP Instance UID"),
        "SourceImageSequence.ReferencedFrameNumber": ("ANAP", "FIXED", "`1`"),
    }


def test_links_and_tests_that_are_named_are_there(statement: str) -> None:
    anchors = {_anchor(line) for line in statement.splitlines() if line.startswith("#")}
    for target in re.findall(r"\]\(([^)]+)\)", statement):
        path, _, anchor = target.partition("#")
        assert not path or (STATEMENT.parent / path).exists(), target
        known = anchors if not path else _anchors_of(STATEMENT.parent / path)
        assert not anchor or anchor in known, target
    named = re.findall(r"`(tests/[\w/.]+)::(\w+)`", statement)
    assert len(named) > 5
    for path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text(), f"{path}::{test}"


def _accepted(node: Node, proposals: list[tuple[str, list[str]]]) -> set[str]:
    found = set()
    for start in range(0, len(proposals), _CONTEXTS_MAX):
        with _associated(node, proposals[start : start + _CONTEXTS_MAX]) as association:
            found |= {str(one.abstract_syntax) for one in association.accepted_contexts}
    return found


def _preferred(node: Node, sop_class: str, syntaxes: list[str]) -> str:
    with _associated(node, [(sop_class, syntaxes)]) as association:
        [context] = association.accepted_contexts
    return str(context.transfer_syntax[0])


class _associated:
    """An association with one context for each proposal."""

    def __init__(self, node: Node, proposals: list[tuple[str, list[str]]]) -> None:
        offered = [build_context(*proposal) for proposal in proposals]
        self._association: Association = AE("MODALITY").associate(
            "127.0.0.1", node.port, contexts=offered, ae_title="OSTEON"
        )
        assert self._association.is_established

    def __enter__(self) -> Association:
        return self._association

    def __exit__(self, *_: object) -> None:
        self._association.release()


def _built(number: int) -> Built:
    """The third has no patient ID and no image."""
    source, made = Dataset(), Dataset()
    source.StudyInstanceUID, source.SOPInstanceUID = f"1.2.{number}", f"1.3.{number}"
    source.InstanceNumber = number
    source.PatientID = f"P{number}" if number < 3 else ""
    made.Modality, made.PatientName = "SR", ""
    made.PatientID, made.StudyInstanceUID = source.PatientID, source.StudyInstanceUID
    made.DeviceSerialNumber, made.InstanceNumber = f"NODE{number}", 7 + number
    if number < 3:
        made.SourceImageSequence = [Dataset()]
        made.SourceImageSequence[0].ReferencedSOPInstanceUID = source.SOPInstanceUID
        reference = made.SourceImageSequence[0]
        reference.ReferencedFrameNumber = 1
    if number == 2:
        other = Dataset()
        other.ReferencedSOPInstanceUID = source.SOPInstanceUID
        made.SourceImageSequence.append(other)
    finding = ImageFinding("1.2", "1.3", FindingState.NONE)
    issue = ReportIssue(1, ISSUE.created_at, serial_number=f"NODE{number}")
    case = Case(source, finding, AlgorithmIdentity("network", "1"), issue, has_pages=False)
    return Built(case, ResultKind.SR, made)


def _anchors_of(document: Path) -> set[str]:
    return {_anchor(line) for line in document.read_text().splitlines() if line.startswith("#")}


def _anchor(heading: str) -> str:
    """As GitHub makes it: small letters, hyphens for spaces, no other signs."""
    words = re.sub(r"[^\w\- ]", "", heading.lstrip("# ").strip().lower())
    return words.replace(" ", "-")
