"""What settings come to: everything that an osteon.toml can say, in the parts of a node."""

import ssl
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from cli.assembly import (
    answerable_peers,
    association_policy,
    build_broker,
    build_kitchen,
    concurrency,
    require_shadow,
    routing_rules,
)
from cli.exits import Leave
from cli.gateway import _plan
from cli.window import window_plan
from db.priorities import Priority
from dicom_node.dicomweb.gateway_config import GatewayConfig
from dicom_node.keeping.purging import RetentionPlan
from dicom_node.ladder import Wishes
from dicom_node.peer import Destination
from dicom_node.policy import AssociationPolicy, Peer
from dicom_node.results.result_object import ResultKind
from dicom_node.spool import FileSpool
from messages.fhir_push import FhirDestination
from messages.fhir_source import FhirSite
from messages.mllp import MllpDestination
from model.artefact import bundled_artefact
from model.decoding.decoder import DecodeLimits
from model.signing import Signers
from remote_systems import FhirSettings, Hl7Settings, PacsSettings
from settings import Settings, SettingsRefused, load_settings
from web.plan import AccessPlan, OidcPlan
from worker.app import Broker
from worker.destinations import FhirServer, Hl7Receiver, PacsDestination
from worker.kitchen import Waits

TOKEN, GATEWAY_TOKEN = "of-the-fhir-server", "of-the-gateway"
OIDC_SECRET = "of-the-page"  # pragma: allowlist secret
# Only together with peers that name their certificates: test_tls_settings.py has what they do.
BY_TLS = """
tls_certificate = "node.pem"
tls_key = "node.key"
tls_authorities = "ca.pem"
tls_revocations = "revoked.pem"
tls_port = 2763
tls_only = true
tls_mutual = false
tls_named_certificates_only = true
"""
# Every setting, and every key of a destination, with another value than it has by itself.
PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAd2Vjk0nwP2ietJ6ERiRErUSlm7PtDIQ6mlKz/ZQD+bU=
-----END PUBLIC KEY-----
"""
EVERYTHING = f"""
data_dir = "data"
database_url = "postgresql://ledger/osteon?sslmode=verify-full"
broker_url = "rediss://broker:6379/0"
ae_title = "FRACTURE"
bind_address = "10.0.0.1"
port = 104
dicom_address = "xray.hospital:11104"
own_hosts = ["web.inside"]
web_bind_address = "::1"
web_port = 8081
web_login = true
web_hosts = ["Osteon.hospital"]
web_certificate = "page.pem"
web_key = "page.key"
web_behind_proxy = true
web_proxy_address = "10.0.0.3"
web_idle_minutes = 5.0
web_session_hours = 8.0
web_oidc_issuer = "https://login.hospital"
web_oidc_client_id = "osteon"
web_oidc_client_secret = "{OIDC_SECRET}"
web_oidc_role_claim = "roles"
web_oidc_administrators = ["pacs-team"]
web_oidc_readers = ["radiologists"]
web_oidc_viewers = ["surgeons"]
gateway_enabled = true
gateway_bind_address = "10.0.0.2"
gateway_port = 8082
gateway_token = "{GATEWAY_TOKEN}"
gateway_url = "https://osteon.hospital"
peers = ["PACS@10.0.0.5:104", "CR1@10.0.3.0/24", "DICOMWEB"]
fhir_patient_id_system = "https://hospital/patients"
fhir_accession_number_system = "https://hospital/orders"
quiet_seconds = 11.0
max_wait_seconds = 12.0
max_pdu = 16384
max_associations = 13
max_associations_per_address = 12
object_max_bytes = 1048577
disk_reserve_bytes = 14
model_dir = "artefact"
shadow_model_dir = "on-trial"
model_keys = ["hospital.pem"]
device = "cpu"
analyse_workers = 3
report_workers = 6
deliver_workers = 5
decode_seconds = 15.0
decode_memory_bytes = 268435457
lease_seconds = 16.0
time_zone = "Europe/Berlin"
log_level = "debug"
retention_days = 30.0
results_retention_days = 60.0
retention_requires_proof = false
spool_quota_bytes = 2000000000
spool_quota_low_bytes = 1000000000
audit_repository = "syslog+tls://arr.hospital:6514"
audit_repository_authorities = "arr-ca.pem"
audit_repository_certificate = "arr.pem"
audit_repository_key = "arr.key"
audit_repository_close_notify = false
servers_need_tls = true

[[destinations]]
name = "pacs"
address = "PACS@10.0.0.6:11112"
also = ["sc", "summary", "pdf", "kos", "seg"]
negatives = "pictures"
prove = false
rejection_notes = true

[[destinations]]
address = "ARCHIVE@10.0.0.7:104"

[[destinations]]
name = "ris"
address = "mllps://ris.hospital:2575"
receiving_application = "RIS"
receiving_facility = "WARD"
attach = "pdf"

[[destinations]]
address = "mllp://10.0.0.8:2575"

