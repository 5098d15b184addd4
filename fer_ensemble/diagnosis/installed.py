"""What is installed, beside what the package's own metadata ask for: there is no second list."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from fer_ensemble import __version__
from fer_ensemble.diagnosis.checks import Check, Status
from fer_ensemble.libraries import extra_remedy
from fer_ensemble.processors import count_processors

if TYPE_CHECKING:
    from packaging.requirements import Requirement

#: As the package index calls it.
PACKAGE = "fer-ensemble"
#: What mends metadata that are missing.
AGAIN = "install fer-ensemble again: pip install . in the folder of its source"

#: Distributions that bring the same module: one stands in for another, and several overwrite each
#: other's files.
SAME_MODULE = {
    "cv2": (
        "opencv-python-headless",
        "opencv-python",
        "opencv-contrib-python-headless",
        "opencv-contrib-python",
    ),
    "xgboost": ("xgboost-cpu", "xgboost"),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos"),
    "onnxruntime": (
        "onnxruntime",
        "onnxruntime-gpu",
        "onnxruntime-directml",
        "onnxruntime-openvino",
    ),
}
#: What to do where several bring one module.
KEEP_ONE = {
    "cv2": "pip uninstall {all}, then pip install 'opencv-python-headless<5'",
    "xgboost": "pip uninstall {all}, then pip install xgboost-cpu, or xgboost for GPUs",
}


def check_package() -> Iterator[Check]:
    """Look at the package itself, at Python and at the machine.

    Yields
    ------
    Check
    """
    group = "package"
    try:
        metadata = importlib.metadata.metadata(PACKAGE)
        told = metadata["Version"]
        if told == __version__:
            yield Check(group, PACKAGE, "ok", told)
        else:
            message = f"{__version__} is imported, and {told} installed"
            yield Check(group, PACKAGE, "warn", message, AGAIN)
        asked = metadata["Requires-Python"] or ""
    except importlib.metadata.PackageNotFoundError:
        yield Check(
            group,
            PACKAGE,
            "warn",
            "not installed: it is imported from a folder of its source, and what it needs is not "
            "known",
            AGAIN,
        )
        asked = ""
    version, kind = platform.python_version(), platform.python_implementation()
    fits = _fits(version, asked)
    remedy = "" if fits else f"take a Python of {asked}"
    yield Check(group, "Python", "ok" if fits else "warn", f"{version} ({kind})", remedy)
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield Check(group, "platform", "ok", system)
    number = count_processors()
    yield Check(group, "processors", "ok", f"{number} for this process", facts={"usable": number})


def check_dependencies() -> Iterator[Check]:
    """Look at what every use of the package needs.

    Yields
    ------
    Check
    """
    for requirement in requirements():
        yield _check_requirement("dependencies", requirement, missing="fail")


def check_extras() -> Iterator[Check]:
    """Look at which extras are complete, and what the others lack.

    Yields
    ------
    Check
    """
    metadata = importlib.metadata.metadata(PACKAGE)
    for extra in metadata.get_all("Provides-Extra") or []:
        checks = [_check_requirement(extra, one, missing="note") for one in requirements(extra)]
        lacking = [check for check in checks if check.status == "note"]
        old = [check for check in checks if check.status == "warn"]
        facts = {"lacking": [f"{check.name} {check.facts['asked']}".strip() for check in lacking]}
        if lacking:
            there = len(checks) - len(lacking)
            message = f"not complete, {there} of {len(checks)} are there; would bring "
            message += ", ".join(facts["lacking"])
            yield Check("extras", extra, "note", message, extra_remedy(extra), facts)
        elif old:
            told = "; ".join(f"{check.name} {check.message}" for check in old)
            yield Check("extras", extra, "warn", told, extra_remedy(extra), facts)
        else:
            yield Check("extras", extra, "ok", f"complete ({len(checks)})", facts=facts)


def check_conflicts() -> Iterator[Check]:
    """Look for distributions that overwrite each other's files, and for an OpenCV of tomorrow.

    Yields
    ------
    Check
    """
    for module, names in SAME_MODULE.items():
        found = {name: told for name in names if (told := _version(name)) is not None}
        listed = ", ".join(f"{name} {told}" for name, told in found.items())
        if len(found) > 1:
            remedy = KEEP_ONE.get(module, "pip uninstall {all}, then install one of them")
            message = f"{listed}: both bring the module {module}, and overwrite each other"
            everything = remedy.format(all=" ".join(found))
            yield Check("conflicts", module, "warn", message, everything, {"installed": found})
        elif found:
            yield Check("conflicts", module, "ok", f"{listed} alone", facts={"installed": found})
        if module == "cv2":
            yield from _check_opencv(found)


def _check_opencv(found: dict[str, str]) -> Iterator[Check]:
    late = [f"{name} {told}" for name, told in found.items() if int(told.partition(".")[0]) >= 5]
    if late:
        message = f"{', '.join(late)}: from OpenCV 5 on, parts that this package uses are missing"
        remedy = "pip install 'opencv-python-headless<5'"
        yield Check("conflicts", "OpenCV 5", "warn", message, remedy)


def requirements(extra: str = "") -> list[Requirement]:
    """Return what the package's metadata ask for here.

    Parameters
    ----------
    extra : str, default=''
        Name of an extra; without one, what every use needs.

    Returns
    -------
    list of Requirement
        On this platform, sorted by name; what an extra takes from others of the package's is among
        them, what it shares with every use is not.
    """
    plain = {str(one): one for one in _active("")}
    if not extra:
        return _sorted(plain.values())
    wanted: dict[str, Requirement] = {}
    left, seen = [extra], set()
    while left:
        name = left.pop()
        seen.add(name)
        for one in _active(name):
            if _normal(one.name) == PACKAGE:
                left += [other for other in one.extras if other not in seen]
            elif str(one) not in plain:
                wanted.setdefault(f"{one.name}{one.specifier}", one)
    return _sorted(wanted.values())


def installed_modules() -> dict[str, str]:
    """Return the modules that the installed base dependencies bring.

    Returns
    -------
    dict of str to str
        The distribution of each, sorted by the modules' names.
    """
    wanted = {_normal(place) for one in requirements() if (place := _stand_in(one.name))}
    brought = importlib.metadata.packages_distributions()
    return {
        module: name
        for module in sorted(brought)
        for name in brought[module]
        if _normal(name) in wanted and module.isidentifier() and not module.startswith("_")
    }


@cache
def _parsed() -> tuple[Requirement, ...]:
    from packaging.requirements import Requirement

    return tuple(Requirement(line) for line in importlib.metadata.requires(PACKAGE) or [])


def _active(extra: str) -> list[Requirement]:
    return [one for one in _parsed() if one.marker is None or one.marker.evaluate({"extra": extra})]


def _check_requirement(group: str, asked: Requirement, *, missing: Status) -> Check:
    place = _stand_in(asked.name)
    version = None if place is None else _version(place)
    facts = {"asked": str(asked.specifier), "installed": version}
    if place is None or version is None:
        remedy = f"pip install '{asked.name}{asked.specifier}'"
        return Check(group, asked.name, missing, "not installed", remedy, facts)
    message = version if place == asked.name else f"{place} {version} in its place"
    if asked.specifier.contains(version, prereleases=True):
        return Check(group, asked.name, "ok", message, facts=facts)
    remedy = f"pip install '{place}{asked.specifier}'"
    message += f", and {asked.specifier} is asked for"
    return Check(group, asked.name, "warn", message, remedy, facts)


def _stand_in(name: str) -> str | None:
    """Return the installed distribution that brings what one of that name does, if there is one."""
    others = next((names for names in SAME_MODULE.values() if _normal(name) in names), ())
    return next((one for one in (name, *others) if _version(one) is not None), None)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _sorted(found: Iterable[Requirement]) -> list[Requirement]:
    return sorted(found, key=lambda one: _normal(one.name))


def _fits(version: str, asked: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(asked).contains(version, prereleases=True)
