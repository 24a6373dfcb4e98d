"""Who vouches for a classifier, with keys and signatures as OpenSSL makes them."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from model.artefact import CARD, ArtefactDamaged, ArtefactUntrusted, bundled_artefact
from model.signing import (
    SIGNATURE,
    KeyUnusable,
    Signers,
    is_shipped,
    require_signed,
    sign_artefact,
)
from tests.services import require_program

pytestmark = pytest.mark.requirement("R-MODEL-1")


def make_key(folder: Path, name: str, algorithm: str = "ed25519") -> tuple[Path, Path]:
    """PEM files of a private key and its public one."""
    openssl = require_program("openssl", "openssl")
    private, public = folder / f"{name}.key", folder / f"{name}.pem"
    make = [openssl, "genpkey", "-algorithm", algorithm, "-out", str(private)]
    subprocess.run(make, check=True, capture_output=True)
    show = [openssl, "pkey", "-in", str(private), "-pubout", "-out", str(public)]
    subprocess.run(show, check=True, capture_output=True)
    return private, public


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An artefact that did not come with the code: the shipped one with another version."""
    folder = tmp_path / "own"
    shutil.copytree(bundled_artefact(), folder)
    card = folder / CARD
    card.write_text(card.read_text().replace('"version": "', '"version": "9', 1))
    return folder


def test_the_shipped_classifier_is_vouched_for_by_the_code(tmp_path: Path) -> None:
    _, public = make_key(tmp_path, "hospital")
    assert is_shipped(bundled_artefact())
    require_signed(bundled_artefact(), Signers.read([public]))


def test_without_keys_the_hashes_of_the_card_suffice(own: Path) -> None:
    require_signed(own, Signers())


def test_what_is_signed_by_one_of_the_keys_is_taken(own: Path, tmp_path: Path) -> None:
    (_, other), (private, public) = make_key(tmp_path, "other"), make_key(tmp_path, "hospital")
    assert sign_artefact(own, private) == own / SIGNATURE
    require_signed(own, Signers.read([other, public]))
    with pytest.raises(ArtefactUntrusted, match="by none of the keys"):
        require_signed(own, Signers.read([other]))


def test_what_nobody_signed_is_refused(own: Path, tmp_path: Path) -> None:
    _, public = make_key(tmp_path, "hospital")
    with pytest.raises(ArtefactUntrusted, match=r"no card\.json\.sig .* see `osteon sign`"):
        require_signed(own, Signers.read([public]))


@pytest.mark.parametrize("altered", [b"", b"no base64 \xff", base64.b64encode(bytes(64))])
def test_what_is_no_signature_is_refused(own: Path, tmp_path: Path, altered: bytes) -> None:
    private, public = make_key(tmp_path, "hospital")
    sign_artefact(own, private).write_bytes(altered)
    with pytest.raises(ArtefactUntrusted):
        require_signed(own, Signers.read([public]))


def test_a_card_changed_after_it_was_signed_is_refused(own: Path, tmp_path: Path) -> None:
    private, public = make_key(tmp_path, "hospital")
    sign_artefact(own, private)
    card = own / CARD
    card.write_text(card.read_text().replace('"slope": ', '"slope": 1', 1))
    with pytest.raises(ArtefactUntrusted):
        require_signed(own, Signers.read([public]))


def test_nobody_vouches_for_files_that_are_not_the_cards(own: Path, tmp_path: Path) -> None:
    private, _ = make_key(tmp_path, "hospital")
    with (own / "network.onnx").open("ab") as network:
        network.write(b"!")
    with pytest.raises(ArtefactDamaged):
        sign_artefact(own, private)
    assert not (own / SIGNATURE).exists()


def test_openssl_reads_the_signature(own: Path, tmp_path: Path) -> None:
    """Whoever has no node can check it too."""
    private, public = make_key(tmp_path, "hospital")
    raw = tmp_path / "raw"
    raw.write_bytes(base64.b64decode(sign_artefact(own, private).read_bytes()))
    openssl = [require_program("openssl", "openssl"), "pkeyutl", "-verify", "-pubin", "-rawin"]
    files = ["-inkey", str(public), "-sigfile", str(raw), "-in", str(own / CARD)]
    subprocess.run([*openssl, *files], check=True, capture_output=True)


def test_keys_that_cannot_be_used_are_named(own: Path, tmp_path: Path) -> None:
    private, public = make_key(tmp_path, "rsa", "rsa")
    noise = tmp_path / "noise.pem"
    noise.write_bytes(b"no key")
    for file in (public, noise, tmp_path / "gone.pem"):
        with pytest.raises(KeyUnusable, match=file.name):
            Signers.read([file])
    with pytest.raises(KeyUnusable, match=r"rsa\.key is no Ed25519"):
        sign_artefact(own, private)
