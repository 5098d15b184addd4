"""The README: short, and with links that work where it is shown without the repository."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOME = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Homepage"]
# By what each kind of link to the repository begins.
KINDS = {
    f"{HOME}/blob/main/": Path.is_file,
    f"{HOME}/tree/main/": Path.is_dir,
    f"{HOME}/raw/main/": Path.is_file,
}
LINKS = re.findall(r"\]\(([^)\s]+)\)", README)


def test_the_readme_is_read_in_one_go() -> None:
    assert len(README.splitlines()) <= 200


def test_the_readme_has_links() -> None:
    assert sum(link.startswith(tuple(KINDS)) for link in LINKS) > 20


@pytest.mark.parametrize("link", sorted(set(LINKS)))
def test_links_are_whole_addresses_of_what_there_is(link: str) -> None:
    assert link.startswith("https://"), "the package index shows no files of the repository"
    for begin, is_there in KINDS.items():
        if link.startswith(begin):
            path, _, anchor = link.removeprefix(begin).partition("#")
            assert is_there(ROOT / path)
            assert not anchor or anchor in _anchors(ROOT / path)
            return
    assert not link.startswith(HOME), "neither a file nor a folder of the main branch"


def _anchors(page: Path) -> set[str]:
    """Name the headings of a page as links name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_command_that_continuous_integration_runs_is_there() -> None:
    [command] = re.findall(r"^<!-- test command -->\n```sh\n(.*?)\n```$", README, re.MULTILINE)
    assert "pip install -e '.[test]' && pytest" in command


def test_pictures_are_small() -> None:
    pictures = [*(ROOT / "docs" / "pictures").iterdir()]
    assert pictures
    assert max(picture.stat().st_size for picture in pictures) < 80_000
