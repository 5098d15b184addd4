"""What a manifest may say: checked when it is read, so that nothing fails at a prediction.

Manifests come from strangers. Every entry is known, of its type and within bounds; only what the
ensemble was fitted on, `Manifest.data`, is free, as far as it is plain and of moderate size.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from fer_ensemble.artifact.kinds import (
    FEATURES,
    FLAG,
    LABEL,
    NOTHING,
    SEED,
    Kind,
    check_entries,
    check_features,
    check_kind,
    mapping,
    one_of,
    plain,
    real,
    several,
    text,
    whole,
)
from fer_ensemble.ensemble import DYNAMIC_RULES, RULES, TIES, WEIGHTED_RULES

#: Entry under which a manifest states the hash of all others.
HASH = "sha256"
_MOST_MEMBERS, _MOST_CLASSES = 100, 1000
# A manifest of any ensemble has less than half of them.
_MOST_NESTING = 50
_FACE_SIZE = whole(1, 1024)
_PLAIN = plain(longest=100_000, levels=12)
_NAME = Kind(
    "letters, digits, '_', '-' and '.'",
    lambda x: isinstance(x, str) and bool(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", x)),
)
_FILE = {
    # Which names lie inside the artifact is told when a file is read.
    "file": text(250),
    "sha256": Kind(
        "64 hexadecimal digits",
        lambda x: isinstance(x, str) and bool(re.fullmatch("[0-9a-f]{64}", x)),
    ),
}
_OBJECT = Kind("an object", lambda x: isinstance(x, dict))
_DATA = Kind(
    "an object of plain values, of moderate size",
    lambda x: isinstance(x, dict) and _PLAIN.holds(x),
)
_MANIFEST = {
    "format": one_of("fer-ensemble"),
    "schema_version": whole(1, 10**6),
    HASH: _FILE["sha256"],
    "classes": several(LABEL, 2, _MOST_CLASSES),
    "class_names": several(text(200), 2, _MOST_CLASSES),
    "preprocessing": _OBJECT,
    "ensemble": _OBJECT,
    "members": several(_OBJECT, 1, _MOST_MEMBERS),
    "validation": _OBJECT | NOTHING,
    "final_estimator": _OBJECT | NOTHING,
    "data": _DATA,
    "versions": mapping(text(100), 100),
}
_MEMBER = {
    "name": _NAME,
    "parameters": _DATA,
    "stored": _OBJECT,
    "fit_seconds": real(0, 1e10) | NOTHING,
    "exported": _OBJECT | NOTHING,
}
_PREPROCESSING = {
    "size": _FACE_SIZE,
    "color": one_of("gray"),
    "dtype": one_of("uint8"),
}
_WEIGHTS = several(real(0, 1e12), 1, _MOST_MEMBERS)
_VOTING = {
    "kind": one_of("voting"),
    "rule": one_of(*RULES),
    "weighting": text(50),
    "ties": one_of(*TIES),
    "calibrate": FLAG,
    "abstain_label": LABEL | NOTHING,
    "validation_fraction": real(0, 1) | NOTHING,
    "random_state": SEED,
    "given_weights": _WEIGHTS | NOTHING,
    "weights": _WEIGHTS | NOTHING,
    "calibration": _OBJECT | NOTHING,
}
_DYNAMIC = {
    **{
        name: kind
        for name, kind in _VOTING.items()
        if name not in ("calibrate", "calibration", "given_weights")
    },
    "kind": one_of("dynamic"),
    "rule": one_of(*RULES, *DYNAMIC_RULES),
    "n_neighbors": whole(1, 10_000),
    "voting": one_of("soft", "hard"),
    "coefficients": several(real(-1e12, 1e12), 1, 30_000) | NOTHING,
}
_STACKING = {
    "kind": one_of("stacking"),
    "n_splits": whole(2, 1000),
    "passthrough": FLAG,
    "random_state": SEED,
}
_TEMPERATURE = real(1e-6, 1e6)
_SCORES = mapping(real(-1e12, 1e12), 10)
_CALIBRATION = {
    "member_temperatures": several(_TEMPERATURE, 1, _MOST_MEMBERS),
    "ensemble_temperature": _TEMPERATURE,
    "before": _SCORES,
    "after": _SCORES,
    "n_folds": whole(2, 1000) | NOTHING,
}
_EXPORTED = {"features": several(_OBJECT, 0, 10), "mirror": FLAG}
_FEATURE = {"name": text(50), "parameters": _OBJECT, "weights": _OBJECT}


def parse_manifest(content: bytes) -> dict[str, Any]:
    """Parse JSON that names nothing twice.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If it is no such JSON: says where.
    """
    try:
        parsed = json.loads(content.decode(), object_pairs_hook=_no_duplicates)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(parsed, dict):
        raise ValueError("it is no object")
    _check_nesting(parsed)
    return parsed


def _check_nesting(parsed: dict[str, Any]) -> None:
    """Bound the levels of parsed JSON: how many a parser takes differs among Pythons."""
    level: list[Any] = [parsed]
    for _ in range(_MOST_NESTING):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise ValueError("it is nested too deeply")


def hash_manifest(content: Mapping[str, Any]) -> str:
    """Hash what a manifest says, whatever the order and the spaces.

    Parameters
    ----------
    content : mapping
        Of JSON values; the entry of the hash itself does not count.

    Returns
    -------
    str
        SHA-256, in hexadecimal.
    """
    rest = {name: value for name, value in content.items() if name != HASH}
    packed = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(packed.encode()).hexdigest()


def check_manifest(content: Mapping[str, Any]) -> None:
    """Check all that a manifest says.

    Parameters
    ----------
    content : mapping
        As of :func:`parse_manifest`, of a version that this release reads. Manifests of earlier
        releases lack the hash of themselves.

    Raises
    ------
    ValueError
        At the first entry that is missing, unknown or wrong: says which, and what it must be.
    """
    if HASH in content and content[HASH] != hash_manifest(content):
        raise ValueError("it is not what was written: it was altered since")
    check_entries(content, _MANIFEST, "it")
    _require(content, set(_MANIFEST) - {HASH, "final_estimator"}, "it")
    _check_classes(content["classes"], content["class_names"])
    check_entries(content["preprocessing"], _PREPROCESSING, "preprocessing")
    _require(content["preprocessing"], {"size"}, "preprocessing")
    for name in ("validation", "final_estimator"):
        if content.get(name) is not None:
            _check_file(content[name], name)
    names = [member.get("name") for member in content["members"]]
    for place, member in enumerate(content["members"]):
        _check_member(member, f"members[{place}]", content["preprocessing"]["size"])
    if len(set(names)) < len(names):
        raise ValueError(f"two of its members share a name: {', '.join(map(str, names))}")
    _check_ensemble(content["ensemble"], len(names), content.get("final_estimator") is not None)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it names {twice[:60]!r} twice")
    return entries


def _require(content: Mapping[str, Any], names: set[str], where: str) -> None:
    if missing := sorted(names - set(content)):
        raise ValueError(f"{where} lacks {', '.join(missing)}")


def _check_classes(classes: list[Any], names: list[str]) -> None:
    for what, values in (("classes", classes), ("class_names", names)):
        if len({str(value) for value in values}) < len(values):
            raise ValueError(f"two of its {what} are the same")
    if len({type(label) for label in classes}) > 1 or classes != sorted(classes):
        raise ValueError("its classes are not all of one type, sorted")
    if len(names) != len(classes):
        raise ValueError(f"it has {len(classes)} classes and {len(names)} class_names")


def _check_file(stored: Any, where: str) -> None:
    check_entries(stored, _FILE, where)
    _require(stored, set(_FILE), where)


def _check_member(member: Mapping[str, Any], where: str, face_size: int) -> None:
    check_entries(member, _MEMBER, where)
    _require(member, set(_MEMBER) - {"exported"}, where)
    _check_file(member["stored"], f"{where}: stored")
    exported = member.get("exported")
    if exported is None:
        return
    check_entries(exported, _EXPORTED, f"{where}: exported")
    _require(exported, set(_EXPORTED), f"{where}: exported")
    for feature in exported["features"]:
        check_entries(feature, _FEATURE, f"{where}: features")
        _require(feature, {"name", "parameters"}, f"{where}: features")
        if feature["name"] not in FEATURES:
            raise ValueError(f"there are no features {feature['name']!r}: upgrade fer-ensemble")
        check_features(feature["name"], feature["parameters"], (face_size, face_size))
        if "weights" in feature:
            _check_file(feature["weights"], f"{where}: weights")


def _check_ensemble(state: Mapping[str, Any], n_members: int, has_final: bool) -> None:
    kind = state.get("kind", "voting")  # the first artifacts, all voting, did not say
    if kind not in ("voting", "stacking", "dynamic"):
        raise ValueError(f"there is no kind of ensemble {kind!r}")
    if (kind == "stacking") != has_final:
        raise ValueError("it names no final estimator" if kind == "stacking" else "it has none")
    if kind == "stacking":
        check_entries(state, _STACKING, "ensemble")
        _require(state, set(_STACKING), "ensemble")
        return
    if kind == "dynamic":
        check_entries(state, _DYNAMIC, "ensemble")
        _require(state, set(_DYNAMIC), "ensemble")
    else:
        check_entries(state, _VOTING, "ensemble")
        _require(state, {"rule", "weights"}, "ensemble")
    for name in ("weights", "given_weights"):
        weights = state.get(name)
        if weights is not None and (len(weights) != n_members or not sum(weights)):
            raise ValueError(f"ensemble: {name} are not one for each member, above 0 in sum")
    if state["weights"] is None and state["rule"] in WEIGHTED_RULES:
        raise ValueError(f"ensemble: the rule {state['rule']} has no weights")
    for rule, calibration in (state.get("calibration") or {}).items():
        where = f"ensemble: calibration: {rule[:40]}"
        check_kind(rule, _VOTING["rule"], where)
        check_entries(calibration, _CALIBRATION, where)
        _require(calibration, set(_CALIBRATION), where)
        if len(calibration["member_temperatures"]) != n_members:
            raise ValueError(f"{where}: member_temperatures are not one for each member")
