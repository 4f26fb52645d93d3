"""What `stream: steps` asks of a rule: steps that are known, and can be verified, before the answer ends."""

from __future__ import annotations

from collections.abc import Iterable

from stepflow.compiler.resolve import Component
from stepflow.compiler.site import Site
from stepflow.compiler.workshop import Workshop
from stepflow.protocols import GrowingSegmenter, Segmenter

NOT_YET = frozenset({"answer", "output", "steps"})
"""Names of a run that speak of the whole answer."""


def check_streaming(
    site: Site, segmenter: Segmenter | None, verifiers: Iterable[Component], workshop: Workshop
) -> None:
    """Report why the steps of a rule cannot be handed on one by one."""
    deciding = [each for each in verifiers if each.options.scope == "step" and each.options.on_fail != "warn"]
    if segmenter is not None and not isinstance(segmenter, GrowingSegmenter):
        _report(site, "this way of cutting needs the whole answer", "use `segment: lines`, `numbered`, `paragraphs`, …")
    if not deciding:
        _report(site, "no verifier looks at single steps, so none can be sent", "add one with `scope: step`")
    for verifier in deciding:
        when = verifier.options.when
        names = verifier.reads | (workshop.expression(when).names if when is not None else frozenset())
        for name in sorted(NOT_YET & names):
            verifier.site.report(
                "not-streamable",
                f"a step is sent before the rest is written, so {name!r} is not known yet",
                hints=("check it with `scope: output`, or say `stream: whole`",),
            )


def _report(site: Site, message: str, hint: str) -> None:
    site.report("not-streamable", message, "stream", hints=(hint,))
