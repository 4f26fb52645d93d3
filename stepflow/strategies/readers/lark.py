"""`lark`: the longest text that a grammar of the rule accepts, wherever it stands in the prose.

Options: `grammar`; `after`, to read only directly behind a match of a pattern, and `cover_after`, to count that match
as part of what was read; `within`, to begin only inside the matches of a cheap pattern; `not_preceded_by` and
`not_followed_by`, patterns for what must not stand directly outside (spaces and tabs are skipped).

    constraints:
      equation: {type: lark, grammar: equation, not_followed_by: '[<>=^]', as: equation}

Refuses to read the text at all when something forbidden stands beside a reading: what was read is then only a part of
something longer, and a part must never pass for the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field, model_validator

import stepflow.options
from stepflow.budget import Budget
from stepflow.notation import BuildContext, Grammar, GrammarName, Pattern, RegexText
from stepflow.protocols import Found, Reader

NAME = "lark"
_REACH = 200  # characters looked at outside a reading


class Options(stepflow.options.Options):
    """Which grammar, and where it may begin."""

    grammar: GrammarName = Field(description="Name of a grammar under `grammars:`.")
    after: RegexText | None = Field(None, description="Read only directly behind a match of this pattern.")
    cover_after: bool = Field(False, description="Whether what `after` matched belongs to what is read.")
    within: RegexText | None = Field(None, description="Begin only inside a match of this pattern.")
    not_preceded_by: RegexText | None = Field(None, description="What must not stand directly before a reading.")
    not_followed_by: RegexText | None = Field(None, description="What must not stand directly behind a reading.")

    @model_validator(mode="after")
    def _one_place(self) -> Options:
        if self.after is not None and self.within is not None:
            raise ValueError("`after` and `within` exclude each other: keep one")
        if self.cover_after and self.after is None:
            raise ValueError("`cover_after` needs `after`")
        return self


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of a grammar's longest parses."""

    def beside(pattern: str | None, form: str) -> Pattern | None:
        return None if pattern is None else context.regex(form.format(pattern))

    return _Lark(
        context.grammar(options.grammar),
        None if options.after is None else context.regex(options.after),
        options.cover_after,
        None if options.within is None else context.regex(options.within),
        beside(options.not_preceded_by, r"(?:{})\Z"),
        beside(options.not_followed_by, r"\A(?:{})"),
    )


@dataclass(frozen=True, slots=True)
class _Lark:
    grammar: Grammar
    after: Pattern | None
    cover_after: bool
    within: Pattern | None
    forbidden_before: Pattern | None
    forbidden_behind: Pattern | None

    def read(self, text: str) -> Iterator[Found]:
        """The longest parses, left to right, none overlapping. Raises `ValueError` when one is part of more."""
        position, budget = 0, self.grammar.budget()
        for begin, start in self._starts(text, budget):
            if begin < position:
                continue
            parsed = self.grammar.longest(text, start, budget)
            if parsed is None:
                continue
            node, position = parsed
            self._refuse_part(text, begin, position)
            yield Found(begin, position, node)

    def _starts(self, text: str, budget: Budget) -> Iterator[tuple[int, int]]:
        """Where what is read begins, and where the grammar does."""
        if self.after is not None:
            for match in self.after.finditer(text):
                start = len(text) - len(text[match.end :].lstrip())
                yield (match.start if self.cover_after else start), start
        elif self.within is not None:
            for match in self.within.finditer(text):
                yield from ((start, start) for start in self.grammar.starts(text, match.start, match.end, budget))
        else:
            yield from ((start, start) for start in self.grammar.starts(text, budget=budget))

    def _refuse_part(self, text: str, start: int, end: int) -> None:
        before = text[max(0, start - _REACH) : start].rstrip(" \t")
        behind = text[end : end + _REACH].lstrip(" \t")
        for pattern, place, beside in (
            (self.forbidden_before, "before", before),
            (self.forbidden_behind, "behind", behind),
        ):
            hit = pattern.search(beside) if pattern is not None else None
            if hit is not None:
                raise ValueError(
                    f"{text[start:end]!r} is only part of something longer: {hit.text!r} stands {place} it"
                )
