"""The base of every plug's `Options`: frozen, strict, and closed to keys that it does not declare.

Beside it, options that plugs of several kinds have: plugs do not import each other.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from stepflow.notation import BuildContext, TableName
from stepflow.texts import csv


class Options(BaseModel):
    """What an author may write beside `type:`. Subclass it in a plug file and describe each field."""

    # Built when first used: most are used only as a part of another, and building is most of what importing them costs.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True, defer_build=True)


class WordList(Options):
    """Words, written in place or as the keys of a table."""

    words: list[str] | None = Field(None, description="The words or phrases.", min_length=1)
    table: TableName | None = Field(None, description="Name of a table whose keys are the words.")

    @model_validator(mode="after")
    def _one_source(self) -> WordList:
        if (self.words is None) == (self.table is None):
            raise ValueError("give either `words` or `table`")
        if any(not word.strip() for word in self.words or ()):
            raise ValueError("`words` holds an empty word")
        return self

    def listed(self, context: BuildContext) -> tuple[str, ...]:
        """The words."""
        return tuple(self.words if self.words is not None else context.tables[self.table or ""])


def _delimiter(text: str) -> str:
    csv.scan("", text)
    return text


Delimiter = Annotated[str, AfterValidator(_delimiter)]
"""The character between two fields of CSV: one that `texts.csv` can read by."""
