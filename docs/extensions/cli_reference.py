"""The reference of the command line, read from the application itself.

``cli-reference`` lays out every verb: usage, help, arguments and options, in the words that
``--help`` has. Options have anchors such as ``cli-predict-coverage``, and can be referred to as
``{option}`fer-ensemble predict --coverage```.
"""

from __future__ import annotations

import importlib
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer
from docutils import nodes
from rich.text import Text
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# What is code in a help text: an option, and in quotes a command or what somebody types.
_CODE = re.compile(r"(?<![\w-])(--[a-z][a-z-]*\b|-[a-z]\b)|'([^' ][^']*)'(?!\w)")
_RANGE = {"min": "at least", "max": "at most"}


def setup(app: Sphinx) -> dict[str, Any]:
    """Name the directive."""
    app.add_directive("cli-reference", CliReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class CliReference(SphinxDirective):
    """Lay out the application that ``module:name`` names."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make a section of each verb, and one of the options that all of them have."""
        module_name, _, attribute = self.arguments[0].partition(":")
        module = importlib.import_module(module_name)
        for path in Path(str(module.__file__)).parent.glob("*.py"):
            self.env.note_dependency(str(path))
        group: Any = typer.main.get_command(getattr(module, attribute))
        context = group.make_context(group.name, [], resilient_parsing=True)
        verbs = {
            name: group.get_command(context, name)
            for name in group.list_commands(context)
            if not group.get_command(context, name).hidden
        }
        self.verbs = set(verbs)
        options = [{_known_by(one) for one in verb.params} for verb in verbs.values()]
        common = set.intersection(*options) if len(options) > 1 else set()
        everywhere = [one for one in next(iter(verbs.values())).params if _known_by(one) in common]
        made: list[nodes.Node] = []
        panels: dict[str, list[str]] = {}
        for name, verb in verbs.items():
            panels.setdefault(_panel(verb) or "Verbs", []).append(name)
        made.append(self._overview(panels, verbs))
        made.append(self._application(group, context, everywhere))
        made += [
            self._verb(name, verbs[name], context, common)
            for names in panels.values()
            for name in names
        ]
        return made

    def _overview(self, panels: dict[str, list[str]], verbs: dict[str, Any]) -> nodes.Node:
        """List the verbs with what each does, as the application's own help does."""
        listed = nodes.definition_list()
        for panel, names in panels.items():
            rows = nodes.bullet_list()
            for name in names:
                link = nodes.reference("", "", nodes.literal("", name), refid=f"cli-{name}")
                summary = _blocks(verbs[name].help or "")[0].strip()
                text = self._inline(": " + summary, "", set())
                rows += nodes.list_item("", nodes.paragraph("", "", link, *text))
            title = nodes.term("", panel)
            listed += nodes.definition_list_item("", title, nodes.definition("", rows))
        return listed

    def _application(self, group: Any, context: Any, everywhere: list[Any]) -> nodes.Node:
        section = self._section("cli-common-options", nodes.Text("Common options"))
        section += self._usage(group, context)
        shown = _without_hidden([*group.params, *everywhere])
        shown = list({_names(one): one for one in shown}.values())
        for one in shown:
            section += self._parameter(one, "", group.name, context, set())
        return section

    def _verb(self, name: str, verb: Any, parent: Any, common: set[Any]) -> nodes.Node:
        context = type(parent)(verb, info_name=name, parent=parent)
        section = self._section(f"cli-{name}", nodes.Text(name))
        section += self._usage(verb, context)
        own = _without_hidden([one for one in verb.params if _known_by(one) not in common])
        known = {word for one in own for word in (*one.opts, *one.secondary_opts)}
        section += self._help(verb.help or "", name, known)
        panels: dict[str, list[Any]] = {}
        for one in own:
            kind = "Arguments" if one.param_type_name == "argument" else "Options"
            panels.setdefault(_panel(one) or kind, []).append(one)
        program = context.command_path
        for panel, ones in panels.items():
            section += nodes.rubric("", panel)
            for one in ones:
                section += self._parameter(one, name, program, context, known)
        return section

    def _section(self, anchor: str, *title: nodes.Node) -> nodes.section:
        section = nodes.section("", nodes.title("", "", *title), ids=[anchor], names=[anchor])
        self.state.document.note_explicit_target(section)
        return section

    def _usage(self, command: Any, context: Any) -> nodes.Node:
        words = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        return nodes.literal_block(words, words, language="text")

    def _parameter(
        self, one: Any, verb: str, program: str, context: Any, known: set[str]
    ) -> nodes.Node:
        """Describe an option as Sphinx describes options, so that search and links find it."""
        words = [*one.opts, *one.secondary_opts]
        is_option = one.param_type_name == "option"
        shown = [*one.opts, *one.secondary_opts] if is_option else [one.make_metavar(context)]
        longest = max(words, key=len).lstrip("-").lower().replace("_", "-")
        anchor = "-".join(part for part in ("cli", verb, longest) if part)
        signature = addnodes.desc_signature("", "", ids=[anchor], classes=["cli-option"])
        for number, word in enumerate(shown):
            if number:
                signature += addnodes.desc_addname("", ", ")
            signature += addnodes.desc_name(word, word)
        if is_option and not one.is_flag:
            signature += addnodes.desc_addname("", " " + one.make_metavar(context))
        content = addnodes.desc_content()
        blocks = _blocks(one.help or "") or [""]
        content += [nodes.paragraph("", "", *self._inline(text, verb, known)) for text in blocks]
        facts = " ".join(_facts(one))
        content += nodes.paragraph(facts, facts, classes=["cli-facts"]) if facts else []
        self.state.document.note_explicit_target(signature)
        standard = self.env.domains.standard_domain
        docname = self.env.current_document.docname
        standard.note_hyperlink_target(anchor, docname, anchor, shown[0])
        if not is_option:
            return addnodes.desc("", signature, content, domain="std", objtype="option")
        entries = []
        for word in words:
            standard.add_program_option(program, word, docname, anchor)
            entries.append(("pair", f"{program}; {word}", anchor, "", None))
        made = addnodes.desc("", signature, content, domain="std", objtype="option")
        return nodes.container("", addnodes.index(entries=entries), made)

    def _help(self, text: str, verb: str, known: set[str]) -> Iterator[nodes.Node]:
        """Lay out a help text: paragraphs, and as they stand those under the mark ``\\b``."""
        code: list[str] = []
        for block in [*_blocks(text), ""]:
            as_it_stands = block.startswith("\b")
            lines = block.removeprefix("\b").strip("\n")
            if lines.startswith(" ") and not as_it_stands:
                code.append(textwrap.dedent(lines))  # one of several examples, a paragraph each
                continue
            if code:
                yield _code("\n".join(code))
                code = []
            if as_it_stands:
                title, _, rest = lines.partition("\n")
                if title.endswith(":") and not title.startswith(" "):
                    yield nodes.paragraph("", "", *self._inline(title, verb, known))
                    lines = rest
                yield _code(textwrap.dedent(lines))
            elif lines:
                yield nodes.paragraph("", "", *self._inline(lines, verb, known))

    def _inline(self, text: str, verb: str, known: set[str]) -> Iterator[nodes.Node]:
        """Tell code from words, and link the options of the same verb."""
        done = 0
        for match in _CODE.finditer(text):
            option, quoted = match.groups()
            if quoted and quoted.split()[0] not in self.verbs | {"fer-ensemble"}:
                continue
            yield nodes.Text(text[done : match.start()])
            done = match.end()
            code = nodes.literal("", option or quoted)
            if option in known and len(option) > 2:
                code = nodes.reference("", "", code, refid=f"cli-{verb}-{option.lstrip('-')}")
            yield code
        yield nodes.Text(text[done:])


def _blocks(text: str) -> list[str]:
    """Split a help text, without its mark-up for terminals, at its empty lines."""
    blocks = re.split(r"\n[ \t]*\n", text.replace("\f", "\n\n"))
    # Rich leaves out the mark for blocks that stay as they are.
    return [
        ("\b" if block.startswith("\b") else "") + Text.from_markup(block).plain.rstrip()
        for block in blocks
        if block.strip()
    ]


def _code(text: str) -> nodes.literal_block:
    language = "sh" if "fer-ensemble " in text else "text"
    return nodes.literal_block(text, text, language=language)


def _names(one: Any) -> tuple[str, ...]:
    return (*one.opts, *one.secondary_opts)


def _known_by(one: Any) -> tuple[Any, ...]:
    """What two options have in common that are one: their words, and what help says of them."""
    return (*_names(one), getattr(one, "help", None))


def _without_hidden(ones: Iterable[Any]) -> list[Any]:
    return [one for one in ones if not getattr(one, "hidden", False)]


def _panel(one: Any) -> str:
    panel = getattr(one, "rich_help_panel", None)
    return panel if isinstance(panel, str) else ""


def _facts(one: Any) -> Iterator[str]:
    """Say what help appends to an option: bounds, default, whether it has to be given."""
    bounds = [
        f"{words} {getattr(one.type, name)}"
        for name, words in _RANGE.items()
        if getattr(one.type, name, None) is not None
    ]
    if bounds:
        yield " and ".join(bounds).capitalize() + "."
    if getattr(one, "multiple", False):
        yield "May be given several times."
    if one.required and one.param_type_name == "option":
        yield "Has to be given."
    default = one.default
    if one.secondary_opts and isinstance(default, bool):
        default = (one.opts if default else one.secondary_opts)[0]
    if getattr(one, "show_default", False) and default not in (None, False, "", (), []):
        yield f"Default: {default}."
