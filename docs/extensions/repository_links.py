"""Links of the repository's Markdown, made to work on the site.

Files such as CONTRIBUTING.md are pages here as well, and pages link to files that are none. A link
is written as it works in the repository, relative to the file it stands in. Here it leads to the
page that shows the file, and else to the file at the project's home.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

_INCLUDE = re.compile(r"^```\{include\} (\S+)\n```$", re.MULTILINE)


def setup(app: Sphinx) -> dict[str, Any]:
    """Follow the links of all pages."""
    app.add_config_value("repository_home", "", "env")
    app.add_config_value("repository_pages", {}, "env")
    app.connect("source-read", _include)
    app.add_transform(_RepositoryLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _include(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the file in the page's place, so that what is wrong is told by the line of the file."""
    if docname not in app.config.repository_pages:
        return
    folder = Path(app.env.doc2path(docname)).parent

    def read(match: re.Match[str]) -> str:
        path = (folder / match[1]).resolve()
        app.env.note_dependency(str(path), docname=docname)
        return path.read_text(encoding="utf-8")

    source[0] = _INCLUDE.sub(read, source[0])


class _RepositoryLinks(SphinxTransform):
    default_priority = 400  # before what is to be downloaded is collected

    def apply(self, **kwargs: Any) -> None:
        """Replace those links of a page that lead to files of the repository."""
        repository = Path(self.app.srcdir).parent
        pages = self.config.repository_pages
        included = pages.get(self.env.docname)
        folder = (
            (repository / included).parent
            if included
            else Path(self.env.doc2path(self.env.docname)).parent
        )
        shown = {repository / path: page for page, path in pages.items()}
        links = [*self.document.findall(addnodes.pending_xref)]
        links += self.document.findall(addnodes.download_reference)
        for link in links:
            if link.get("reftype") != "myst":
                continue
            target, _, anchor = link["reftarget"].partition("#")
            path = Path(os.path.normpath(folder / target))
            if link.get("refdomain") == "doc":  # MyST takes any Markdown for a page
                anchor = link.get("reftargetid") or ""
                path = Path(os.path.normpath(Path(self.app.srcdir) / f"{target}.md"))
                if path.is_relative_to(self.app.srcdir):
                    continue
            if not target or not path.exists() or not path.is_relative_to(repository):
                continue  # a link that leads nowhere is told by MyST
            page = shown.get(path) or (
                self.env.path2doc(str(path)) if path.is_relative_to(self.app.srcdir) else None
            )
            if page:
                link["refdomain"], link["reftarget"] = "doc", page
                link["reftargetid"] = anchor or None
            else:
                link.replace_self(self._to_home(link, path.relative_to(repository), anchor))

    def _to_home(self, link: nodes.Element, path: Path, anchor: str) -> nodes.reference:
        kind = "tree" if path.is_dir() else "blob"
        place = f"{self.config.repository_home}/{kind}/main/{path.as_posix()}"
        found = nodes.reference("", "", refuri=place + (f"#{anchor}" if anchor else ""))
        found += [child.deepcopy() for child in link.children]
        return found
