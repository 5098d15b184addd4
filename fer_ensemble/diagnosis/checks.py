"""What a check found, and how it is kept from ending the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from fer_ensemble.diagnosis.private import hide_private

Status = Literal["ok", "note", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """What one check found.

    Parameters
    ----------
    group : str
        What it belongs to, such as 'dependencies'.
    name : str
        What was looked at.
    status : {'ok', 'note', 'warn', 'fail'}
        'note' tells of what is not there and need not be; 'warn' of what may go wrong; 'fail' of
        what predicting needs and does not work.
    message : str
        What was found.
    remedy : str, default=''
        What to do about it.
    facts : dict, default={}
        The same as JSON values, where they say more than the message.
    """

    group: str
    name: str
    status: Status
    message: str
    remedy: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosis:
    """What all checks found.

    Parameters
    ----------
    checks : list of Check
        In the order in which they were made.
    """

    checks: list[Check]

    @property
    def works(self) -> bool:
        """Whether nothing that predicting needs is broken."""
        return not self.having("fail")

    def having(self, status: Status) -> list[Check]:
        """Return the checks of one status.

        Parameters
        ----------
        status : {'ok', 'note', 'warn', 'fail'}

        Returns
        -------
        list of Check
        """
        return [check for check in self.checks if check.status == status]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists and dictionaries, ready for JSON.

        Returns
        -------
        dict
            ``works`` and ``checks``. Paths, the name of the machine and that of the user are not in
            it.
        """
        return {"works": self.works, "checks": [asdict(check) for check in self.checks]}


def survive(group: str, name: str, look: Callable[[], Iterable[Check]]) -> list[Check]:
    """Make a check, and take whatever ends it for what it found.

    Parameters
    ----------
    group, name : str
        What to call the check if it does not come to an end.
    look : callable
        Gives what it finds.

    Returns
    -------
    list of Check
        What was found before an error stays.
    """
    found: list[Check] = []
    try:
        found.extend(look())
    except Exception as error:  # a broken library raises whatever its import meets
        found.append(Check(group, name, "fail", describe_error(error)))
    return found


def describe_error(error: BaseException) -> str:
    """Give an error in a line that can be shown to anybody.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    str
    """
    text = " ".join(str(error).split())
    return hide_private(f"{type(error).__name__}: {text}" if text else type(error).__name__)