[[destinations]]
name = "fhir"
address = "https://fhir.hospital/r4"
token = "{TOKEN}"
attach = "pdf"

[[destinations]]
address = "http://10.0.0.9/r4"
token_file = "/run/secrets/osteon_fhir_token"

[[rules]]
name = "emergency"
calling_ae_title = ["ER_XRAY1", "ER_XRAY2"]
max_age_years = 15
priority = "stat"
destinations = ["pacs", "fhir"]

[[rules]]
name = "chests"
body_part = "CHEST"
analyse = false
reason = "no chests here"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "osteon.toml").write_text(EVERYTHING)
    (tmp_path / "hospital.pem").write_text(PUBLIC_KEY)
    return load_settings()


def test_nothing_that_can_be_set_is_left_out_here() -> None:
    given = tomllib.loads(EVERYTHING)
    assert _as_by_itself(Settings, [given, tomllib.loads(BY_TLS)]) == []
    by_tls = {"tls": True, "certificate": "CN=pacs"}  # test_tls_settings.py has what they do
    assert _as_by_itself(PacsSettings, [*given["destinations"][0:2], by_tls]) == []
    assert _as_by_itself(Hl7Settings, given["destinations"][2:4]) == []
    assert _as_by_itself(FhirSettings, given["destinations"][4:6]) == []


@pytest.mark.parametrize("address", ["xray.hospital", ":104", "xray.hospital:dicom"])
def test_an_address_to_tell_without_a_port_is_refused(address: str) -> None:
    with pytest.raises(SettingsRefused, match="setting dicom_address: expected HOST:PORT"):
        load_settings(dicom_address=address)


def test_a_worker_has_all_that_the_file_says(settings: Settings, tmp_path: Path) -> None:
    plan = build_kitchen(settings).plan
    values = {one.name: getattr(plan, one.name) for one in fields(plan)}
    assert {name: values[name] for name in values if name not in ("destinations", "peers")} == {
        "ledger_url": "postgresql://ledger/osteon?sslmode=verify-full",
        "spool": FileSpool(tmp_path / "data/spool", reserve_bytes=14),
        "model_dir": Path("artefact"),
        "shadow_model_dir": Path("on-trial"),
        "model_signers": Signers.read([tmp_path / "hospital.pem"]),
        "retention": RetentionPlan(30, 60, False, 2_000_000_000, 1_000_000_000),
        "device": "cpu",
        "ae_title": "FRACTURE",
        "time_zone": ZoneInfo("Europe/Berlin"),
        "waits": Waits(quiet_seconds=11, max_wait_seconds=12, lease_seconds=16),
        "decode_limits": DecodeLimits(seconds=15, memory_bytes=268435457),
        "fhir_site": FhirSite(
            serial_number="FRACTURE",
            time_zone=ZoneInfo("Europe/Berlin"),
            patient_id_system="https://hospital/patients",
            accession_number_system="https://hospital/orders",
        ),
    }
    assert plan.annotate_negatives
    # The peer's address before the destination's, where both bear one AE title.
    assert set(plan.peers) == {
        Destination("PACS", "10.0.0.5", 104),
        Destination("ARCHIVE", "10.0.0.7", 104),
    }


def test_a_classifier_on_trial_that_does_not_load_is_refused(tmp_path: Path) -> None:
    require_shadow(load_settings(shadow_model_dir=bundled_artefact()))
    with pytest.raises(Leave, match=r"shadow_model_dir: no card\.json in .*; correct it"):
        require_shadow(load_settings(shadow_model_dir=tmp_path))


def test_a_worker_has_every_destination_as_the_file_has_it(settings: Settings) -> None:
    pacs, archive, ris, plain_ris, fhir, filed_fhir = build_kitchen(settings).plan.destinations
    assert pacs == PacsDestination(
        name="pacs",
        peer=Destination("PACS", "10.0.0.6", 11112),
        wishes=Wishes(
            also=frozenset(map(ResultKind, ("sc", "summary", "pdf", "kos", "seg"))),
            pictures_of_negatives=True,
        ),
        prove=False,
        rejection_notes=True,
    )
    assert archive == PacsDestination(
        name="ARCHIVE@10.0.0.7:104",
        peer=Destination("ARCHIVE", "10.0.0.7", 104),
        wishes=Wishes(also=frozenset(), pictures_of_negatives=False),
        prove=True,
        rejection_notes=False,
    )
    assert isinstance(ris, Hl7Receiver)
    tls = ris.address.tls
    assert tls is not None
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert replace(ris, address=replace(ris.address, tls=None)) == Hl7Receiver(
        name="ris",
        address=MllpDestination("ris.hospital", 2575),
        receiving_application="RIS",
        receiving_facility="WARD",
        with_pdf=True,
    )
    assert plain_ris == Hl7Receiver("mllp://10.0.0.8:2575", MllpDestination("10.0.0.8", 2575))
    address = FhirDestination("https://fhir.hospital/r4", bearer_token=TOKEN)
    assert fhir == FhirServer("fhir", address, with_pdf=True)
    token_file = Path("/run/secrets/osteon_fhir_token")
    address = FhirDestination("http://10.0.0.9/r4", token_file=token_file)
    assert filed_fhir == FhirServer("http://10.0.0.9/r4", address)


