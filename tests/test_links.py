"""Links of the repository's Markdown: each leads to a file that is there, and to a place in it."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import typer
from markdown_it import MarkdownIt

from fer_ensemble.cli.app import app

REPOSITORY = Path(__file__).parents[1]
HOME = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["urls"]["Homepage"]
FILES = [
    *REPOSITORY.glob("*.md"),
    *REPOSITORY.glob("experiments/**/*.md"),
    *REPOSITORY.glob("fer_ensemble/**/*.md"),
    *REPOSITORY.glob("docs/**/*.md"),
]
# What the build of the site makes, and checks by itself.
MADE = ("docs/gallery", "docs/api/generated", "docs/_build")
SHOWN_WHOLE = re.compile(r"^```\{include\} (\S+)\n```$", re.MULTILINE)
FILES = [
    path
    for path in FILES
    if not path.relative_to(REPOSITORY).as_posix().startswith((*MADE, "experiments/browser/node"))
]


def tokens(path):
    for block in MarkdownIt("commonmark").enable("table").parse(path.read_text("utf-8")):
        yield block
        yield from block.children or ()


def find_links(path):
    """Find where a file's links and pictures lead."""
    return [
        str(token.attrs.get("href") or token.attrs.get("src"))
        for token in tokens(path)
        if token.type in {"link_open", "image"}
    ]


def find_anchors(path):
    """Find the places of a file that links can lead to, as the browser of a repository has them."""
    text = path.read_text("utf-8")
    found = set(re.findall(r'^\((\S+)\)=$|<a (?:id|name)="([^"]+)"', text, re.MULTILINE))
    anchors = {anchor for pair in found for anchor in pair if anchor}
    listed = list(tokens(path))
    for opened, heading in pairwise(listed):
        if opened.type == "heading_open":
            words = "".join(
                part.content for part in heading.children if part.type in {"text", "code_inline"}
            )
            slug = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
            number = 0
            while (anchor := slug + (f"-{number}" if number else "")) in anchors:
                number += 1
            anchors.add(anchor)
    if shown := SHOWN_WHOLE.fullmatch(text.strip()):
        anchors |= find_anchors((path.parent / shown[1]).resolve())
    if path == REPOSITORY / "docs" / "cli.md":
        anchors |= option_anchors()
    return anchors


def option_anchors():
    """Name the places of verbs and options on the page of the command line."""
    verbs = typer.main.get_command(app).commands
    options = {
        f"cli-{name}-{word.lstrip('-')}"
        for name, verb in verbs.items()
        for option in verb.params
        for word in [max([*option.opts, *option.secondary_opts], key=len)]
    }
    return options | {f"cli-{name}" for name in verbs} | {"cli-common-options"}


def what_is_wrong(path, link, repository=REPOSITORY):
    """Say why a link leads nowhere, or None."""
    link = re.sub(rf"^{re.escape(HOME)}/(blob|tree)/main/", "/", link)
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    folder = repository if parts.path.startswith("/") else path.parent
    target = (folder / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
    within = target.relative_to(repository).as_posix()
    if within.startswith(MADE):
        return None
    if not target.exists():
        return f"there is no {within}"
    if parts.fragment and target.suffix == ".md" and parts.fragment not in find_anchors(target):
        return f"{within} has no {parts.fragment}"
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(path):
    wrong = {link: told for link in find_links(path) if (told := what_is_wrong(path, link))}
    assert not wrong


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("b.md", None),
        ("b.md#two-words", None),
        ("b.md#two-words-1", None),
        ("#here", None),
        ("c.md", "there is no"),
        ("b.md#three", "has no three"),
        ("#there", "has no there"),
        ("https://example.org/c.md", None),
        (HOME + "/blob/main/CONTRIBUTING.md#habits", None),
        (HOME + "/blob/main/CONTRIBUTED.md", "there is no CONTRIBUTED.md"),
        ("/docs/cli.md#cli-predict-coverage", None),
        ("/docs/cli.md#cli-predict-covering", "has no cli-predict-covering"),
    ],
)
def test_a_link_that_leads_nowhere_is_told(link, told, tmp_path):
    (tmp_path / "a.md").write_text(f"# Here\n\n`[code](x.md)`\n\n[text]({link})\n")
    (tmp_path / "b.md").write_text("# Two `words`!\n\n## Two words\n")
    assert find_links(tmp_path / "a.md") == [link]
    within = REPOSITORY if "/" in link else tmp_path
    found = what_is_wrong(tmp_path / "a.md", link, within)
    assert found is None if told is None else told in found
