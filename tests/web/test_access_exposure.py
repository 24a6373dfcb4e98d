"""Where others reach the page it asks who they are and is encrypted, or it is not served."""

import http.client
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import make_certificate
from tests.services import require_program
from tests.web.signing import PASSWORD, login_window, post
from tests.web.window import Answer
from web.access.exposure import UnsafeAccess, page_tls, refuse_unsafe
from web.plan import AccessPlan, OidcPlan

pytestmark = pytest.mark.requirement("R-DOOR-4")

ELSEWHERE = "192.0.2.1"
PROVIDER = OidcPlan("https://id.example", "osteon", "a secret")
PAGE = Path("cert.pem")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "DNS:localhost")


def plan(**values: object) -> AccessPlan:
    return AccessPlan(**({"login": True} | values))  # type: ignore[arg-type]


UNSAFE: list[tuple[str, AccessPlan, str, str]] = [
    (ELSEWHERE, plan(login=False), "web_bind_address", "set web_login = true and make the first"),
    (ELSEWHERE, plan(), "web_bind_address", "set web_certificate and web_key, or web_behind_proxy"),
    ("0.0.0.0", plan(behind_proxy=True), "web_hosts", "name what browsers reach the page by"),
    ("127.0.0.1", plan(login=False, behind_proxy=True), "web_behind_proxy", "web_login = true"),
    ("127.0.0.1", plan(login=False, oidc=PROVIDER), "web_oidc_issuer", "web_login = true"),
    ("127.0.0.1", plan(oidc=OidcPlan("https://x", "", "")), "web_oidc_issuer", "client_secret"),
    ("127.0.0.1", plan(certificate=PAGE), "web_certificate", "set web_certificate and web_key"),
    ("127.0.0.1", plan(key=PAGE), "web_certificate", "set web_certificate and web_key"),
    ("127.0.0.1", plan(certificate=PAGE, key=PAGE), "web_certificate", "No such file"),
]


@pytest.mark.parametrize(("address", "access", "setting", "said"), UNSAFE)
def test_what_is_not_served(address: str, access: AccessPlan, setting: str, said: str) -> None:
    with pytest.raises(UnsafeAccess) as refusal:
        refuse_unsafe(address, access)
    assert refusal.value.setting == setting
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("address", "access"),
    [
        ("127.0.0.1", plan(login=False)),
        ("127.0.0.1", plan()),
        (ELSEWHERE, plan(behind_proxy=True)),
        ("0.0.0.0", plan(behind_proxy=True, hosts=("xray.example",))),
        ("127.0.0.1", plan(oidc=PROVIDER)),
    ],
)
def test_what_is_served(address: str, access: AccessPlan) -> None:
    refuse_unsafe(address, access)


def test_a_key_that_is_not_the_certificates_is_told(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, _ = certificate
    other = tmp_path / "other.pem"
    openssl = require_program("openssl", "openssl")
    subprocess.run([openssl, "genrsa", "-out", str(other), "2048"], check=True, capture_output=True)
    with pytest.raises(UnsafeAccess, match="cannot be used"):
        refuse_unsafe(ELSEWHERE, plan(certificate=cert, key=other))
    locked = tmp_path / "locked.pem"
    shut = ["rsa", "-aes256", "-passout", "pass:secret", "-in", str(other), "-out", str(locked)]
    subprocess.run([openssl, *shut], check=True, capture_output=True)
    with pytest.raises(UnsafeAccess, match="cannot be used"):  # and nobody is asked for a phrase
        refuse_unsafe(ELSEWHERE, plan(certificate=cert, key=locked))


def test_by_tls_the_session_is_never_sent_without(
    certificate: tuple[Path, Path], new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    cert, key = certificate
    files = {"certificate": shutil.copy(cert, tmp_path / "c"), "key": shutil.copy(key, tmp_path)}
    paths = {name: Path(path) for name, path in files.items()}
    with login_window(new_ledger("sqlite"), tmp_path, **paths) as (window, _):
        trusted = ssl.create_default_context(cafile=cert)
        connection = http.client.HTTPSConnection("localhost", window.port, context=trusted)
        form = f"name=viewer&password={PASSWORD.replace(' ', '+')}"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/sign-in", form, headers)
        answer = connection.getresponse()
        assert answer.status == 303
        cookie = answer.headers["Set-Cookie"].split("; ")
        assert cookie[0].startswith("__Host-osteon_session=")
        assert {"Secure", "Path=/", "HttpOnly", "SameSite=strict"} <= set(cookie)
        assert not any(part.startswith("Domain") for part in cookie)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        connection.close()
    tls = page_tls(plan(certificate=cert, key=key))
    assert tls is not None
    assert tls.minimum_version == ssl.TLSVersion.TLSv1_2


def test_behind_a_proxy_its_word_is_taken_and_no_others(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    behind = {"behind_proxy": True, "hosts": ("xray.example",)}
    with login_window(new_ledger("sqlite"), tmp_path, **behind) as (window, engine):

        def sign_in(forwarded: str) -> Answer:
            headers = {"Host": "xray.example", "X-Forwarded-For": forwarded}
            return post(window, "/sign-in", headers, name="viewer", password=PASSWORD)

        answer = sign_in("203.0.113.9, 10.1.2.3")
        assert (answer.status, "; Secure" in answer.headers["Set-Cookie"]) == (303, True)
        sign_in("no address")
        connection = http.client.HTTPConnection("127.0.0.1", window.port, timeout=30)
        connection.putrequest("POST", "/sign-in", skip_host=True)
        for line in ("203.0.113.9", "10.1.2.4"):
            connection.putheader("X-Forwarded-For", line)
        connection.putheader("Host", "xray.example")
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        assert connection.getresponse().status == 403
        connection.close()
        with engine.connect() as ledger:
            asked = "SELECT address FROM audit_event WHERE role <> 'node' ORDER BY id"
            told = ledger.exec_driver_sql(asked).scalars().all()
        assert told == ["10.1.2.3", "127.0.0.1", "10.1.2.4"]
        assert window.get("/sign-in", Host="xray.example").status == 200
        assert window.get("/sign-in", Host="elsewhere.example").status == 400


def test_past_the_proxy_nobody_comes_in(new_ledger: Callable[[str], str], tmp_path: Path) -> None:
    behind = {"behind_proxy": True, "proxy_address": "10.0.0.0/24"}
    with login_window(new_ledger("sqlite"), tmp_path, **behind) as (window, _):
        for path in ("/sign-in", "/worklist", "/static/"):
            assert window.get(path, **{"X-Forwarded-For": "10.0.0.1"}).status == 403
        assert window.get("/healthz").status == 200, "a container asks that of itself"
