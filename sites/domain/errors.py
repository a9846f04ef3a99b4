"""What a rule says when it refuses: one base class for both apps, so every door can translate it."""

from collections.abc import Callable
from typing import ClassVar


def _as_raised(message: str) -> str:
    return message


class RuleBroken(Exception):
    """A rule of the trade refused a change; nothing was stored.

    `code` is stable and machine-readable; `field` names the input that was wrong, in the words of the
    caller's own shape (`lines/10/quantity`), and is None where the state of the thing itself refuses.
    `facts` are plain values for the reader of the refusal (never objects).
    """

    code: ClassVar[str] = "rule_broken"
    # True: what the service wrote before it refused is meant to stay, such as a preview looked at again.
    keeps_what_it_wrote: ClassVar[bool] = False
    # Puts the English of the rooms without a framework into the reader's language, once a framework has set it.
    in_words: ClassVar[Callable[[str], str]] = staticmethod(_as_raised)

    def __init__(self, message: str, *, field: str | None = None, **facts: object) -> None:
        super().__init__(message)
        self._raised = message
        self.field = field
        self.facts = facts

    @property
    def message(self) -> str:
        return type(self).in_words(self._raised)

    def __str__(self) -> str:
        return self.message


class BadInput(RuleBroken):
    """A value that cannot be read or is out of range. Always names its field. `facts["code"]` says more than `code`."""

    code = "invalid"


class NotFound(RuleBroken):
    """The thing does not exist, or the actor may not know that it does: the two are told alike."""

    code = "not_found"


class NotPermitted(RuleBroken):
    """The actor may see the thing but not do this to it."""

    code = "not_permitted"


class Conflict(RuleBroken):
    """The thing is not in a state that allows this, or somebody else changed it first."""

    code = "conflict"


class ChangedSince(Conflict):
    """The caller speaks of another version than the present one, which `facts["version"]` names."""

    code = "stale_version"
