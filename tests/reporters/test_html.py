"""The HTML report, in a real browser: nothing in a repository runs or becomes markup, and people can use it.

Needs chromium, chromedriver (Debian: chromium, chromium-driver) and selenium. With SCREENSHOTS set to a folder,
pictures of the report are left there.
"""

from __future__ import annotations

import _socket
import json
import os
import re
import shutil
import socket
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmsecrets import reporters
from llmsecrets.model import Container, Excerpt, Provenance, Skip, Standing, Suppressed
from llmsecrets.reporters.forge import Forge

HOSTILE = (
    "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=2>"
    "<!--<script>${window.pwned=3}{{window.pwned=4}}\"'><svg onload=window.pwned=5>&lt;b&gt;\u2028`"
)
FORGE = Forge("github", "https://github.com/acme/app", "ab" * 20)


def hostile(make, text):
    """A report that holds the text wherever a repository can put one."""
    commit = make.commit._replace(author=text, email=text, subject=text)
    inside = (Container("member", text), Container("layer", text, ((text, text),)))
    changes = {"excerpt": Excerpt(text, text), "facts": ((text, text),), "standing": Standing(False, (text,), 2)}
    findings = [make.finding(make.secret(n), provenance=Provenance(text, inside, commit), **changes) for n in range(2)]
    suppressed = (Suppressed(make.finding(make.secret(5), text), "allowlist", text),)
    skips = (Skip(Provenance(text, inside), "unreadable", text),)
    return make.report(*findings, suppressed=suppressed, skips=skips, notes=(text,), targets=(text,), grouped=True)


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text in scripts."""

    def __init__(self, written):
        super().__init__()
        self.elements, self.scripts = [], []
        self.feed(written)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, text):
        if self.elements and self.elements[-1][0] == "script" and text.strip():
            self.scripts.append(text)


# ---- the file ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(text=st.text(min_size=1, max_size=40))
@example(text=HOSTILE)
def test_no_element_comes_from_the_repository(text, make, render):
    ours = Page(render("html", make.report())).elements
    page = Page(render("html", hostile(make, text), show_suppressed=True, forge=FORGE))
    assert page.elements == ours
    assert json.loads(page.scripts[0])["secrets"]


def test_the_policy_allows_this_script_and_style_and_nothing_else(make, render):
    (policy,) = (
        attributes["content"]
        for tag, attributes in Page(render("html", make.report())).elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed["default-src"] == allowed["base-uri"] == allowed["form-action"] == "'none'"
    assert re.fullmatch("'sha256-[A-Za-z0-9+/=]{44}'", allowed["script-src"])
    assert re.fullmatch("'sha256-[A-Za-z0-9+/=]{44}'", allowed["style-src"])


def test_the_page_asks_for_nothing(make, render):
    written = render("html", make.report())
    assert not re.search(r"(src|href)=\"?(?![\"#])|@import|url\(|fetch\(|XMLHttpRequest|import\(", written)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(", written)


def test_links_lead_to_the_forge_only_where_one_is_known(make, render):
    report = make.everything(grouped=True)
    assert f"https://github.com/acme/app/blob/{make.commit.sha}/old/settings.py" in render("html", report, forge=FORGE)
    assert "github.com" not in render("html", report)


def test_links_come_from_the_remote_without_its_password(repository, key, llmsecrets):
    word = "hunter2"
    repository.git("remote", "add", "origin", f"https://ada:{word}@github.com/acme/app.git")
    commit = repository.commit({"a b.env": f"KEY={key('github')}\n"})
    for scan in (("--history", "."), (".",)):
        llmsecrets("scan", *scan, "-o", "report.html", "-o", "summary.md", cwd=repository.root)
        for file in ("report.html", "summary.md"):
            written = (repository.root / file).read_text("utf-8")
            assert f"https://github.com/acme/app/blob/{commit}/a%20b.env?plain=1#L1-L1" in written
            assert word not in written
            (repository.root / file).unlink()
    assert "<title>Secrets in repository</title>" in llmsecrets("scan", "-f", "html", cwd=repository.root).stdout


# ---- in a browser --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A real Chromium without a window."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium and chromedriver here: the HTML report is not tried in a browser")
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="no selenium here: the HTML report is not tried in a browser"
    )
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    profile = tmp_path_factory.mktemp("profile")
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1200,1600"):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={profile}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _to_this_machine)
        patch.setattr(socket, "getaddrinfo", _socket.getaddrinfo)
        started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        yield started
        started.quit()


def _to_this_machine(self, address):
    assert address[0] in ("127.0.0.1", "::1", "localhost"), "a test reached for the network"
    return _socket.socket.connect(self, address)


@pytest.fixture
def opened(browser, tmp_path, rules):
    """(report, options) → the browser, with the report open from disk."""

    def open_(report, **options):
        file = tmp_path / "report.html"
        with file.open("w", encoding="utf-8") as out:
            given = {"now": 1_770_000_000.0, "max_age_days": {"default": 20}, "show_suppressed": True, **options}
            reporters.write("html", report, rules, out, reporters.Options(**given))
        browser.get_log("browser")
        browser.get(file.as_uri())
        return browser

    return open_


def keep(browser, name):
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(Path(folder) / f"{name}.png"))


def all_of(browser, selector):
    return browser.find_elements("css selector", selector)


def text_of(browser, selector):
    return "\n".join(found.text for found in all_of(browser, selector))


def set_value(browser, name, value):
    browser.execute_script(
        "const one = document.forms.filters.elements[arguments[0]]; one.value = arguments[1];"
        "one.dispatchEvent(new Event('input', {bubbles: true}))",
        name, value,
    )  # fmt: skip


def test_hostile_names_are_shown_and_nothing_runs(opened, make):
    browser = opened(hostile(make, HOSTILE), forge=FORGE)
    assert browser.execute_script("return window.pwned") is None
    assert browser.get_log("browser") == []
    assert len(all_of(browser, "#list > li")) == 2
    assert "</script><script>window.pwned=1</script>" in text_of(browser, "#list")
    assert "<img src=x onerror=window.pwned=2>" in text_of(browser, "h1")
    assert not all_of(browser, "img, #list svg, #list script, #more script, iframe")
    links = [one.get_attribute("href") for one in all_of(browser, "#list a")]
    assert {one.split("/")[2] for one in links} == {"acme.test", "github.com"}
    keep(browser, "hostile")


def test_the_policy_stops_what_would_slip_through(opened, make):
    browser = opened(make.everything(grouped=True))
    refused = browser.execute_script(
        "const made = document.createElement('script'); made.append('window.pwned = 1'); let thrown = '';"
        "try { document.body.append(made) } catch (failure) { thrown = failure.name }"
        "try { document.body.innerHTML += '<b>x</b>' } catch (failure) { thrown += failure.name }"
        "return [window.pwned ?? null, thrown]"
    )
    assert refused[0] is None
    assert "TypeError" in refused[1]
    assert not all_of(browser, "b")
    browser.get_log("browser")  # it has said what it refused


def test_everything_of_a_report_is_shown(opened, make):
    browser = opened(make.everything(grouped=True), forge=FORGE)
    shown = text_of(browser, "body")
    for said in ("2 secrets in 8 places", "i0VpEB…(48)", "in history for 31 days, 11 more than the 20 allowed",
                 "gone from HEAD, still in history", "Show 2 more places", "huge.bin", "expires: 2027-01-01T00:00:00Z",
                 "Suppressed (2)", "The clone is shallow", "with access key id"):  # fmt: skip
        assert said in shown
    assert make.secret(1, 48).reveal().decode() not in browser.page_source
    assert "2026-01: 0 still there, 1 only in history" in browser.page_source
    all_of(browser, "#list button")[0].click()
    assert "copies/5.env:6:15" in text_of(browser, "#list")
    assert browser.get_log("browser") == []
    keep(browser, "report")


def test_an_empty_report_opens(opened, make):
    browser = opened(make.report())
    assert "No secrets found" in text_of(browser, ".outcome")
    assert text_of(browser, "#shown") == "0 secrets"
    assert browser.get_log("browser") == []


def many(make, count):
    """Secrets of two rules and many authors over years, half of them gone."""
    for number in range(count):
        year, month = 2019 + number % 7, 1 + number % 12
        commit = make.commit._replace(author=f"Author {number % 50}", date=f"{year}-{month:02}-03T04:05:06+00:00")
        yield make.finding(
            make.secret(number), provenance=Provenance(f"folder {number % 100}/{number}.env", (), commit),
            rule_id=("acme-key", "acme-secret")[number % 2], severity=("critical", "low")[number % 2],
            standing=Standing(number % 2 == 0, (), 1),
        )  # fmt: skip


def test_twenty_thousand_findings_stay_usable(opened, make):
    browser = opened(make.report(*many(make, 20_000), grouped=True))
    assert len(all_of(browser, "#list > li")) == 50
    assert text_of(browser, "#shown") == "1 to 50 of 20,000 secrets"
    assert browser.execute_script("return document.querySelectorAll('*').length") < 3000
    all_of(browser, "#next")[0].click()
    assert text_of(browser, "#page") == "Page 2 of 400"
    assert browser.execute_script("return document.activeElement.id") == "list"
    filters = {
        "rule": "acme-secret",
        "severity": "low",
        "path": "folder 7/",
        "author": "author 7 ",
        "age": "over",
        "standing": "gone",
    }
    counts = []
    for name, value in filters.items():
        set_value(browser, name, value)
        counts.append(int(re.search(r"([\d,]+) secrets? that match", text_of(browser, "#shown"))[1].replace(",", "")))
    assert counts == [10_000, 10_000, 200, 200, 200, 200]
    assert {one.text.split()[0] for one in all_of(browser, "#list > li h3")} == {"LOW"}
    all_of(browser, "button[type=reset]")[0].click()
    browser.execute_async_script("setTimeout(arguments[0], 50)")
    assert text_of(browser, "#shown") == "1 to 50 of 20,000 secrets"
    assert browser.get_log("browser") == []
    keep(browser, "twenty-thousand")


def test_keyboard_and_screen_reader_find_their_way(opened, make):
    browser = opened(make.report(*many(make, 120), grouped=True))
    for control in all_of(browser, "select, input, button"):
        assert control.accessible_name, control.get_attribute("outerHTML")
    assert [one.tag_name for one in all_of(browser, "h1, h2, main h2")][:2] == ["h1", "h2"]
    assert all_of(browser, "[role=status][aria-live=polite]")
    assert all_of(browser, "#timeline svg")[0].accessible_name.startswith("Secrets by the time of their first commit")
    body = all_of(browser, "body")[0]
    reached = [""]
    while reached[-1] != "next" and len(reached) < 80:
        body.send_keys("\ue004")  # tab
        reached.append(browser.execute_script("return document.activeElement.name || document.activeElement.id"))
    assert [name for name in reached if name in ("rule", "severity", "path", "author", "age", "standing", "next")] == [
        "rule", "severity", "path", "author", "age", "standing", "next",
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_read(scheme, opened, make):
    browser = opened(make.everything(grouped=True))
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    ratios = browser.execute_script(CONTRASTS)
    keep(browser, scheme)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert len(ratios) > 10
    assert [one for one in ratios if one[0] < 4.5] == []


# The contrast of text with what is behind it, as WCAG 2.2 measures it.
CONTRASTS = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = (text) => rgb(text).slice(0, 3).map((v) => v / 255)
  .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (one) => {
  const color = getComputedStyle(one).backgroundColor;
  return (rgb(color)[3] ?? 1) > 0 || !one.parentElement ? color : ground(one.parentElement);
};
return [...document.querySelectorAll("h1, h2, h3, p, span, code, mark, a, dt, dd, label, button, select, li")]
  .filter((one) => one.checkVisibility() && one.textContent.trim())
  .map((one) => {
    const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), one.tagName + "." + one.className];
  });
"""


def test_paper_gets_all_that_match(opened, make):
    browser = opened(make.report(*many(make, 120), grouped=True))
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert len(all_of(browser, "#list > li")) == 120
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert len(all_of(browser, "#list > li")) == 50
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not all_of(browser, "#filters")[0].is_displayed()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
