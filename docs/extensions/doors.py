"""The pages of the API: one for each door of the package, and one for each name that it offers.

What a door offers, its ``__all__`` says, and where a name comes from, its imports: both are read
here without importing anything. So a new public name has a page without anybody's doing.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.ext.autodoc import Options
from sphinx.pycode import ModuleAnalyzer

PACKAGE = Path(__file__).parents[2] / "fer_ensemble"


def read_doors(package: Path = PACKAGE) -> dict[str, dict[str, str]]:
    """Read what each door offers.

    Parameters
    ----------
    package : Path
        The folder of the package.

    Returns
    -------
    dict of dict
        By the door's full name, the module that defines each public name.
    """
    doors = {}
    for door in [package, *sorted(path.parent for path in package.rglob("*/__init__.py"))]:
        name = ".".join(door.relative_to(package.parent).parts)
        stub = door / "__init__.pyi"
        tree = ast.parse((stub if stub.exists() else door / "__init__.py").read_text("utf-8"))
        homes = {}
        for step in ast.walk(tree):
            if isinstance(step, ast.ImportFrom):
                module = f"{name}.{step.module}" if step.level else str(step.module)
                homes |= {alias.asname or alias.name: module for alias in step.names}
        for step in tree.body:
            if isinstance(step, ast.Assign) and ast.unparse(step.targets[0]) == "__all__":
                offered = ast.literal_eval(step.value)
                doors[name] = {member: homes.get(member, name) for member in offered}
    return doors


def read_topics(doors: dict[str, dict[str, str]]) -> dict[str, list[tuple[str, list[str]]]]:
    """Group the names of each door by the module that defines them.

    Parameters
    ----------
    doors : dict of dict
        As `read_doors` gives them.

    Returns
    -------
    dict of list
        By the door's full name, pairs of what a module is about and the names that it defines;
        names from other packages come first, under no title.
    """
    topics = {}
    for door, homes in doors.items():
        own = dict.fromkeys(home for home in homes.values() if home.startswith(door + "."))
        if door == PACKAGE.name:
            own = {}  # it offers what others define
        by_module: dict[str, list[str]] = {"": [], **{home: [] for home in sorted(own)}}
        for member, home in homes.items():
            by_module[home if home in own else ""].append(member)
        topics[door] = [(_read_summary(home), found) for home, found in by_module.items() if found]
    return topics


def _read_summary(module: str) -> str:
    if not module:
        return ""
    path = PACKAGE.parent.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or module
    return docstring.partition("\n\n")[0].replace("\n", " ").rstrip(".")


# Links by label or term, with or without words of their own.
_GUIDE = re.compile(r":(?:ref|term):`(.+?)(?:\s*<[^`]*>)?`", re.DOTALL)

DOORS = read_doors()
TOPICS = read_topics(DOORS)


def setup(app: Sphinx) -> dict[str, Any]:
    """Describe names by what stands beside them where they are defined, and link to them."""
    app.add_role("public", _refer)
    app.connect("autodoc-process-docstring", _mend)
    app.connect("autodoc-skip-member", _skip)
    app.connect("builder-inited", _link_own_types)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def full_names() -> dict[str, str]:
    """Return the full name of every public name; of those that two doors offer, the longer one."""
    return {member: f"{door}.{member}" for door, homes in DOORS.items() for member in homes}


_FULL_NAMES = full_names()


def _refer(
    role: str, raw: str, text: str, line: int, inliner: Inliner, *more: Any
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Make what stands in single backticks a link if it is public, and code in any case."""
    code = nodes.literal(raw, text)
    target = _FULL_NAMES.get(text.removesuffix("()"))
    if target is None:
        return [code], []
    env = inliner.document.settings.env
    link = addnodes.pending_xref(
        raw, refdomain="py", reftype="obj", reftarget=target, refdoc=env.current_document.docname
    )
    link += code
    return [link], []


def _mend(
    app: Sphinx, kind: str, name: str, value: Any, options: Options, lines: list[str]
) -> None:
    """Mend what Sphinx makes of data and of what scikit-learn's classes hand down.

    Data is described by what stands beside it where it is defined, and not by its type. Links to
    scikit-learn's user guide are left out: there is no such page here.
    """
    if str(getattr(value, "__module__", "")).startswith("sklearn."):
        lines[:] = _GUIDE.sub(r"\1", "\n".join(lines)).split("\n")
    door, _, member = name.rpartition(".")
    home = DOORS.get(door, {}).get(member)
    if kind == "data" and home is not None:
        found = ModuleAnalyzer.for_module(home).find_attr_docs()
        lines[:] = found.get(("", member), [])


def _link_own_types(app: Sphinx) -> None:
    """Link the types of this package alone: numpydoc would link those of NumPy and Python too."""
    app.config.numpydoc_xref_aliases_complete = dict(app.config.numpydoc_xref_aliases)


def _skip(
    app: Sphinx, kind: str, name: str, value: Any, skip: bool, options: Options
) -> bool | None:
    """Leave out what scikit-learn generates for metadata routing, of which nothing here is told."""
    return True if name == "get_metadata_routing" or name.endswith("_request") else None
