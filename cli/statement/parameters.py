"""What can be set, what cannot, and what the node says of itself at the start of an association."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydicom.charset import python_encoding

from cli.statement.announcements import Announced
from cli.statement.markdown import table
from cli.statement.wire import Heard
from db.jobs import JobKind
from dicom_node.peer import Destination
from dicom_node.policy import AssociationPolicy
from dicom_node.results.equipment import MANUFACTURER, PRODUCT, product_version
from remote_systems import PacsSettings
from settings import Settings
from worker.retrying import RETRY_POLICIES

# Everything else that can be set is about DICOM.
NOT_ABOUT_DICOM = frozenset(
    {
        "data_dir",
        "database_url",
        "broker_url",
        "servers_need_tls",
        "dicom_address",  # what a page says to a person
        "fhir_patient_id_system",
        "fhir_accession_number_system",
        "model_dir",
        "shadow_model_dir",
        "model_keys",
        "device",
        "analyse_workers",
        "report_workers",
        "deliver_workers",
        "decode_seconds",
        "decode_memory_bytes",
        "lease_seconds",
        "log_level",
    }
)
_POLICY = {
    "ae_title": ("AE title; a called AE title that is another is rejected", "`ae_title`"),
    "allowed_peers": ("calling AE titles, addresses, certificates admitted; none: all", "`peers`"),
    "named_certificates_only": (
        "whether by TLS only callers come whose record names their certificate",
        "`tls_named_certificates_only`",
    ),
    "own_hosts": ("hosts from which the node's own AE title is admitted as well", "`own_hosts`"),
    "max_associations": ("associations open at once", "`max_associations`"),
    "max_associations_per_address": (
        "of these, from one address; (none): four fifths",
        "`max_associations_per_address`",
    ),
    "max_pdu_bytes": ("largest PDU announced, in bytes", "`max_pdu`"),
    "object_max_bytes": ("largest object taken, in bytes", "`object_max_bytes`"),
    "request_timeout_seconds": ("TLS handshake and association request together", "fixed"),
    "dimse_timeout_seconds": ("DIMSE: the next message the node waits for", "fixed"),
    "network_timeout_seconds": ("silence until the association is aborted", "fixed"),
    "pdu_pause_seconds": ("silence within a PDU until the connection is closed", "fixed"),
    "pdu_timeout_seconds": ("from first to last byte of a PDU", "fixed"),
}
_DESTINATION = {
    "connection_timeout_seconds": "TCP connection",
    "acse_timeout_seconds": "ACSE: association request and release",
    "dimse_timeout_seconds": "DIMSE and network: a response, or silence",
}
_JOBS = {
    JobKind.DELIVER: "Deliver results",
    JobKind.CONFIRM: "Ask for proof",
    JobKind.ANSWER: "Answer a commitment request",
}
_GOES_ON = "none: until it succeeds, or a person ends it"
_ENDS_WITHOUT_PROOF = "see [Proof](#proof)"
_ITEMS = {
    "AsynchronousOperationsWindowNegotiation": "Asynchronous Operations Window",
    "SCP_SCU_RoleSelectionNegotiation": "SCP/SCU Role Selection",
    "SOPClassExtendedNegotiation": "SOP Class Extended Negotiation",
    "SOPClassCommonExtendedNegotiation": "SOP Class Common Extended Negotiation",
    "UserIdentityNegotiation": "User Identity",
    "UserIdentityResponse": "User Identity, server response",
}


def product() -> str:
    rows = [("Manufacturer", MANUFACTURER), ("Product", PRODUCT), ("Version", product_version())]
    return table(("What", "Value"), rows)


def identification(heard: Heard) -> str:
    roles = {"Requestor": heard.requestor, "Acceptor": heard.acceptor}
    rows = [(role, *_identity(said)) for role, said in roles.items()]
    headings = ("As", "Implementation Class UID", "Implementation Version Name", "Maximum PDU")
    return table(headings, rows)


def _identity(said: Announced) -> tuple[str, str, int]:
    return (
        f"`{said.implementation_class_uid}`",
        f"`{said.implementation_version_name}`",
        said.max_pdu_bytes,
    )


def negotiation(heard: Heard) -> str:
    """Which items there are beyond the three that every association has."""
    sent = {item for item in heard.requestor.items if item in _ITEMS}
    rows = [
        (words, "yes" if name in sent else "no", "yes" if name in heard.acceptor.items else "no")
        for name, words in _ITEMS.items()
    ]
    return table(("Item (PS3.7 D.3.3)", "Sent as requestor", "Answered as acceptor"), rows)


def acceptor_limits(policy: AssociationPolicy) -> str:
    values = {field.name: getattr(policy, field.name) for field in fields(AssociationPolicy)}
    rows = [(words, _shown(values[name]), by) for name, (words, by) in _of(_POLICY, values)]
    return table(("Parameter", "Value", "Set by"), rows)


def requestor_limits() -> str:
    values = {
        field.name: field.default
        for field in fields(Destination)
        if field.name not in ("ae_title", "host", "port", "tls")
    }
    rows = [(words, values[name], "fixed") for name, words in _of(_DESTINATION, values)]
    return table(("Timeout, in seconds", "Value", "Set by"), rows)


def character_sets() -> str:
    """The defined terms of PS3.3 C.12.1.1.2 that text can be read in and written in."""
    terms = [term for term in python_encoding if term]
    extended = [term for term in terms if term.startswith("ISO 2022")]
    rows = [
        ("without code extensions", [term for term in terms if term not in extended]),
        ("with code extensions", extended),
    ]
    return table(
        ("Specific Character Set", "Terms"),
        [(kind, ", ".join(f"`{term}`" for term in named)) for kind, named in rows],
    )


def retries() -> str:
    """How long the node goes on where a peer is away."""
    rows = [(words, *_tries(kind)) for kind, words in _JOBS.items()]
    headings = ("Job", "First delay, seconds", "Longest delay, seconds", "Most attempts")
    return table(headings, rows)


def _tries(kind: JobKind) -> tuple[float, float, int | str]:
    policy = RETRY_POLICIES[kind]
    unlimited = _ENDS_WITHOUT_PROOF if kind is JobKind.CONFIRM else _GOES_ON
    return policy.first_delay_seconds, policy.max_delay_seconds, policy.max_attempts or unlimited


def settings_in_force(settings: Settings) -> str:
    rows = [
        (f"`{name}`", _shown(getattr(settings, name)), field.description)
        for name, field in Settings.model_fields.items()
        if name not in NOT_ABOUT_DICOM and not name.startswith("web_")
    ]
    return table(("Setting", "Value", "Meaning"), rows)


def destination_settings() -> str:
    rows = [_key(*pair) for pair in _keys(PacsSettings)]
    return table(("Key", "Default", "Meaning"), rows)


def _keys(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in model.model_fields.items()]


def _key(name: str, field: FieldInfo) -> tuple[str, str, str]:
    default = "(needed)" if field.default is PydanticUndefined else _shown(field.default)
    return f"`{name}`", default, field.description or ""


def _of(words: Mapping[str, Any], values: Mapping[str, object]) -> list[tuple[str, Any]]:
    """The words of each value; a value without words is a mistake here."""
    if words.keys() != values.keys():
        raise KeyError(f"not described: {sorted(words.keys() ^ values.keys())}")
    return list(words.items())


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "(unset)"
    if isinstance(value, tuple | frozenset):
        return ", ".join(sorted(map(_name, value))) or "(none)"
    return str(value) if value != "" else "(none)"


def _name(entry: object) -> str:
    """A destination by its name, a rule by its own, a peer as it is written."""
    if isinstance(entry, dict):
        return str(entry.get("name", "a rule"))
    return str(getattr(entry, "name", None) or entry)
