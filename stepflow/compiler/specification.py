"""A rule's map checked against what may stand in a rule, before anything in it is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from stepflow.compiler.site import Site
from stepflow.config.problems import validate
from stepflow.config.schema import RuleSpec

SALVAGED = frozenset({"title", "priority", "reuse", "generate", "patch", "repair", "fallback"})
"""Parts of a rule that nothing else names: when one is broken, the rest can still be checked."""
ELSEWHERE = {
    "skip_when": "`reuse:`",
    "guard": "`reuse:`",
    "ignore": "`reuse:`",
    "min_similarity": "`reuse:`",
    "top_k": "`reuse:`",
    "max_attempts": "`repair:`",
    "max_calls": "`patch:`",
    "on_fail": "an item of `verify:`",
    "backend": "in a pipeline file",
    "rules": "in a pipeline file",
    "stages": "in a pipeline file",
    "store": "in a pipeline file",
}


def rule_specification(site: Site) -> tuple[RuleSpec | None, bool]:
    """The specification at a site, and whether it is sound. Problems are reported.

    One that is not sound is given all the same when its parts can be checked for further problems, else None.
    """
    data = site.data
    free = frozenset(key for key in data if key.startswith("x-"))
    spec, problems = validate(
        RuleSpec,
        data,
        site.document,
        site.path,
        breadcrumb=site.breadcrumb,
        noun="a rule",
        see="stepflow schema rule",
        elsewhere=ELSEWHERE,
        ignore=free,
    )
    site.problems.extend(problems)
    assert spec is None or isinstance(spec, RuleSpec)
    return spec or _without_broken_parts({key: data[key] for key in data if key not in free}), spec is not None


def _without_broken_parts(data: Mapping[str, Any]) -> RuleSpec | None:
    """The rule with defaults for its broken parts, so that the others are checked too; None when names depend on them.

    What is compiled from it is thrown away.
    """
    try:
        return RuleSpec.model_validate(data)
    except ValidationError as error:
        broken = {str(part) for detail in error.errors() for part in detail["loc"][:1] or ("",)}
    if not broken <= SALVAGED:
        return None
    return RuleSpec.model_validate({key: value for key, value in data.items() if key not in broken})
