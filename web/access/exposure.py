"""Whether the page may be shown where the settings say: safely, or not at all."""

import ssl

from http_serving import is_loopback, tls_context
from web.plan import AccessPlan

_FIRST_ADMINISTRATOR = (
    "make the first administrator by `osteon users add NAME --role administrator`"
)


class UnsafeAccess(Exception):
    """Others would see the page, or what is typed into it; the message says what to set."""

    def __init__(self, setting: str, sentence: str) -> None:
        super().__init__(sentence)
        self.setting = setting


def refuse_unsafe(address: str, access: AccessPlan) -> None:
    """Raises UnsafeAccess where the page may not be served at this address, asking as planned."""
    if not is_loopback(address):
        _refuse_exposed(address, access)
    if not access.login and (access.behind_proxy or access.oidc is not None):
        setting = "web_behind_proxy" if access.behind_proxy else "web_oidc_issuer"
        raise UnsafeAccess(
            setting,
            f"nobody is asked who they are: set web_login = true and {_FIRST_ADMINISTRATOR}",
        )
    if access.oidc is not None and not (access.oidc.client_id and access.oidc.client_secret):
        raise UnsafeAccess(
            "web_oidc_issuer", "set web_oidc_client_id and web_oidc_client_secret too"
        )
    page_tls(access)


def _refuse_exposed(address: str, access: AccessPlan) -> None:
    if not access.login:
        raise UnsafeAccess(
            "web_bind_address",
            f"{address} would show the page to other machines, and it asks nobody who they are; "
            f"set web_login = true and {_FIRST_ADMINISTRATOR}, or set a loopback address, such as "
            "127.0.0.1",
        )
    if not access.is_encrypted:
        raise UnsafeAccess(
            "web_bind_address",
            f"{address} would send passwords and patients' names for others to read; set "
            "web_certificate and web_key, or web_behind_proxy = true where a proxy speaks TLS",
        )
    if address in ("0.0.0.0", "::", "") and not access.hosts:  # noqa: S104 # nosec B104
        raise UnsafeAccess(
            "web_hosts", f"name what browsers reach the page by, as {address} is no name"
        )


def page_tls(access: AccessPlan) -> ssl.SSLContext | None:
    """Raises UnsafeAccess where there should be TLS and cannot be."""
    certificate, key = access.certificate, access.key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UnsafeAccess(
            "web_certificate",
            "a certificate and its key are needed: set web_certificate and web_key",
        )
    try:
        return tls_context(certificate, key)
    except OSError as error:
        files = f"{certificate} and {key}"
        raise UnsafeAccess(
            "web_certificate", f"{files} cannot be used: {error.strerror or error}"
        ) from error
