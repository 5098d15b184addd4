"""Check the built site: ``python docs/check_pages.py docs/_build/html``.

Every link within it leads to a page, and to a place on that page; every page works offline, has one
main heading and no gap between levels of headings; every picture has a text in its place; and every
public name has its page.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

from public_names import page_names, read_doors

# What a page fetches when it is opened, by tag.
FETCHED = {"script": "src", "img": "src", "source": "src", "video": "src", "iframe": "src"}
SHEETS = {"stylesheet", "preload", "icon", "modulepreload"}


class Page(HTMLParser):
    """What of a page is to be checked."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.wrong: list[str] = []
        self.levels: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note anchors, links, headings and what is fetched."""
        found = dict(attrs)
        self.anchors |= {str(found[name]) for name in ("id", "name") if found.get(name)}
        link = found.get(FETCHED.get(tag, "href"))
        if link:
            self.links.append(link)
            fetched = tag in FETCHED or (
                tag == "link" and bool(SHEETS & set((found.get("rel") or "").split()))
            )
            if fetched and urlsplit(link).netloc:
                self.wrong.append(f"fetches {link} from elsewhere")
        if tag == "img" and found.get("alt") is None:
            self.wrong.append(f"has a picture without a text in its place: {link}")
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.levels.append(int(tag[1]))


def read_page(path: Path) -> Page:
    """Read a page, and say what is wrong with its headings."""
    page = Page()
    page.feed(path.read_text("utf-8"))
    if page.levels.count(1) != 1:
        page.wrong.append(f"has {page.levels.count(1)} main headings")
    steps = zip(page.levels, page.levels[1:], strict=False)
    if any(after > before + 1 for before, after in steps):
        page.wrong.append(f"skips a level of headings: {page.levels}")
    return page


def follow(pages: dict[Path, Page], folder: Path) -> Iterator[str]:
    """Tell links that lead nowhere."""
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (
                Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
            )
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                yield f"{path.relative_to(folder)}: no file for {link}"
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors | {""}:
                yield f"{path.relative_to(folder)}: no place for {link}"


def missing_names(pages: dict[Path, Page], folder: Path) -> Iterator[str]:
    """Tell public names without a page, by what the imported packages offer."""
    doors = read_doors()
    names = page_names(doors)
    for door in doors:
        if door == "fer_ensemble.cli":
            continue  # the page of the command line
        for name in importlib.import_module(door).__all__:
            full_name = f"{door}.{name}"
            stem = names.get(full_name, full_name)
            page = pages.get(folder / "api" / "generated" / f"{stem}.html")
            if page is None or full_name not in page.anchors:
                yield f"{full_name} has no page"


def main(folder: Path) -> int:
    """Print what is wrong, and count it."""
    paths = [path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts]
    with ProcessPoolExecutor() as workers:
        pages = dict(zip(paths, workers.map(read_page, paths, chunksize=16), strict=True))
    wrong = [
        f"{path.relative_to(folder)} {told}" for path, page in pages.items() for told in page.wrong
    ]
    wrong += [*follow(pages, folder), *missing_names(pages, folder)]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(pages)} pages, {sum(len(page.links) for page in pages.values())} links checked.")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1]).resolve()) else 0)
