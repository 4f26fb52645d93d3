"""The base of every plug's `Options`: frozen, strict, and closed to keys that it does not declare."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """What an author may write beside `type:`. Subclass it in a plug file and describe each field."""

    # Built when first used: most are used only as a part of another, and building is most of what importing them costs.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True, defer_build=True)
