"""Every door of a node, knocked at by somebody who names a patient in the wrong place."""

import os
import re
import signal
from collections.abc import Sequence
from contextlib import suppress

import httpx
import psutil
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from tests.end_to_end.node import Node
from tests.end_to_end.open_transfer import OpenTransfer
from tests.waiting import wait_for

_PAGES = (
    "/worklist?search={}",
    "/studies/{}",
    "/studies/{}/images/{}",
    "/results?study={}&region={}",
    "/verdicts?{}",
    "/operations?{}",
    "/{}",
    "/api/v1/results?study={}",
    "/api/v1/results/export?state={}",
    "/api/v1/studies?search={}",
    "/api/v1/studies/{}",
    "/api/v1/{}",
    "/healthz?{}",
)
_MACHINES_PAGES = (
    "/dicom-web/studies?PatientID={}&PatientName={}",
    "/dicom-web/studies/{}",
    "/dicom-web/studies?{}={}",
    "/fhir/Patient?name={}&identifier={}",
    "/fhir/Patient/{}",
    "/fhir/DiagnosticReport?patient={}",
    "/fhir/{}",
    "/healthz?{}",
)


def knock_everywhere(node: Node, image: Dataset, names: Sequence[str]) -> None:
    """Each of the names at each of the doors; whatever is answered, none of them is to be kept."""
    ask_by_dicom(node, names)
    break_off_a_transfer(node, image)
    gateway, web = (
        f"http://127.0.0.1:{node.settings[one]}" for one in ("gateway_port", "web_port")
    )
    for name in names:
        with httpx.Client(timeout=60) as client:
            for page in _MACHINES_PAGES:
                client.get(gateway + page.replace("{}", name))
            client.post(f"{gateway}/fhir/Patient/_search", data={"name": name})
            client.post(f"{gateway}/dicom-web/studies", content=name.encode(), headers=_MULTIPART)
            client.post(
                f"{gateway}/dicom-web/studies/{name}", content=_part(name), headers=_MULTIPART
            )
            for page in _PAGES:
                client.get(web + page.replace("{}", name))
            _try_a_file(client, web, name)


def ask_by_dicom(node: Node, names: Sequence[str]) -> None:
    """C-FIND, C-MOVE and C-GET for patients, by what is no UID, no level and no destination."""
    ae = AE("TESTER")
    models = (
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelMove,
        StudyRootQueryRetrieveInformationModelGet,
    )
    for model in models:
        ae.add_requested_context(model)
    association = ae.associate("127.0.0.1", node.port, ae_title="OSTEON")
    assert association.is_established
    for name in names:
        for level in ("STUDY", "IMAGE", name[:16]):
            asked = Dataset()
            asked.QueryRetrieveLevel, asked.StudyInstanceUID = level, name
            asked.PatientName = asked.PatientID = asked.AccessionNumber = name
            with suppress(RuntimeError, ValueError):
                list(association.send_c_find(asked, models[0]))
                list(association.send_c_move(asked, name[:16], models[1]))
                list(association.send_c_get(asked, models[2]))
    association.abort()


def break_off_a_transfer(node: Node, image: Dataset) -> None:
    """After its identity, before its last pixels; once in order, once without a word."""
    image.Rows, image.PixelData = 4 * image.Rows, 4 * image.PixelData  # more than one PDU
    OpenTransfer(node.address, image).abort()
    OpenTransfer(node.address, image).cut()


def kill_decoders(node: Node) -> None:
    """As if a codec had died on its file."""
    analyst = psutil.Process(node.processes["analyst"].pid)
    children = wait_for(analyst.children, "a decode child", 60)
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGSEGV)


_MULTIPART = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}


def _part(name: str) -> bytes:
    head = f"--b\r\nContent-Type: application/dicom; name={name}\r\n\r\n".encode()
    return head + bytes(128) + b"DICM" + name.encode() + b"\r\n--b--\r\n"


def _try_a_file(client: httpx.Client, web: str, name: str) -> None:
    """A picture of that name, and one that is none; as the page itself sends it."""
    token = re.search(r'name="csrf-token" content="([^"]*)"', client.get(f"{web}/try").text)
    headers = {"X-CSRF-Token": token.group(1) if token else name, "Origin": web}
    for content in (b"\x89PNG\r\n\x1a\n" + name.encode(), bytes(128) + b"DICM" + name.encode()):
        files = {"files": (f"{name}.png", content, "image/png")}
        client.post(f"{web}/try/predict", files=files, headers=headers)
        client.post(f"{web}/try/send", files=files, data={"patient": name}, headers=headers)
