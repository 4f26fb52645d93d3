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
    used = compared_names(skips) | {name for component in deciding for name in component.reads}
    checked = constraints_behind(used, constraints, let)
    return tuple(reading.name for reading in constraints if reading.name not in checked)


def compared_names(skips: Iterable[Component]) -> frozenset[str]:
    """Names that a `skip_when` condition compares with the cached request's."""
    return frozenset(name for component in skips if _compares(component) for name in _depends_on(component))


def constraints_behind(
    names: Iterable[str], constraints: Sequence[Reading], let: Sequence[Derivation]
) -> frozenset[str]:
    """The constraints among these names, and those that their `let` values are made of."""
    used = set(names)
    for derivation in reversed(let):
        if derivation.name in used:
            used |= derivation.expression.names
    return frozenset(reading.name for reading in constraints if reading.name in used)


def _compares(component: Component) -> bool:
    """Whether a condition looks at the cached request too: by its names, or in its expression."""
    return "cached" in component.reads or getattr(component.options, "names", None) is not None


def _depends_on(component: Component) -> frozenset[str]:
    names = component.reads
    named = getattr(component.options, "names", None)
    return names | frozenset(named) if isinstance(named, list | tuple) else names
