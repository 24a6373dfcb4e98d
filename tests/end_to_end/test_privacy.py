"""A canary patient through everything that works and fails: no trace outside ledger and spool."""

import base64
import json
import resource
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
import redis
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import JPEG2000Lossless

from tests.end_to_end.doors import kill_decoders, knock_everywhere
from tests.end_to_end.node import Node
from tests.end_to_end.small_studies import small_study
from tests.faults.forked_node import forked_node
from tests.faults.nursery import Nursery
from tests.messages.receivers import acknowledgement, block, scripted_receiver
from tests.servers import free_port, running_postgres, running_redis
from tests.waiting import wait_for
from tests.witness.sink import Sink
from tests.witness.witness import Witness

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.requirement("R-DATA-1")]
RESULT_SECONDS = 120
# Each token is met nowhere else; the file system, the logs and the broker are searched for them.
CANARIES = {
    "PatientName": "KANARIVOGEL^GELBKEHLCHEN",
    "PatientID": "QZX-7741-KANARI",
    "PatientBirthDate": "19131107",
    "AccessionNumber": "QACC55117Z",
    "StudyDescription": "Zwitscherbefund Schlaraffia",
    "ReferringPhysicianName": "Papageno^Vogelhaendler",
}
TOKENS = [value.split("^")[0].encode() for value in CANARIES.values()]
NAMES = [CANARIES["PatientName"], CANARIES["PatientID"]]
# So that the search is not one of empty files.
SAID = {
    "listener": "c_find",
    "analyst": "not_analysed",
    "courier": "refused",
    "gateway": "dicomweb",
    "web": "web_serving",
}


@pytest.mark.soak
def test_no_trace_with_files_as_broker(
    tmp_path: Path, witness: Witness, sink: Sink, nursery: Nursery
) -> None:
    settings = {"destinations": sink.address, "log_level": "debug"}
    with forked_node(tmp_path, nursery, "listener", "beat", **settings) as node:
        _send_canaries(node, witness)
        broker = node.data_dir / "broker"
        offers = wait_for(lambda: [*broker.glob("*.analyse.message")], "offers", RESULT_SECONDS)
        _assert_integers_only([path.read_bytes() for path in offers])
        _let_all_end(node)
        _assert_no_trace(node)


def test_no_trace_at_any_door_with_servers(
    tmp_path: Path,
    witness: Witness,
    sink: Sink,
    nursery: Nursery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every part, PostgreSQL that logs what fails, Redis, and an HL7 receiver that echoes names."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with (
        running_postgres("logging_collector=on", "log_min_messages=info") as database,
        running_redis() as broker,
        scripted_receiver(_refuse_by_name) as hl7_port,
    ):
        settings = {
            "destinations": f"{sink.address},mllp://127.0.0.1:{hl7_port}",
            "log_level": "debug",
            "database_url": database.create_database(),
            "broker_url": broker.url,
            "gateway_port": free_port(),
            "web_port": free_port(),
            "peers": "TESTER,XRAYROOM,HALFWAY",
        }
        with forked_node(tmp_path, nursery, "listener", "beat", **settings) as node:
            _send_canaries(node, witness)
            with redis.Redis.from_url(broker.url) as client:
                wait_for(lambda: client.llen("analyse"), "an offer", RESULT_SECONDS)
                _assert_integers_only(client.lrange("analyse", 0, -1))
                node.start("analyst", "reporter", "courier", "web")
                node.processes["gateway"] = node._run("gateway", ["gateway"])
                _wait_until_served(node)
                knock_everywhere(node, _canary_study("broken-off")[0], NAMES)
                kill_decoders(node)
                wait_for(lambda: _all_reported(node), "every study to end", RESULT_SECONDS)
                keys = client.keys("*")
                assert [one for key in keys for one in _traces(_dumped(client, key))] == []
            _assert_processes_name_nobody(node)
            _ask_about_the_node(node)
            node.stop_all()
        logs = [path for path in database._folder.rglob("log/*") if path.is_file()]
        assert _traces_in(logs) == []
        assert any(b"ready to accept" in path.read_bytes() for path in logs)
    spool = node.data_dir / "spool"
    outside = {path for path in _files(tmp_path) if spool not in path.parents}
    assert _traces_in(outside - _of_the_witness(tmp_path)) == []
    assert set(_traces_in(_files(spool))) == set(TOKENS)
    for part, event in SAID.items():
        assert event in node.log(part), part


def _send_canaries(node: Node, witness: Witness) -> None:
    """One study that is analysed, and files that fail at every step behind the door and at it."""
    modality = witness.client(node.address)
    assert modality.store(_canary_study("sound")) == [0x0000] * 3
    for break_it in (_undecodable, _of_no_known_alphabet, _with_wrong_values):
        (dataset, *_) = _canary_study(break_it.__name__)
        break_it(dataset)
        assert modality.store([dataset]) == [0x0000], break_it.__name__
    (nameless, *_) = _canary_study("refused")
    nameless.StudyInstanceUID = ""
    assert modality.store([nameless]) == [0xC000]


