"""The one error of all notations."""

from __future__ import annotations


class NotationError(ValueError):
    """A text is not well formed in its notation.

    `start` and `end` are character offsets inside the text (end exclusive), `hint` says how to mend it, and `name` is
    the unknown function, filter or test when that is what is wrong.
    """

    def __init__(self, message: str, start: int = 0, end: int | None = None, *, hint: str = "", name: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = start + 1 if end is None else end
        self.hint = hint
        self.name = name

    def shifted(self, offset: int) -> NotationError:
        """The same error in a text that holds this one from `offset` on."""
        return NotationError(self.message, self.start + offset, self.end + offset, hint=self.hint, name=self.name)


def offset_of(text: str, line: int, column: int) -> int:
    """The character offset of a line and column (both from 1), kept inside the text."""
    lines = text.splitlines(keepends=True)
    return min(sum(len(each) for each in lines[: line - 1]) + column - 1, len(text))
