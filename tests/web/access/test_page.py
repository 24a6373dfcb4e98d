"""Signing in by keyboard, in a real browser; what each role sees; and when the page goes away."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from db.states import Role
from tests.web.browser import assert_accessible
from tests.web.signing import PASSWORD, age, login_window, make_account, sign_in
from tests.web.window import Window

IDLE_SECONDS = 2.5


def address(window: Window, path: str) -> str:
    return f"http://127.0.0.1:{window.port}{path}"


def path_of(page: Page) -> str:
    return urlsplit(page.url).path


def come_in(page: Page, window: Window, engine: Engine, name: str, path: str) -> None:
    """As somebody who signed in before."""
    cookie = {"name": "osteon_session", "value": sign_in(engine, name)}
    page.context.add_cookies([{**cookie, "url": address(window, "/")}])  # type: ignore[typeddict-item]
    page.goto(address(window, path))


def type_name_and_password(page: Page, name: str, password: str) -> None:
    """By the keyboard alone; where a name is there already, the password is waited for."""
    expect(page.locator(":focus")).to_have_attribute("name", re.compile("name|password"))
    if page.locator(":focus").get_attribute("name") == "name":
        page.keyboard.type(name)
        page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")


def test_signing_in_and_out_by_keyboard(page: Page, window: Window, engine: Engine) -> None:
    make_account(engine, "otto", Role.VIEWER)
    page.goto(address(window, "/account"))
    assert path_of(page) == "/sign-in"
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert_accessible(page)
    type_name_and_password(page, "otto", "a wrong password")
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    expect(page.get_by_label("Name")).to_have_value("otto")
    assert_accessible(page)
    type_name_and_password(page, "otto", PASSWORD)
    expect(page.get_by_role("heading", name="otto")).to_be_visible()
    assert path_of(page) == "/account", "it leads back to where they wanted to go"
    [cookie] = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""
    assert_accessible(page)
    page.get_by_role("banner").get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in")
    page.go_back()
    page.wait_for_url("**/sign-in?next=/account")


def test_five_wrong_passwords_lock(page: Page, window: Window, engine: Engine) -> None:
    make_account(engine, "lena", Role.VIEWER)
    page.goto(address(window, "/sign-in"))
    for _ in range(5):
        type_name_and_password(page, "lena", "a wrong password")
        expect(page.get_by_label("Password")).to_have_value("")
        expect(page.get_by_role("alert")).to_be_visible()
    type_name_and_password(page, "lena", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("locked")
    age(engine, "app_user", locked_until=15.1)
    type_name_and_password(page, "lena", PASSWORD)
    page.wait_for_url("**/worklist")


def test_a_viewer_is_shown_no_operations(page: Page, window: Window, engine: Engine) -> None:
    come_in(page, window, engine, "viewer", "/worklist")
    menu = page.get_by_role("navigation", name="Pages")
    expect(menu.get_by_role("link", name="Worklist")).to_be_visible()
    expect(menu.get_by_role("link", name="Operations")).to_have_count(0)
    page.goto(address(window, "/users"))
    expect(page.get_by_role("heading", name="This is not for your account")).to_be_visible()
    expect(page.locator("main")).to_contain_text("needs the role administrator")
    assert_accessible(page)


def test_a_token_is_made_and_revoked(page: Page, window: Window, engine: Engine) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    come_in(page, window, engine, "reader", "/account")
    page.get_by_label("Name, by which you know it again").fill("night export")
    page.get_by_label("read results").check()
    expect(page.get_by_label("requeue jobs")).to_have_count(0)
    page.get_by_role("button", name="Make the token").press("Enter")
    expect(page.get_by_label("Token", exact=True)).to_have_value(re.compile("^ost_.{43}$"))
    expect(page.get_by_label("Token", exact=True)).to_be_focused()
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert_accessible(page)
    page.get_by_role("button", name="Revoke night export").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("The token is revoked.")
    expect(page.locator("main")).to_contain_text("You have none.")


def test_an_administrator_adds_and_disables(page: Page, window: Window, engine: Engine) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    come_in(page, window, engine, "administrator", "/account")
    page.get_by_role("link", name="Accounts").press("Enter")
    form = page.get_by_role("region", name="Add an account")
    form.get_by_label("Name to sign in with").fill("nina")
    form.get_by_label("Full name").fill("<script>alert(1)</script>")
    form.get_by_label("Role").select_option("reader")
    form.get_by_label("Password, 12 characters or more").fill(PASSWORD)
    form.get_by_label("Password again").fill(PASSWORD)
    form.get_by_role("button", name="Add").press("Enter")
    row = page.get_by_role("row").filter(has_text="nina")
    expect(row).to_contain_text("<script>alert(1)</script>")
    row.get_by_label("Role of nina", exact=True).select_option("viewer")
    row.get_by_role("button", name="Change the role of nina").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("signed out")
    page.get_by_role("button", name="Disable nina").press("Enter")
    expect(page.get_by_role("row").filter(has_text="nina")).to_contain_text("disabled")
    page.set_viewport_size({"width": 390, "height": 800})
    assert_accessible(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    page.get_by_role("button", name="Disable administrator").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Nobody else is an administrator")


def test_names_go_from_a_screen_that_nobody_looks_at(
    page: Page, new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also while the page's own live updates go on."""
    folder, idle = tmp_path_factory.mktemp("idle"), IDLE_SECONDS / 60
    with login_window(new_ledger("sqlite"), folder, idle_minutes=idle) as (window, engine):
        come_in(page, window, engine, "viewer", "/worklist")
        expect(page.locator("[data-live]")).to_have_text("live")
        page.wait_for_url("**/sign-in?next=%2Fworklist")
        type_name_and_password(page, "viewer", PASSWORD)
        page.wait_for_url("**/worklist")


def test_names_go_though_the_node_is_away(
    page: Page, new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nobody can tell then whose session ran out."""
    folder, idle = tmp_path_factory.mktemp("away"), IDLE_SECONDS / 60
    with login_window(new_ledger("sqlite"), folder, idle_minutes=idle) as (window, engine):
        come_in(page, window, engine, "viewer", "/model")
        page.context.set_offline(True)
        expect(page.locator(".purpose")).to_have_count(1)
        expect(page.locator(".purpose")).to_have_count(0, timeout=20_000)