def _canary_study(name: str) -> list[Dataset]:
    study = small_study(f"canary-{name}")
    for dataset in study:
        for keyword, value in CANARIES.items():
            setattr(dataset, keyword, value)
    return study


def _undecodable(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    fragment = CANARIES["PatientID"].encode().ljust(64)
    dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x40\0\0\0" + fragment
    dataset.PixelData += b"\xfe\xff\xdd\xe0\0\0\0\0"
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def _of_no_known_alphabet(dataset: Dataset) -> None:
    """Names in bytes that are not of the character set stated."""
    dataset.SpecificCharacterSet = ["ISO 2022 IR 6", "ISO 2022 IR 87", "ISO 2022 IR 999"]
    name = b"\x1b$B\xff\xfe " + CANARIES["PatientName"].encode() + b"\x1b$)Z\x80"
    _set_raw(dataset, "PatientName", "PN", name)


def _with_wrong_values(dataset: Dataset) -> None:
    dataset.StudyDate = dataset.AcquisitionDate = CANARIES["PatientID"]
    dataset.PatientAge = CANARIES["AccessionNumber"]
    dataset.PatientSex = CANARIES["PatientID"]
    dataset.StudyTime = CANARIES["AccessionNumber"]
    for keyword in ("SeriesNumber", "InstanceNumber", "AcquisitionNumber"):
        _set_raw(dataset, keyword, "IS", CANARIES["PatientID"].encode())


def _set_raw(dataset: Dataset, keyword: str, vr: str, value: bytes) -> None:
    """What pydicom would not write of itself."""
    tag = Tag(keyword)
    dataset[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)


def _assert_integers_only(messages: list[bytes]) -> None:
    """What is called for is the number of a job, and nothing else is told."""
    for message in messages:
        assert _traces(message) == []
        arguments, named, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
        assert [type(argument) for argument in arguments] == [int]
        assert named == {}


def _let_all_end(node: Node) -> None:
    node.start("analyst", "reporter", "courier")
    wait_for(lambda: _all_ended(node), "every study to end", RESULT_SECONDS)


def _all_ended(node: Node) -> bool:
    states = node.study_states()
    return len(states) == 4 and set(states) == {"delivered"}


def _refuse_by_name(connection: socket.socket) -> None:
    """An application error in whose words the patient is named, as some receivers do."""
    name, number = CANARIES["PatientName"], CANARIES["PatientID"]
    said = acknowledgement(f"MSA|AE|1|no such patient {name}", f"ERR||PID^1^{number}|204||||{name}")
    connection.sendall(block(said))


def _all_reported(node: Node) -> bool:
    """HL7 receivers that refuse leave a study with a refusal, which a person looks at."""
    states = node.study_states()
    return len(states) == 4 and not {"receiving", "analysing", "reporting"} & set(states)


def _wait_until_served(node: Node) -> None:
    for port in (node.settings["web_port"], node.settings["gateway_port"]):
        wait_for(lambda port=port: _answers(port), "pages", RESULT_SECONDS)


def _answers(port: int) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    return False


def _dumped(client: "redis.Redis[bytes]", key: bytes) -> bytes:
    return key + (client.dump(key) or b"")


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def _of_the_witness(folder: Path) -> set[Path]:
    """What the PACS of the test keeps, and the clients' own logs."""
    return {path for path in _files(folder) if {"witness", "sink"} & set(path.parts)}


def _assert_processes_name_nobody(node: Node) -> None:
    for process in node.processes.values():
        for one in _family(psutil.Process(process.pid)):
            if one.status() == psutil.STATUS_ZOMBIE:  # a decode child that was killed
                continue
            said = [*one.cmdline(), *(f"{key}={value}" for key, value in one.environ().items())]
            assert _traces(" ".join(said).encode()) == []
            core_bytes, _ = resource.prlimit(one.pid, resource.RLIMIT_CORE)
            assert core_bytes == 0, one.cmdline()


def _assert_no_trace(node: Node) -> None:
    """No token but where it belongs: and there, lest the search be blind, it is found."""
    _assert_processes_name_nobody(node)
    _ask_about_the_node(node)
    node.stop_all()
    spool = node.data_dir / "spool"
    ledger = set(node.data_dir.glob("ledger.sqlite*"))
    files = [path for path in node.folder.rglob("*") if path.is_file()]
    allowed = [path for path in files if path in ledger or spool in path.parents]
    assert set(_traces_in(allowed)) == set(TOKENS)
    assert _traces_in(set(files) - set(allowed)) == []
    assert "c_store" in node.log("listener")
    assert "not_analysed" in node.log("analyst")


def _ask_about_the_node(node: Node) -> None:
    """What a person looks at while something is wrong is written down, too."""
    for words in (["jobs"], ["jobs", "--dead", "--json"], ["doctor"]):
        node.ask(words)


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _traces_in(paths: Iterable[Path]) -> list[bytes]:
    return [token for path in paths for token in _traces(path.read_bytes())]


def _traces(content: bytes) -> list[bytes]:
    return [token for token in TOKENS if token in content]
