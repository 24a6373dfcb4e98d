"""A gateway as it is served, beside a listener that fills the same ledger and spool."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import httpx
import uvicorn
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicom_node.dicomweb.app import PREFIX, create_gateway
from dicom_node.dicomweb.gateway_config import GatewayConfig
from dicom_node.policy import AssociationPolicy
from tests.dicom_node.listening import AE_TITLE, Node
from tests.dicom_node.sent_objects import encoded

BOUNDARY = "boundary-of-the-test"
STOW = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
PART = b"Content-Type: application/dicom"


@dataclass
class Gateway:
    """Where it is served, and the node whose ledger and spool it uses."""

    node: Node
    port: int
    stop: Callable[[], None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    @property
    def client(self) -> DICOMwebClient:
        client = DICOMwebClient(self.url)
        client.set_http_retry_params(retry=False)
        return client

    def get(self, path: str, media_type: str = "*/*", **params: str) -> httpx.Response:
        url, headers = self.url + path, {"Accept": media_type}
        return httpx.get(url, params=params or None, headers=headers, timeout=20)

    def post(self, body: Any, path: str = "/studies", **headers: str) -> httpx.Response:
        sent = {"Content-Type": STOW} | {key.replace("_", "-"): headers[key] for key in headers}
        return httpx.post(self.url + path, content=body, headers=sent, timeout=20)


@contextlib.contextmanager
def running_gateway(node: Node, **config: Any) -> Iterator[Gateway]:
    """A server of its own thread; `config` are fields of GatewayConfig or of its policy."""
    policy_fields = AssociationPolicy.__dataclass_fields__
    policy = {name: config.pop(name) for name in list(config) if name in policy_fields}
    granted = replace(AssociationPolicy(AE_TITLE), **policy)
    app = create_gateway(node.engine, node.spool, GatewayConfig(granted, "gateway", **config))
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    )
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join()

    try:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        yield Gateway(node, listening.getsockname()[1], stop)
    finally:
        stop()
        listening.close()


def file_bytes(
    dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian, **meta: str
) -> bytes:
    """The object as a DICOM file of somebody else's making; `meta` are elements of its head."""
    written = FileMetaDataset()
    written.MediaStorageSOPClassUID = dataset.SOPClassUID
    written.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    written.TransferSyntaxUID = UID(transfer_syntax)
    written.SourceApplicationEntityTitle = "SOMEBODY"
    for keyword, value in meta.items():
        setattr(written, keyword, value)
    head = BytesIO()
    write_file_meta_info(head, written)
    return bytes(128) + b"DICM" + head.getvalue() + encoded(dataset, transfer_syntax)


def part(content: bytes, headers: bytes = PART) -> bytes:
    return b"\r\n--%s\r\n%s\r\n\r\n%s" % (BOUNDARY.encode(), headers, content)


def body(*contents: bytes) -> bytes:
    return b"".join(map(part, contents)) + END


END = f"\r\n--{BOUNDARY}--\r\n".encode()
