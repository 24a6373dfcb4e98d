"""What a request says besides its body: who asks, and the UIDs in its path."""

from fastapi import Request

from dicom_node.dicomweb.refusals import BadRequest
from dicom_node.header_reading import is_uid

_THIS_MACHINE = "127.0.0.1"  # a Unix socket has no address


def client_address(request: Request) -> str:
    return request.client.host if request.client is not None else _THIS_MACHINE


def url_of(request: Request, public_origin: str, resource: str, **uids: str) -> str:
    """Where the resource of these UIDs can be had."""
    url = request.url_for(f"retrieve_{resource}", **uids)
    return public_origin + url.path if public_origin else str(url)


def uid_in_path(request: Request, name: str) -> str | None:
    """The UID in that place of the path; None where the path has no such place."""
    uid: str | None = request.path_params.get(name)
    if uid is not None and not is_uid(uid):
        raise BadRequest(f"what stands for the {name} in the URL is no UID")
    return uid


def uids_in_path(request: Request, name: str) -> tuple[str, ...]:
    uid = uid_in_path(request, name)
    return () if uid is None else (uid,)
