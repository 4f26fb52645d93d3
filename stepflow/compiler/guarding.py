"""Guarded reuse: which constraints does nothing check?

A constraint counts as checked when a verifier that can refuse reads it, directly or through `let`, or when a
`skip_when` condition compares it with the cached one. Anything else would let an answer to another question through:
a verifier that only warns, or a condition that looks at the new prompt alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stepflow.compiler.resolve import Component
from stepflow.plan import Derivation, Reading


def unguarded_constraints(
    constraints: Sequence[Reading],
    let: Sequence[Derivation],
    verifiers: Iterable[Component],
    skips: Iterable[Component],
) -> tuple[str, ...]:
    """Names of constraints that neither a verifier nor a skip condition depends on, in order."""
    deciding = [component for component in verifiers if component.options.on_fail != "warn"]
    comparing = [component for component in skips if _compares(component)]
    used = {name for component in (*deciding, *comparing) for name in _depends_on(component)}
    for derivation in reversed(let):
        if derivation.name in used:
            used |= derivation.expression.names
    return tuple(reading.name for reading in constraints if reading.name not in used)


def _compares(component: Component) -> bool:
    """Whether a condition looks at the cached request too: by its names, or in its expression."""
    return "cached" in component.reads or getattr(component.options, "names", None) is not None


def _depends_on(component: Component) -> frozenset[str]:
    names = component.reads
    named = getattr(component.options, "names", None)
    return names | frozenset(named) if isinstance(named, list | tuple) else names
