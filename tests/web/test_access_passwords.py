"""Passwords: which are taken, how they are kept, and what guessing at them costs."""

import threading
import time
from collections.abc import Callable

import pytest

from web.access.attempts import MOST_FAILURES, AddressBlocked, FailuresByAddress
from web.access.names import NameRefused, account_name, label
from web.access.passwords import (
    _NOBODYS,
    PasswordRefused,
    TooManyAtOnce,
    check_password,
    hash_password,
    needs_rehash,
    room_to_compare,
)

GOOD = "correct horse battery"


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("elevenchars", "at least 12"),
        ("x" * 1025, "at most 1024"),
        ("administrator", "the account's name"),
        ("Administrator", "the account's name"),
        ("administratorADMINISTRATOR ", "the account's name"),
    ],
)
def test_a_password_that_is_not_good_enough(password: str, said: str) -> None:
    with pytest.raises(PasswordRefused, match=said):
        check_password(password, "administrator")


def test_a_password_is_kept_by_argon2id_and_known_again_however_it_is_typed() -> None:
    check_password(GOOD, "anna")
    kept = hash_password("Ärzt\u00e9 wählt Passwörter")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not needs_rehash(kept)
    assert needs_rehash("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo")
    with room_to_compare() as is_password:
        assert is_password("Ärzte\u0301 wählt Passwörter", kept)
        assert not is_password("Ärzte wählt Passwörter", kept)
        assert not is_password(GOOD, "no hash at all")


def test_where_there_is_no_account_the_comparison_takes_as_long() -> None:
    assert not needs_rehash(_NOBODYS), "its parameters are those of today"
    kept = hash_password(GOOD)

    def seconds(password_hash: str | None) -> float:
        began = time.thread_time()
        with room_to_compare() as is_password:
            assert not is_password("something else", password_hash)
        return time.thread_time() - began

    assert 0.4 < seconds(None) / seconds(kept) < 2.5


def test_guessing_takes_two_cores_at_most_and_soon_waits_no_more() -> None:
    inside, busy, go_on = [], [], threading.Event()
    entered = threading.Semaphore(0)

    def compare() -> None:
        try:
            with room_to_compare():
                inside.append(1)
                entered.release()
                go_on.wait(20)
        except TooManyAtOnce:
            busy.append(1)
            entered.release()

    threads = [threading.Thread(target=compare) for _ in range(12)]
    for thread in threads:
        thread.start()
    for _ in range(2 + 4):  # two compare, four of twelve are sent away, six wait
        assert entered.acquire(timeout=10)
    assert (len(inside), len(busy)) == (2, 4)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert (len(inside), len(busy)) == (8, 4)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def pass_seconds(seconds: float) -> None:
        now[0] += seconds

    return pass_seconds


def test_an_address_waits_after_twenty_failures(clock: Callable[[float], None]) -> None:
    failures = FailuresByAddress()
    assert [failures.begin("10.0.0.1") for _ in range(MOST_FAILURES)] == [False] * 19 + [True]
    with pytest.raises(AddressBlocked):
        failures.begin("10.0.0.1")
    failures.begin("10.0.0.2")
    clock(901)
    assert failures.begin("10.0.0.1") is False


def test_a_success_washes_no_failures_away(clock: Callable[[float], None]) -> None:
    failures = FailuresByAddress()
    for _ in range(MOST_FAILURES - 1):
        failures.begin("10.0.0.1")
    for _ in range(3):
        failures.begin("10.0.0.1")
        failures.succeeded("10.0.0.1")
    failures.begin("10.0.0.1")
    with pytest.raises(AddressBlocked):
        failures.begin("10.0.0.1")


def test_an_ipv6_machine_is_one_whatever_its_address_says(clock: Callable[[float], None]) -> None:
    failures = FailuresByAddress()
    for number in range(MOST_FAILURES):
        failures.begin(f"2001:db8::{number:x}")
    with pytest.raises(AddressBlocked):
        failures.begin("2001:db8::ffff")
    failures.begin("2001:db8:0:1::1")
    for number in range(MOST_FAILURES):
        failures.begin(f"fe80::{number:x}%eth0")
    with pytest.raises(AddressBlocked):
        failures.begin("fe80::ffff%eth1")


def test_an_ipv4_machine_is_itself_behind_a_proxy_that_speaks_ipv6(
    clock: Callable[[float], None],
) -> None:
    failures = FailuresByAddress()
    for _ in range(MOST_FAILURES):
        failures.begin("::ffff:10.0.0.1")
    for blocked in ("::ffff:10.0.0.1", "10.0.0.1"):
        with pytest.raises(AddressBlocked):
            failures.begin(blocked)
    failures.begin("::ffff:10.0.0.2")


@pytest.mark.parametrize(
    "name", ["", " ", "änna", "a b", "-a", "a" * 65, "a\0b", "local", "Unknown"]
)
def test_what_no_account_may_be_called(name: str) -> None:
    with pytest.raises(NameRefused):
        account_name(name)


def test_names_are_kept_in_lower_case_and_labels_on_one_line() -> None:
    assert account_name(" Anna.Muster@Hospital.example ") == "anna.muster@hospital.example"
    assert label("  Dr.  Anna\nMuster ") == "Dr. Anna Muster"
    for wrong in ("x" * 101, "a\x00b", "a\u202eb"):
        with pytest.raises(NameRefused):
            label(wrong)
