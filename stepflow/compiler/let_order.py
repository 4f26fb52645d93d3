"""The order of `let` values: each may use only those above it. Cycles are told as cycles, with every name in them."""

from __future__ import annotations

from collections.abc import Mapping

from stepflow.compiler.resolve import position
from stepflow.compiler.site import Site


class LetOrder:
    """Which `let` values read which, in the order of the file."""

    def __init__(self, reads: Mapping[str, frozenset[str]]) -> None:
        self._reads = {name: sorted(names & reads.keys()) for name, names in reads.items()}
        self._order = list(reads)
        self._told: set[str] = set()

    def report(self, name: str, source: str, site: Site) -> bool:
        """Whether the value uses something that is not made yet; that is reported, a cycle once."""
        later = [other for other in self._reads[name] if self._order.index(other) >= self._order.index(name)]
        if not later:
            return False
        cycle = self._cycle(name)
        if cycle and name not in self._told:
            self._told.update(cycle)
            place = position(source, cycle[1])
            message = f"{name!r} needs itself" if len(cycle) == 2 else f"a cycle: {' → '.join(cycle)}"
            hint = "a value can use only constraints, tables and the values above it"
            site.report("let-cycle", message, offset=place, hints=(hint,))
        for other in later:
            if other not in cycle:
                self._report_forward(other, source, site)
        return True

    def _report_forward(self, other: str, source: str, site: Site) -> None:
        line = site.document.locate((*site.path[:-1], other), "key").line
        site.report(
            "forward-reference",
            f"{other!r} is made on line {line}, after it is used here",
            offset=position(source, other),
            hints=(f"move {site.path[-1]!r} below {other!r}: a value can use only those above it",),
        )

    def _cycle(self, name: str) -> list[str]:
        """The shortest way from a name back to itself, as [name, …, name]; empty when there is none."""
        trails = [[name, other] for other in self._reads[name]]
        seen: set[str] = set()
        for trail in trails:  # grows while it is read: a breadth-first search
            if trail[-1] == name:
                return trail
            if trail[-1] not in seen:
                seen.add(trail[-1])
                trails += [[*trail, other] for other in self._reads[trail[-1]]]
        return []
