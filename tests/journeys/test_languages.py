"""German beside English: chosen, kept, followed to other devices, and complete on every screen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pprint import pformat

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser import axe, wording
from tests.browser.link import Link
from tests.browser.people import PASSWORD, People, Person
from tests.browser.product import Product
from tests.browser.window import Size, Theme, Window
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser

PHRASES_MIN = 300
WATCH = """
window.seen = new Set();
const look = () => {
  for (const node of document.querySelectorAll('h1, h2, label, button, nav a, p'))
    if (!node.closest('.visually-hidden') && !node.lang) window.seen.add(node.innerText.trim());
};
const all = { childList: true, subtree: true, characterData: true };
new MutationObserver(look).observe(document, all);
"""
"""From before the page's first script on: everything that was ever drawn, for however short."""


def is_in(window: Window, language: str) -> None:
    expect(window.page.locator("html")).to_have_attribute("lang", language)


def test_ana_turns_to_german_amid_a_chat_and_ben_stays_with_his_english(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    chat = ben.writes(ana, *(f"Zeile {number}" for number in range(60)))
    ana.reads(chat)
    bens = window_of(ben, size, f"/messages/{chat}")
    first = window_of(ana, size, f"/messages/{chat}")
    second = window_of(ana, size, "/settings/language")
    first.composer.fill("Ein halber Gedanke")
    first.composer.evaluate("(node) => node.setSelectionRange(4, 9)")
    box = first.page.get_by_role("group", name="Messages with Ben")
    expect(first.bubble("Zeile 59")).to_be_visible()
    box.evaluate("(node) => (node.scrollTop -= 700)")
    where = first.bubble("Zeile 45").evaluate("(node) => node.getBoundingClientRect().top")

    second.page.get_by_role("group", name="Language").get_by_label("Deutsch").check()
    is_in(second, "de")
    expect(second.page.get_by_role("heading", name="Sprache").first).to_be_attached()

    is_in(first, "de")
    composer = first.page.get_by_role("textbox", name="Nachricht schreiben")
    expect(composer).to_have_value("Ein halber Gedanke")
    assert composer.evaluate("(node) => [node.selectionStart, node.selectionEnd]") == [4, 9]
    moved = first.bubble("Zeile 45").evaluate("(node) => node.getBoundingClientRect().top")
    assert abs(moved - where) <= 1

    first.button("Senden").click()
    bens.sees("Ein halber Gedanke")
    bens.composer.press_sequentially("Ja")
    expect(first.subtitle).to_have_text("Ben schreibt …")
    is_in(bens, "en")
    expect(bens.composer).to_be_visible()


def test_the_choice_keeps_a_draft_and_outlives_a_reload(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    chat = ben.writes(ana, "Hallo Ana")
    anas = window_of(ana, size, f"/messages/{chat}")
    anas.composer.fill("Ein halber Gedanke")
    anas.goes_within("/settings/language")
    anas.page.evaluate("window.same = true")
    anas.page.get_by_label("Deutsch").check()
    is_in(anas, "de")
    anas.goes_within(f"/messages/{chat}")
    composer = anas.page.get_by_role("textbox", name="Nachricht schreiben")
    expect(composer).to_have_value("Ein halber Gedanke")
    assert anas.page.evaluate("window.same"), "no page was loaded"

    anas.page.add_init_script(WATCH)
    anas.page.reload()
    expect(composer).to_have_value("Ein halber Gedanke")
    is_in(anas, "de")
    seen = anas.page.evaluate("[...window.seen]")
    assert "Hallo Ana" in "".join(seen) or len(seen) > 2
    assert wording.english_among(seen) == []

    # A browser that wants English, and has not heard of her before.
    later = window_of(ana, size, "/settings/language") if size == "desktop" else anas
    later.goes_within("/settings/language")
    is_in(later, "de")
    later.page.get_by_label("English").check()
    is_in(later, "en")
    expect(later.page.get_by_role("group", name="Language")).to_be_visible()
    is_in(anas, "en")


def test_a_stranger_is_greeted_as_the_browser_asks_and_so_is_the_new_account(
    visit: Open, people: People, size: Size
) -> None:
    window = visit(size, locale="de-AT")
    window.page.add_init_script(WATCH)
    window.goes_to("/signup")
    handle = people.new_handle("Resi")
    for label, value in {
        "Dein Name": "Resi",
        "Nutzername": handle,
        "E-Mail-Adresse": f"{handle}@example.com",
        "Passwort": PASSWORD,
    }.items():
        window.field(label).fill(value)
    window.button("Konto erstellen").click()
    expect(window.text("Noch keine Chats")).to_be_visible()
    assert wording.english_among(window.page.evaluate("[...window.seen]")) == []
    window.page.reload()
    expect(window.text("Noch keine Chats")).to_be_visible()
    # Another browser, of English words: the account knows better.
    other = visit(size)
    other.goes_to("/login")
    other.field("E-mail or handle").fill(handle)
    other.field("Password").fill(PASSWORD)
    other.page.evaluate(WATCH)
    other.button("Log in").click()
    expect(other.text("Noch keine Chats")).to_be_visible()
    after = [text for text in other.page.evaluate("[...window.seen]") if "Chat" in text]
    assert after
    assert wording.english_among(after) == []


def test_who_chooses_on_the_sign_in_screen_chooses_for_the_account(
    visit: Open, people: People, size: Size
) -> None:
    ana = people.new("Ana")
    window = visit(size)
    window.goes_to("/login")
    window.field("E-mail or handle").fill(ana.handle)
    window.button("Log in").click()
    expect(window.field("Password")).to_have_accessible_description("Enter your password.")
    window.button("Deutsch").click()
    expect(window.field("Passwort")).to_have_accessible_description("Gib dein Passwort ein.")
    expect(window.field("E-Mail-Adresse oder Nutzername")).to_have_value(ana.handle)
    expect(window.button("Deutsch")).to_have_attribute("aria-pressed", "true")
    window.field("Passwort").fill("das ist es nicht")
    window.complaints.expect("401")
    window.button("Anmelden").click()
    wrong = "Anmeldename und Passwort passen nicht zusammen."
    expect(window.field("Passwort")).to_have_accessible_description(wrong)
    window.field("Passwort").fill(PASSWORD)
    window.button("Anmelden").click()
    expect(window.text("Noch keine Chats")).to_be_visible()
    is_in(window, "de")
    window.goes_within("/settings/language")
    expect(window.page.get_by_label("Deutsch")).to_be_checked()
    window.page.reload()
    expect(window.page.get_by_label("Deutsch")).to_be_checked()
    assert ana.ask("GET", "/users/me/settings")["language"] == "de"

    window.goes_within("/settings")
    window.button("Abmelden").click()
    expect(window.button("Anmelden")).to_be_visible()
    window.page.reload()
    expect(window.button("Anmelden")).to_be_visible()


def test_a_language_whose_words_cannot_be_had_is_not_taken(
    window_of: Open, people: People, size: Size
) -> None:
    ana = people.new("Ana")
    window = window_of(ana, size, "/settings/language")
    window.complaints.expect("net::ERR_FAILED")
    window.page.route("**/assets/de-*.js", lambda route: route.abort())
    # Not `check`: it is not checked afterwards.
    window.page.get_by_label("Deutsch").click()
    expect(window.toasts).to_contain_text("That language could not be loaded.")
    expect(window.page.get_by_label("English")).to_be_checked()
    is_in(window, "en")
    assert ana.ask("GET", "/users/me/settings")["language"] == "en"

    window.page.unroute("**/assets/de-*.js")
    window.page.get_by_label("Deutsch").check()
    is_in(window, "de")


def test_who_could_not_be_shown_a_language_while_signing_in_has_not_chosen_it(
    visit: Open, people: People
) -> None:
    ana = people.new("Ana")
    window = visit("phone")
    window.complaints.expect("net::ERR_FAILED")
    window.page.route("**/assets/de-*.js", lambda route: route.abort())
    window.goes_to("/login")
    window.button("Deutsch").click()
    expect(window.toasts).to_contain_text("That language could not be loaded.")
    window.page.unroute("**/assets/de-*.js")
    window.field("E-mail or handle").fill(ana.handle)
    window.field("Password").fill(PASSWORD)
    window.button("Log in").click()
    expect(window.text("No chats yet")).to_be_visible()
    is_in(window, "en")
    assert ana.ask("GET", "/users/me/settings")["language"] == "en"


def test_who_changes_her_mind_keeps_what_she_chose_last_though_the_words_come_later(
    window_of: Open, people: People
) -> None:
    ana = people.new("Ana")
    window = window_of(ana, "desktop", "/settings/language")
    held: list[Route] = []
    window.page.route("**/assets/de-*.js", lambda route: held.append(route))
    with window.page.expect_request("**/assets/de-*.js") as asked:
        window.page.get_by_label("Deutsch").click()
    window.page.get_by_label("English").click()
    window.page.wait_for_function("document.querySelector('[value=en]').checked")
    held[0].continue_()
    # Once the page itself has the words, whatever she was told of them has been done.
    window.page.evaluate("(url) => import(url)", asked.value.url)
    window.goes_within("/settings/sessions")
    expect(window.text("This device")).to_be_visible()
    is_in(window, "en")
    assert ana.ask("GET", "/users/me/settings")["language"] == "en"


@dataclass(frozen=True, slots=True)
class Lively:
    """Ana's world in German, with something on every screen."""

    ana: Person
    group: str
    screens: dict[str, str]
    """Address → a text that says it is there."""


@pytest.fixture(scope="module")
def lively(people: People) -> Lively:
    ana, ben, chloe, dev, emi = (
        people.new(name) for name in ("Ana", "Ben", "Chloe", "Dev", "Emi Tanaka")
    )
    ana.ask("PATCH", "/users/me/settings", {"language": "de"})
    ana.befriends(ben)
    chloe.asks_to_be_friends(ana)
    ana.asks_to_be_friends(dev)
    ana.ask("PUT", f"/blocks/{emi.user_id}")
    dev.writes(ana, "Hallo Ana", "Bist du da?")
    direct = ben.writes(ana, "Sieh mal: https://example.com/a", "👋", "Wie war es?")
    ana.writes(ben, "Gut!")
    ben.reads(direct)
    group = ana.makes_group("Wochenende", ben, chloe)
    ben.writes_in(group, "Wann fahren wir?")
    chloe.writes_in(group, "Um neun")
    ana.ask("PATCH", f"/conversations/{group}", {"name": "Am Meer"})
    ana.ask("PATCH", "/users/me", {"bio": "Züge und Kuchen", "website": "https://ana.example"})
    screens = {
        "/messages": "Am Meer",
        f"/messages/{direct}": "Wie war es?",
        f"/messages/{direct}/info": "Befreundet",
        f"/messages/{group}": "Um neun",
        f"/messages/{group}/info": "Gruppe verlassen",
        "/messages/new": "Neuer Chat",
        "/messages/new-group": "Wer ist dabei?",
        "/people": "Ben",
        "/people/requests": "Anfragen an dich",
        f"/people/search?q={ben.handle}": f"@{ben.handle}",
        f"/people/{ben.user_id}": f"@{ben.handle}",
        f"/people/{chloe.user_id}": "Annehmen",
        f"/people/{dev.user_id}": "Anfrage zurückziehen",
        f"/people/{emi.user_id}": "Freigeben",
        f"/people/{ana.user_id}": "Züge und Kuchen",
        "/settings": "Abmelden",
        "/settings/profile": "Über dich",
        "/settings/privacy": "Wer dir schreiben darf",
        "/people/search": "Leute finden",
        "/settings/appearance": "Wie mein System",
        "/settings/language": "Gilt auf allen deinen Geräten.",
        "/people/search?q=niemandda": "Niemand gefunden",
        "/settings/password": "Aktuelles Passwort",
        "/settings/sessions": "Dieses Gerät",
        "/settings/blocked": "Emi Tanaka",
        "/nowhere": "An dieser Adresse ist nichts",
    }
    return Lively(ana, group, screens)


class Findings:
    """Everything wrong with the screens looked at, so that one run tells all of it."""

    def __init__(self) -> None:
        self.found: dict[str, list[object]] = {}

    def look(self, window: Window, screen: str) -> None:
        expect(window.page.locator("h1").first).to_be_attached()
        is_in(window, "de")
        english = wording.english_among(wording.texts_on(window.page))
        cut = wording.cut_on(window.page)
        if wrong := [*english, *cut, *axe.violations(window.page)]:
            self.found[screen] = list[object](wrong)
        window.fits()


@pytest.fixture(params=["dark", "light"])
def theme(request: pytest.FixtureRequest) -> Theme:
    theme: Theme = request.param
    return theme


def test_every_screen_is_german_whole_and_accessible(
    window_of: Open, lively: Lively, size: Size, theme: Theme
) -> None:
    findings = Findings()
    window = window_of(lively.ana, size, theme=theme, bypass_csp=True, still=True)
    for path, words in lively.screens.items():
        window.goes_within(path)
        expect(window.text(words).first).to_be_visible()
        findings.look(window, path)
    assert not findings.found, pformat(findings.found, width=200)


def test_what_lies_over_the_screens_is_german_too(
    window_of: Open, lively: Lively, size: Size, theme: Theme
) -> None:
    findings = Findings()
    chat = f"/messages/{lively.group}"
    window = window_of(lively.ana, size, f"{chat}/info", theme=theme, bypass_csp=True, still=True)
    page, link = window.page, Link(window.page)
    page.reload()
    window.button("Aktionen für Ben").click()
    expect(window.menu_item("Zum Admin machen")).to_be_visible()
    findings.look(window, "menu")
    page.keyboard.press("Escape")
    for name in ("Gruppe umbenennen", "Leute hinzufügen", "Gruppe verlassen"):
        window.button(name).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        findings.look(window, name)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    window.goes_within(chat)
    link.refuse("send_message", "forbidden")
    page.get_by_role("textbox", name="Nachricht schreiben").fill("Lieber um zehn")
    window.button("Senden").click()
    window.sees_state("Lieber um zehn", "failed")
    findings.look(window, "failed message")
    window.button("Verwerfen").click()
    expect(window.toasts).to_contain_text("Nachricht verworfen")
    findings.look(window, "toast")
    link.relent()
    window.button("Aktionen für die Nachricht").last.click()
    findings.look(window, "message menu")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option").first).to_be_visible()
    findings.look(window, "palette")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(window.text("Strg").first).to_be_visible()
    findings.look(window, "shortcuts")
    page.keyboard.press("Escape")
    with window.offline():
        expect(page.get_by_test_id("offline")).to_be_visible()
        findings.look(window, "offline")
    assert not findings.found, pformat(findings.found, width=200)


def test_the_screens_of_visitors_are_german_with_their_errors(
    visit: Open, size: Size, theme: Theme
) -> None:
    findings = Findings()
    window = visit(size, theme=theme, bypass_csp=True, still=True, locale="de-DE")
    for path, action in (("/login", "Anmelden"), ("/signup", "Konto erstellen")):
        window.goes_to(path)
        expect(window.button(action)).to_be_visible()
        findings.look(window, path)
        window.button(action).click()
        expect(window.field("Passwort")).to_have_attribute("aria-invalid", "true")
        findings.look(window, f"{path} with errors")
    assert not findings.found, pformat(findings.found, width=200)


def test_english_words_and_words_without_room_are_noticed(visit: Open) -> None:
    """The control: the same checks on a German page with a fault of each kind."""
    window = visit("phone", locale="de-DE")
    window.goes_to("/login")
    expect(window.button("Anmelden")).to_be_visible()
    assert len(wording.phrases("de")) == len(wording.phrases("en")) > PHRASES_MIN
    assert wording.english_among(wording.texts_on(window.page)) == []
    assert wording.cut_on(window.page) == []
    window.page.evaluate(
        """() => {
          document.querySelector('h1').textContent = 'Welcome back';
          document.querySelector('input').placeholder = 'Lang '.repeat(20) + 'and not short';
          const button = document.querySelector('button[type=submit]');
          button.title = 'Delete for good: Ana is typing…';
          button.style.width = '60px';
          document.querySelector('.promise').textContent = 'Bereit? Carry on with it';
        }"""
    )
    assert len(wording.english_among(wording.texts_on(window.page))) == 4
    assert [re.sub(r"[^\w].*", "", cut) for cut in wording.cut_on(window.page)] == [
        "input",
        "button",
    ]


def test_who_has_no_scripts_is_told_in_both_languages(browser: Browser, product: Product) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(product.url)
    english, german = page.locator("noscript p").all()
    expect(english).to_be_visible()
    assert english.inner_text().startswith("Loopync needs JavaScript.")
    expect(german).to_have_attribute("lang", "de")
    assert german.inner_text().startswith("Loopync braucht JavaScript.")
    context.close()
