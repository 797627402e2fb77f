"""Every page in a real browser: desktop, phone and dark."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

# written from docstrings: large, slow to check, and alike in every look
GENERATED = ("book/api-", "genindex", "py-modindex")
SEVERE = ("serious", "critical")
# preload would fetch style sheets anew, from where their imports are not
AXE = """(look) => axe.run(document, {resultTypes: ["violations"], preload: false, ...look}).then(
  found => found.violations.map(v => [
    v.id, v.impact, v.nodes.length, v.nodes[0].html.slice(0, 160)]))"""
# what a look cannot change is not looked at twice
LOOKS = {
    "desktop": ({"width": 1280, "height": 900}, "light", {}),
    "phone": (
        {"width": 390, "height": 844}, "light", {"rules": {"color-contrast": {"enabled": False}}}
    ),
    "dark": ({"width": 1280, "height": 900}, "dark", {"runOnly": ["color-contrast"]}),
}  # fmt: skip
WIDER = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const scrolls = e => e !== document.body &&
    (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
  return [...document.querySelectorAll("main *")]
    .filter(e => e.getBoundingClientRect().right > room + 1 && !scrolls(e.parentElement))
    .slice(-3).map(e => e.outerHTML.slice(0, 120));
}"""
UNLOADED = """() => [...document.images].filter(
  i => i.loading !== "lazy" && !(i.complete && i.naturalWidth > 0)).map(i => i.src)"""
MATHS = """async () => {
  if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
  const asked = [...document.querySelectorAll("article .math")];
  const wanting = asked.filter(e => !e.querySelector("mjx-container"));
  const failed = [...document.querySelectorAll("mjx-merror, [data-mjx-error]")];
  return [...wanting, ...failed].map(e => e.textContent.slice(0, 80));
}"""


def watched(tab):
    """Collect what a page logs as an error, and every address it asks."""
    errors, asked = [], []
    tab.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("requestfailed", lambda request: errors.append(f"failed: {request.url}"))
    return errors, asked


def inspect(tab, address: str, page: str, axe: str) -> list[str]:
    """List everything that is wrong with a page, in three ways of looking at it."""
    errors, asked = watched(tab)
    tab.goto(f"{address}/{page}", wait_until="load")
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    problems = [f"formula not drawn: {text}" for text in tab.evaluate(MATHS)]
    problems += [f"image not loaded: {url}" for url in tab.evaluate(UNLOADED)]
    if not page.startswith("_modules/"):  # listings of code, all alike and slow to check
        tab.evaluate(axe)
        problems += looked_at(tab, generated=page.startswith(GENERATED))
    problems += [f"script error: {text}" for text in errors]
    own = (address, "data:", "blob:")
    problems += [f"asks another host: {url}" for url in asked if not url.startswith(own)]
    return problems


def looked_at(tab, *, generated: bool) -> list[str]:
    """List what is wrong to look at, on a desktop, a phone and in the dark."""
    problems: list[str] = []
    for look, (size, scheme, rules) in LOOKS.items():
        tab.set_viewport_size(size)
        tab.emulate_media(color_scheme=scheme)
        tab.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        # the theme fades from one colour to the other, and lets what scrolls now take the focus
        tab.evaluate("Promise.all(document.getAnimations().map(a => a.finished.catch(() => 0)))")
        tab.wait_for_timeout(400)
        problems += [f"{look}: wider than the screen: {html}" for html in tab.evaluate(WIDER)]
        if look == "desktop" or not generated:
            problems += [f"{look}: {v}" for v in tab.evaluate(AXE, rules) if v[1] in SEVERE]
    return problems


def test_there_is_a_browser(chromium_path):
    assert chromium_path, "no Chromium found, and BROWSER_TESTS=required"


def test_page_in_a_browser(tab, book_address, book_page, axe):
    if book_page == "index.html":  # sends the reader on at once
        tab.goto(f"{book_address}/index.html")
        tab.wait_for_url("**/book/intro.html")
        return
    assert not inspect(tab, book_address, book_page, axe)


def test_fixture_page_in_a_browser(tab, fixture_address, axe):
    assert not inspect(tab, fixture_address, "directives.html", axe)


def test_book_reads_from_the_disk(tab, build):
    """A reader may unpack the book and open it without a server."""
    errors, asked = watched(tab)
    tab.goto((build / "html" / "index.html").as_uri())
    tab.wait_for_url("**/book/intro.html")
    tab.goto((build / "html" / "book" / "0-measuring-calibration.html").as_uri())
    tab.wait_for_selector("mjx-container")
    assert not [error for error in errors if "favicon" not in error]  # given up on leaving index
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


@pytest.mark.parametrize("way", ["server", "disk"])
def test_search_finds_a_term(tab, build, book_address, way):
    address = book_address if way == "server" else (build / "html").as_uri()
    tab.goto(f"{address}/book/intro.html", wait_until="load")
    tab.keyboard.press("Control+k")
    tab.keyboard.type("calibration")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#search-results li a")
    assert tab.locator("#search-results li a").count() >= 1


def test_navigation_opens_on_a_phone(tab, book_address):
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto(f"{book_address}/book/intro.html", wait_until="load")
    tab.locator("button.primary-toggle").first.click()
    sidebar = tab.locator("dialog, #pst-primary-sidebar")
    sidebar.locator("a[href*='0-measuring-calibration']:visible").first.click()
    tab.wait_for_url("**/0-measuring-calibration.html")