def test_doors_have_peers_limits_and_rules_as_the_file_has_them(settings: Settings) -> None:
    policy = association_policy(settings)
    assert policy == AssociationPolicy(
        ae_title="FRACTURE",
        allowed_peers=(
            Peer("FRACTURE", "127.0.0.0/8"),
            Peer("PACS", "10.0.0.5"),
            Peer("CR1", "10.0.3.0/24"),
            Peer("DICOMWEB", None),
        ),
        own_hosts=("web.inside",),
        max_pdu_bytes=16384,
        max_associations=13,
        max_associations_per_address=12,
        object_max_bytes=1048577,
    )
    emergency, chests = routing_rules(settings)
    assert [str(one) for one in emergency.conditions] == ["ER_XRAY1 or ER_XRAY2", "0 to 15"]
    assert (emergency.priority, emergency.destinations) == (Priority.STAT, ("pacs", "fhir"))
    assert (chests.analyse, chests.reason) == (False, "no chests here")


def test_the_page_has_all_that_the_file_says(settings: Settings, tmp_path: Path) -> None:
    plan = window_plan(settings)
    assert (plan.bind_address, plan.port) == ("::1", 8081)
    assert (plan.ledger_url, plan.data_dir) == (settings.ledger_url, tmp_path / "data")
    assert plan.listener == Destination("FRACTURE", "10.0.0.1", 104)
    assert (plan.dicom_host, plan.dicom_port) == ("xray.hospital", 11104)
    assert [peer.address for peer in plan.peers if not peer.is_destination] == ["PACS@10.0.0.5:104"]
    assert plan.access == AccessPlan(
        login=True,
        idle_minutes=5,
        longest_session_hours=8,
        hosts=("osteon.hospital",),
        certificate=Path("page.pem"),
        key=Path("page.key"),
        behind_proxy=True,
        proxy_address="10.0.0.3",
        oidc=OidcPlan(
            issuer="https://login.hospital",
            client_id="osteon",
            client_secret=OIDC_SECRET,
            role_claim="roles",
            administrators=frozenset({"pacs-team"}),
            readers=frozenset({"radiologists"}),
            viewers=frozenset({"surgeons"}),
        ),
    )
    told = settings.model_copy(update={"dicom_address": ""})
    assert (window_plan(told).dicom_host, window_plan(told).dicom_port) == ("10.0.0.1", 104)


def test_a_gateway_has_all_that_the_file_says(settings: Settings) -> None:
    plan = _plan(settings.model_copy(update={"model_dir": None}))
    assert plan.dicomweb == GatewayConfig(
        policy=association_policy(settings),
        name="FRACTURE:gateway",
        public_origin="https://osteon.hospital",
        rules=routing_rules(settings),
    )
    assert (plan.bind_address, plan.port, plan.token) == ("10.0.0.2", 8082, GATEWAY_TOKEN)
    assert plan.fhir.base_url == "https://osteon.hospital/fhir"


def test_broker_and_threads_are_as_the_file_has_them(settings: Settings, tmp_path: Path) -> None:
    assert build_broker(settings) == Broker("rediss://broker:6379/0", tmp_path / "data/broker")
    assert concurrency(settings, ["analyse"]) == 3
    assert concurrency(settings, ["report"]) == 6
    asking = sum(peer.host is not None for peer in settings.peers)
    expected = 5 + 4 * len(settings.destinations) + asking
    assert asking
    assert concurrency(settings, ["report", "deliver"]) == expected


def test_no_secret_is_shown_where_settings_or_plans_are_printed(settings: Settings) -> None:
    shown = repr(settings) + str(settings) + repr(build_kitchen(settings).plan)
    assert TOKEN not in shown
    assert GATEWAY_TOKEN not in shown


def test_who_can_be_called_back_is_who_has_one_host_and_a_port() -> None:
    settings = load_settings(
        peers="NAMELESS,HOSTED@10.0.0.1,WARD@10.0.0.0/24:104,CR1@10.0.0.2:104,PACS@10.0.0.3:104",
        destinations="PACS@10.0.0.9:11112,ARCHIVE@10.0.0.4:104,mllp://10.0.0.5:2575",
    )
    assert set(answerable_peers(settings)) == {
        Destination("CR1", "10.0.0.2", 104),
        Destination("PACS", "10.0.0.3", 104),
        Destination("ARCHIVE", "10.0.0.4", 104),
    }


def _as_by_itself(model: type[BaseModel], tables: list[dict[str, Any]]) -> list[str]:
    """The keys that none of the tables gives a value which is not the default."""
    found = []
    for name, field in model.model_fields.items():
        given = [table[key] for table in tables if (key := field.alias or name) in table]
        if not any(value != field.default for value in given):
            found.append(name)
    return found
