"""Formulas as MathML, which browsers draw themselves: no script, and nothing from a network."""

from __future__ import annotations

import html
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

_log = logging.getLogger(__name__)
# What docutils knows by another name alone.
_COMMANDS = {"…": r"\ldots", r"\dots": r"\ldots", "·": r"\cdot"}


def setup(app: Sphinx) -> dict[str, Any]:
    """Name the renderer."""
    app.add_html_math_renderer("mathml", (_write_inline, None), (_write_block, None))
    app.connect("config-inited", _choose)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _choose(app: Sphinx, config: Any) -> None:
    config.html_math_renderer = "mathml"


def _write_inline(self: Any, node: nodes.math) -> None:
    self.body.append(_to_mathml(node, as_block=False))
    raise nodes.SkipNode


def _write_block(self: Any, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="formula"))
    self.body.append(_to_mathml(node, as_block=True))
    self.body.append("</div>\n")
    raise nodes.SkipNode


def _to_mathml(node: nodes.Element, as_block: bool) -> str:
    latex = node.astext()
    for character, command in _COMMANDS.items():
        latex = latex.replace(character, command + " ")
    try:
        return str(latex2mathml.tex2mathml(latex, as_block=as_block))
    except MathError as error:
        _log.warning("%s: %s", error, latex, location=node)
        return f"<code>{html.escape(latex)}</code>"
