"""A browser for the tests that are marked ``browser``, or one skip that says how many need it.

Chromium is looked for in the variable ``CHROMIUM``, on the path, and where Playwright keeps its
own. With ``BROWSER_TESTS=required`` (continuous integration) its absence is a failure.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SENTINEL = "test_there_is_a_browser"


@functools.cache
def chromium() -> str | None:
    """Return the path of a Chromium, or None."""
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        return chosen if Path(chosen).exists() else None
    for name in NAMES:
        if shutil.which(name):
            return shutil.which(name)
    with contextlib.suppress(Exception):  # no Playwright, or none of its own browsers
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            own = playwright.chromium.executable_path
        return own if Path(own).exists() else None
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a browser, put one test that says so in the place of all that need it."""
    wanting = [item for item in items if item.get_closest_marker("browser")]
    if not wanting or chromium():
        return
    needing = [item for item in wanting if item.name != SENTINEL]
    for item in wanting:
        if item.name == SENTINEL and os.environ.get("BROWSER_TESTS") != "required":
            why = f"no Chromium found: {len(needing)} browser tests were not run (set CHROMIUM)"
            item.add_marker(pytest.mark.skip(reason=why))
    config.hook.pytest_deselected(items=needing)
    items[:] = [item for item in items if item not in set(needing)]


@pytest.fixture(scope="session")
def chromium_path() -> str | None:
    """Return the path of a Chromium, or None."""
    return chromium()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path):
    """Serve a folder on this machine and yield its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def book_address(build):
    """Serve the book."""
    with served(build / "html") as address:
        yield address


@pytest.fixture(scope="session")
def fixture_book(tmp_path_factory) -> Path:
    """Build the fixture book, whose one page has every role and directive; return its pages."""
    folder = tmp_path_factory.mktemp("fixture-book")
    script = Path(__file__).parent / "fixture" / "build.py"
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


@pytest.fixture(scope="session")
def fixture_address(fixture_book):
    """Serve the fixture book."""
    with served(fixture_book) as address:
        yield address


@pytest.fixture(scope="session")
def browser(chromium_path):
    """Start Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def tab(browser):
    """Open a window of its own, with nothing stored."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the accessibility checker's script."""
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
