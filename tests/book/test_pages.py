"""The written pages: they load nothing from elsewhere, and their links and figures are there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

LOADING = {
    "audio": ["src"], "embed": ["src"], "iframe": ["src"], "img": ["src", "srcset"],
    "link": ["href"], "object": ["data"], "script": ["src"], "source": ["src", "srcset"],
    "track": ["src"], "video": ["src", "poster"],
}  # fmt: skip
NOT_LOADED = {"canonical", "next", "prev", "author", "index", "search", "copyright", "help"}
GENERATED = ("genindex.html", "search.html", "py-modindex.html", "prf-prf.html", "index.html")


@cache
def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


@cache
def anchors(path: Path) -> set[str]:
    soup = parsed(path)
    return {str(tag[name]) for name in ("id", "name") for tag in soup.find_all(attrs={name: True})}


def loads(soup: BeautifulSoup) -> list[str]:
    """List what a browser fetches to show a page."""
    urls = []
    for name, attributes in LOADING.items():
        for tag in soup.find_all(name):
            if name == "link" and set(tag.get("rel", [])) <= NOT_LOADED:
                continue
            for attribute in attributes:
                value = str(tag.get(attribute, ""))
                urls += (
                    [part.split()[0] for part in value.split(",") if part.strip()]
                    if (attribute == "srcset")
                    else [value]
                )
    return [url for url in urls if url and not url.startswith("data:")]


def test_every_page_of_the_contents_is_written(build, root):
    written = {p.relative_to(build / "html").as_posix() for p in build.glob("html/**/*.html")}
    missing = [
        line.split("file:")[-1].split("root:")[-1].strip() + ".html"
        for line in (root / "_toc.yml").read_text("utf-8").splitlines()
        if "file:" in line or line.startswith("root:")
    ]
    assert len(missing) > 5
    assert not set(missing) - written


def test_every_source_is_in_the_contents(root):
    contents = (root / "_toc.yml").read_text("utf-8")
    pages = [*root.glob("book/**/*.md"), *root.glob("notebooks/*.ipynb")]
    names = [page.relative_to(root).with_suffix("").as_posix() for page in pages]
    assert not [name for name in names if f" {name}\n" not in contents]


def test_page_loads_only_what_the_book_brings(build, book_page):
    path = build / "html" / book_page
    foreign, missing = [], []
    for url in loads(parsed(path)):
        if urlsplit(url).netloc or urlsplit(url).scheme:
            foreign.append(url)
        elif not (path.parent / unquote(urlsplit(url).path)).exists():
            missing.append(url)
    assert not foreign, "another host is asked"
    assert not missing, "files are missing"


def test_style_sheets_load_nothing_from_elsewhere(build):
    found = [
        f"{path.name}: {line.strip()[:80]}"
        for path in build.glob("html/_static/**/*.css")
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"""(url\(|@import)\s*["']?(https?:)?//""", line)
    ]
    assert not found


def test_page_links_lead_somewhere(build, book_page):
    path = build / "html" / book_page
    dead = []
    for tag in parsed(path).select("article a[href], nav a[href]"):
        url = urlsplit(str(tag["href"]))
        if url.netloc or url.scheme:
            continue
        target = (path.parent / unquote(url.path)).resolve() if url.path else path
        place = unquote(url.fragment) if target.suffix == ".html" else ""
        if not target.is_file() or (place and place not in anchors(target)):
            dead.append(str(tag["href"]))
    assert not dead


def describes(alt: str) -> bool:
    return len(alt.split()) >= 4 and "_images/" not in alt and not alt.endswith((".png", ".svg"))


def test_page_figures_have_text_alternatives(build, book_page):
    if book_page.endswith(GENERATED):
        return
    article = parsed(build / "html" / book_page).select_one("article")
    assert article is not None
    wanting = [
        str(img)[:120] for img in article.find_all("img") if not describes(img.get("alt", ""))
    ]
    drawn = [
        str(svg)[:120]
        for svg in article.find_all("svg", class_="drawing")
        if not describes(str(_labelled(svg).get("aria-label", "")))
    ]
    assert not wanting + drawn


def _labelled(tag: Tag) -> Tag:
    return tag.find_parent(attrs={"role": "img"}) or tag


def test_page_has_title_language_and_one_main_heading(build, book_page):
    soup = parsed(build / "html" / book_page)
    assert soup.html is not None
    assert soup.html["lang"] == "en"
    assert soup.title is not None
    assert soup.title.text.strip()
    # the theme repeats the heading outside the article, for print
    assert len(soup.select("article h1")) == 1 or book_page.endswith(GENERATED)


def test_pages_carry_no_sources_with_answers(build):
    assert not (build / "html" / "_sources").exists() or not any(
        build.glob("html/_sources/**/*.md*")
    )
