"""Defaults of options from a file: ``fer-ensemble.toml``, or a table of ``pyproject.toml``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fer_ensemble.bounded_files import read_bounded
from fer_ensemble.cli.options import OLD_WORDS
from fer_ensemble.suggestions import did_you_mean

_TABLE = "tool.fer-ensemble"
_MOST_BYTES = 1_000_000

#: What opens this machine to others, sends pictures away or replaces files: to be said by the user,
#: and not by a file that lies in a folder from elsewhere.
GUARDED = ("overwrite", "host", "allow_host", "allow_origin", "engine", "address")

# Given as text with commas on the command line; in a file also as a list.
_LISTED = ("members", "by")

# Of options that take text, those that may name a file, and the words that name none.
_MAY_BE_PATHS: dict[str, tuple[str, ...]] = {
    "model": (),  # beside the models of the package
    "out": ("-",),
    "data": ("held_out",),
}
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    list: "a list in brackets",
    dict: "a table",
}


class ConfigurationError(ValueError):
    """What stands in a configuration file cannot be; the message says where, and what could."""

    exit_code = 2  # as for what stands on the command line


def read_defaults(
    file: Path, command: Any, verb: str, *, named: bool
) -> tuple[dict[str, Any], list[str]]:
    """Read the defaults that a file has for the options of a verb; all of it is checked.

    Parameters
    ----------
    file : Path
    command : Group
        The application, whose verbs and options say what may stand in the file.
    verb : str
        Name of the verb.
    named : bool
        Whether the user has named the file; in one that was found, some options must not stand.

    Returns
    -------
    defaults : dict of str to Any
        By the name of the parameter.
    keys : list of str
        What of the file counts for this verb, as it is written there.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, is no TOML, or sets what there is not.
    """
    table = read_table(file)
    shared = {key: value for key, value in table.items() if not isinstance(value, dict)}
    verbs = {key: value for key, value in table.items() if isinstance(value, dict)}
    for name in verbs:
        if name not in command.commands:
            meant = did_you_mean(name, command.commands)
            raise ConfigurationError(
                f"{file}: [{name}]: there is no such verb.{meant} "
                f"There are {', '.join(sorted(command.commands))}."
            )
    for key in shared:
        _check_shared(file, key, command)
    found: dict[str, Any] = {}
    keys: list[str] = []
    for name, one in command.commands.items():
        options = _options(one)
        chosen: dict[str, tuple[str, Any, str]] = {}
        for place, values in (("", shared), (f"[{name}] ", verbs.get(name, {}))):
            for key, value in values.items():
                option = options.get(_plain(key))
                if option is not None:
                    chosen[option.name] = (place, value, key)
                elif place:
                    raise ConfigurationError(_unknown(file, name, key, one, options))
        for place, value, key in chosen.values():
            option = options[_plain(key)]
            if option.name in GUARDED and not named:
                raise ConfigurationError(
                    f"{file}: {place}{key}: this counts in a file that you name alone, since it "
                    "may replace files, send pictures away or open this machine: give it on the "
                    f"command line, or --config {file}"
                )
            setting = f"{file}: {place}{key} = {_shown(value)}"
            converted = _convert(setting, option, value, file.parent)
            if name == verb:
                found[option.name] = converted
                keys.append(f"{place}{key}")
    return found, keys


def read_table(file: Path) -> dict[str, Any]:
    """Read the settings of a file: all of it, or of ``pyproject.toml`` the table that is ours.

    Parameters
    ----------
    file : Path

    Returns
    -------
    dict

    Raises
    ------
    ConfigurationError
        If it cannot be read or is no TOML, or the table is none.
    """
    try:
        content = tomllib.loads(read_bounded(file, _MOST_BYTES).decode("utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"{file}: cannot be read as a configuration: {error.strerror or error}"
        ) from None
    except ValueError as error:  # no TOML, or not in UTF-8
        raise ConfigurationError(f"{file}: is no TOML: {error}") from None
    if file.name == "pyproject.toml":
        content = content.get("tool", {}).get("fer-ensemble", {})
        if not isinstance(content, dict):
            raise ConfigurationError(f"{file}: {_TABLE} has to be a table, as in [{_TABLE}]")
    return content


def has_table(file: Path) -> bool:
    """Say whether a ``pyproject.toml`` has settings of ours; one that is no TOML may have some.

    Parameters
    ----------
    file : Path

    Returns
    -------
    bool
    """
    try:
        content = read_bounded(file, _MOST_BYTES)
    except OSError:
        return False  # another tool's business
    if b"fer-ensemble" not in content:
        return False  # the most, and not worth the parsing
    try:
        return "fer-ensemble" in tomllib.loads(content.decode("utf-8")).get("tool", {})
    except ValueError:
        return f"[{_TABLE}".encode() in content


def is_anothers(file: Path) -> bool:
    """Say whether a file belongs to another user, who may want something else than this one.

    Parameters
    ----------
    file : Path

    Returns
    -------
    bool
        Never where users have no numbers.
    """
    if not hasattr(os, "getuid"):
        return False
    owner = file.stat().st_uid
    return owner not in (0, os.getuid())


def _options(command: Any) -> dict[str, Any]:
    """Options of a verb by what they may be called in a file."""
    options = {}
    old = {new: before for before, new in OLD_WORDS.get(command.name, {}).items()}
    for option in command.params:
        if option.param_type_name == "option" and option.name not in ("config", "no_config"):
            for word in option.opts:
                if word.startswith("--"):
                    options[_plain(word)] = option
                    if word in old:
                        options[_plain(old[word])] = option
    return options


def _check_shared(file: Path, key: str, command: Any) -> None:
    verbs = command.commands.values()
    if any(_plain(key) in _options(one) for one in verbs):
        return
    known = [_plain(word) for one in verbs for option in one.params for word in option.opts]
    meant = did_you_mean(_plain(key), known)
    raise ConfigurationError(f"{file}: {key}: no verb has such an option.{_dashed(meant)}")


def _unknown(file: Path, verb: str, key: str, command: Any, options: Mapping[str, Any]) -> str:
    for option in command.params:
        if option.param_type_name == "argument" and _plain(key) == option.name:
            return (
                f"{file}: [{verb}] {key}: this is given on the command line alone, as in "
                f"fer-ensemble {verb} {(option.metavar or option.name).upper()}"
            )
        if option.param_type_name == "option" and f"--{key}" in option.secondary_opts:
            return f"{file}: [{verb}] {key}: write {_plain(option.opts[0])} = false"
    meant = _dashed(did_you_mean(_plain(key), options))
    return f"{file}: [{verb}] {key}: {verb} has no such option.{meant} See fer-ensemble {verb} -h"


def _convert(setting: str, option: Any, value: Any, folder: Path) -> Any:
    """Turn what stands in a file into what an option takes."""
    kind = option.type.name
    if option.name in _LISTED and isinstance(value, list):
        if not all(isinstance(entry, str) for entry in value):
            raise ConfigurationError(f"{setting}: has to be {_KINDS[str]}, or a list of it")
        value = ",".join(value)
    if getattr(option, "multiple", False):
        entries = value if isinstance(value, list) else [value]
        value = [_convert_one(setting, option, kind, entry, folder) for entry in entries]
    else:
        value = _convert_one(setting, option, kind, value, folder)
    try:
        option.type_cast_value(None, value)
    except Exception as error:
        # A class of typer's that moves; what it says is known by what it has.
        if not hasattr(error, "format_message"):
            raise
        raise ConfigurationError(f"{setting}: {error.message}") from None  # type: ignore[attr-defined]
    return value


def _convert_one(setting: str, option: Any, kind: str, value: Any, folder: Path) -> Any:
    needed: type = str
    if kind.startswith("bool"):
        needed = bool
    elif kind.startswith("int"):
        needed = int
    elif kind.startswith("float"):
        needed = float
    fits = isinstance(value, (int, float) if needed is float else needed)
    if not fits or (isinstance(value, bool) and needed is not bool):
        raise ConfigurationError(f"{setting}: has to be {_KINDS[needed]}")
    if needed is str:
        return _resolve(option, kind, value, folder)
    return value


def _resolve(option: Any, kind: str, value: str, folder: Path) -> str:
    """Take a path that stands in a file from the folder of the file."""
    if option.name == "detector" and value.startswith("yunet:"):
        return "yunet:" + _from(folder, value.removeprefix("yunet:"))
    words = _MAY_BE_PATHS.get(option.name, ("-",))
    if option.name == "model":
        from fer_ensemble.artifact import PRETRAINED

        words = tuple(PRETRAINED)
    if (kind in ("path", "file") or option.name in _MAY_BE_PATHS) and value not in words:
        return _from(folder, value)
    return value


def _from(folder: Path, path: str) -> str:
    if "://" in path:  # s3://bucket/rows/
        return path
    # What a folder is marked by at its end is kept.
    slash = "/" if path.endswith("/") else ""
    return str(folder / Path(path).expanduser()) + slash


def _plain(word: str) -> str:
    return word.lstrip("-").replace("-", "_")


def _dashed(sentence: str) -> str:
    return sentence.replace("_", "-")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def list_keys(keys: Iterable[str]) -> str:
    """List what of a file counts, for a message.

    Parameters
    ----------
    keys : iterable of str

    Returns
    -------
    str
    """
    return ", ".join(keys) or "nothing for this verb"
