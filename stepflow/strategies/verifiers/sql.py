"""`sql`: the text must be one SQL statement, and use only the tables and columns that it is told to.

The statement is the whole text, or the content of the only fenced block, with or without a semicolon behind it. It is
parsed, never run. Names are compared without regard to case.

Needs the extra `sql`: `pip install 'stepflow[sql]'`.

Options: `dialect` (postgres, mysql, sqlite, bigquery, …; standard SQL by default); `kinds`, of which the statement must
be one (`select`, `insert`, `update`, `delete`, `create`, …; `select` by default); `tables_only(_from)`;
`columns_only(_from)`; `selects(_from)`, the names of the result's columns, all and in order; `same_as(_from)`, a
statement that this one must be, in whatever words: capitals, blanks, comments, brackets around conditions and their
order, ASC, names that are only repeated (users.name AS name FROM users u) make no difference; all else does.

    verify:
      - {type: sql, dialect: postgres, tables_only_from: tables, columns_only_from: columns}

`*` counts as a column unless it stands in `count(*)`. Names that the statement itself gives to results (AS, WITH) may
be used where SQL lets them be. A query that changes data inside (WITH … DELETE) is no `select`.

Fails naming the first thing wrong. It says what the statement is made of, not that it answers the question.
"""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext, NameRef
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import Wanted, wanted
from stepflow.texts import markdown

NAME = "sql"
MAX_CHARS = 20_000
_LISTS = ("tables_only", "columns_only", "selects", "same_as")
_CHANGES = ("Insert", "Update", "Delete", "Merge", "Create", "Drop", "Alter", "TruncateTable", "Into", "Command")


class Options(stepflow.options.Options):
    """Which statements, tables and columns."""

    dialect: str | None = Field(None, description="The dialect's name, e.g. postgres.")
    kinds: list[str] = Field(default=["select"], min_length=1, description="What the statement may be.")
    tables_only: list[str] | None = Field(None, description="The only tables that it may name.")
    tables_only_from: NameRef | None = Field(None, description="Name of the value that lists them.")
    columns_only: list[str] | None = Field(None, description="The only columns that it may name.")
    columns_only_from: NameRef | None = Field(None, description="Name of the value that lists them.")
    selects: list[str] | None = Field(None, min_length=1, description="Names of the result's columns, in order.")
    selects_from: NameRef | None = Field(None, description="Name of the value that lists them.")
    same_as: str | None = Field(None, description="The statement that this one must be.")
    same_as_from: NameRef | None = Field(None, description="Name of the value that is this statement.")

    @model_validator(mode="after")
    def _once(self) -> Options:
        for name in _LISTS:
            if getattr(self, name) is not None and getattr(self, f"{name}_from") is not None:
                raise ValueError(f"give either `{name}` or `{name}_from`, not both")
        return self


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of a statement. Raises `ValueError` when the SQL library is not installed or lacks the dialect."""
    if importlib.util.find_spec("sqlglot") is None:
        raise ValueError("the verifier `sql` needs a library: pip install 'stepflow[sql]'")
    if options.dialect is not None:
        _check_dialect(options.dialect)
    lists = (wanted(getattr(options, name), getattr(options, f"{name}_from")) for name in _LISTS)
    return _Sql(options.dialect, tuple(kind.lower() for kind in options.kinds), *lists)


def _check_dialect(name: str) -> None:
    from sqlglot.dialects.dialect import Dialect

    try:
        Dialect.get_or_raise(name)
    except ValueError as error:
        raise ValueError(f"there is no SQL dialect {name!r}: {error}") from None


@dataclass(frozen=True, slots=True)
class _Sql:
    dialect: str | None
    kinds: tuple[str, ...]
    tables_only: Wanted | None
    columns_only: Wanted | None
    selects: Wanted | None
    same_as: Wanted | None

    def verify(self, view: View) -> str | None:
        """None when the text is such a statement."""
        try:
            fenced = markdown.only_fence(view.text, ("sql", *((self.dialect,) if self.dialect else ())))
            text = (view.text if fenced is None else fenced).strip()
            statement = _parse(text, self.dialect)
        except ValueError as error:
            return f"is not SQL: {error}"
        return next(self._wrong(statement, text, view), None)

    def _wrong(self, statement: Any, text: str, view: View) -> Iterator[str]:
        kind = _kind(statement)
        if kind not in self.kinds:
            yield f"is a statement of kind {kind}, expected {' or '.join(self.kinds)}"
        if self.tables_only is not None:
            yield from _others("table", _Scopes(statement).tables(), self.tables_only.texts(view))
        if self.columns_only is not None:
            yield from _others("column", _Scopes(statement).columns(), self.columns_only.texts(view))
        if self.selects is not None:
            found = tuple(name.casefold() for name in getattr(statement, "named_selects", ()))
            expected = self.selects.texts(view)
            if found != tuple(name.casefold() for name in expected):
                yield f"selects {', '.join(found) or 'nothing'}, expected {', '.join(expected)}"
        if self.same_as is not None:
            expected_text = str(self.same_as(view))
            if _canonical(text, self.dialect) != _canonical(expected_text, self.dialect):
                yield f"is not the same as {expected_text}"


def _parse(text: str, dialect: str | None) -> Any:
    """The only statement of the text. Raises `ValueError`."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    if len(text) > MAX_CHARS:
        raise ValueError(f"the text has {len(text)} characters, SQL is read up to {MAX_CHARS}")
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of statements that it only passes on
    try:
        found = [each for each in sqlglot.parse(text, dialect=dialect) if each is not None]
    except SqlglotError as error:
        raise ValueError(_plain(error)) from None
    except RecursionError:
        raise ValueError("it nests too deeply") from None
    if len(found) == 1 and isinstance(found[0], sqlglot.exp.Select) and not found[0].expressions:
        raise ValueError("it selects nothing")
    if len(found) != 1:
        raise ValueError(f"{len(found)} statements found, expected exactly one")
    return found[0]


def _plain(error: Exception) -> str:
    """The error's first line, without the codes that underline on a terminal."""
    return re.sub(r"\x1b\[\d*m", "", str(error).splitlines()[0])


def _kind(statement: Any) -> str:
    """What the statement is; a query is a `select` only when nothing in it changes anything."""
    from sqlglot import exp

    if not isinstance(statement, exp.Query):
        return str(statement.key)
    changing = tuple(getattr(exp, name) for name in _CHANGES if hasattr(exp, name))
    changed = next(statement.find_all(*changing), None)
    return "select" if changed is None else str(changed.key)


@lru_cache(maxsize=256)
def _canonical(text: str, dialect: str | None) -> str:
    """The statement with everything written in one way that may be written in several. Raises `ValueError`."""
    from sqlglot import exp

    tree = _parse(text, dialect)
    tables = list(tree.find_all(exp.Table))
    if len(tables) == 1:
        own = {tables[0].name.casefold(), tables[0].alias.casefold()}
        tables[0].set("alias", None)
        for column in tree.find_all(exp.Column):
            if column.table.casefold() in own and not column.db:
                column.set("table", None)
    for identifier in tree.find_all(exp.Identifier):
        identifier.replace(exp.to_identifier(identifier.name.casefold(), quoted=False))
    for alias in list(tree.find_all(exp.Alias)):
        if isinstance(alias.this, exp.Column) and not alias.this.table and alias.this.name == alias.alias:
            alias.replace(alias.this)
    for ordered in tree.find_all(exp.Ordered):
        ordered.set("desc", bool(ordered.args.get("desc")))
    for where in tree.find_all(exp.Where):
        conditions = sorted(set(_conditions(where.this)))
        where.set("this", exp.column(" and ".join(conditions)))
    return str(tree.sql(comments=False))


def _conditions(condition: Any) -> Iterator[str]:
    """The conditions that AND joins, each as text, without brackets around them."""
    from sqlglot import exp

    if isinstance(condition, exp.Paren):
        yield from _conditions(condition.this)
    elif isinstance(condition, exp.And):
        for side in (condition.left, condition.right):
            yield from _conditions(side)
    else:
        yield f"({condition.sql(comments=False)})"


def _others(noun: str, names: Iterator[str], allowed: tuple[str, ...]) -> Iterator[str]:
    known = {name.casefold() for name in allowed}
    for name in names:
        if name.casefold() not in known:
            yield f"names the {noun} {name!r}, which is not among {', '.join(allowed) or 'nothing'}"


class _Scopes:
    """Where every name of a statement is looked up."""

    def __init__(self, statement: Any) -> None:
        from sqlglot import exp
        from sqlglot.optimizer.scope import traverse_scope

        self.exp: Any = exp
        self.statement = statement
        self.scopes = list(traverse_scope(statement)) if isinstance(statement, exp.Query) else []
        self.by_query = {id(scope.expression): scope for scope in self.scopes}

    def tables(self) -> Iterator[str]:
        """Tables as written, with schema, those left out that a WITH of the statement defines."""
        sources = (source for scope in self.scopes for source in scope.sources.values())
        real = {id(source) for source in sources if isinstance(source, self.exp.Table)}
        defined = {cte.alias for cte in self.statement.find_all(self.exp.CTE)} if self.scopes else set()
        for table in self.statement.find_all(self.exp.Table):
            name = ".".join(part.name for part in table.parts)
            if id(table) in real or table.db or name not in defined:
                yield name or str(table)

    def columns(self) -> Iterator[str]:
        """Columns as written, without the table, those left out that the statement itself names."""
        for star in self.statement.find_all(self.exp.Star):
            if not isinstance(star.parent, self.exp.Count):
                yield "*"
        for schema in self.statement.find_all(self.exp.Schema, self.exp.Join):
            named = schema.expressions if isinstance(schema, self.exp.Schema) else schema.args.get("using") or ()
            yield from (each.name for each in named if not isinstance(each, self.exp.Column))
        for column in self.statement.find_all(self.exp.Column):
            if not isinstance(column.this, self.exp.Star) and not self._is_own(column):
                yield column.name

    def _is_own(self, column: Any) -> bool:
        """Whether the statement itself gives the name: a result of a query inside, or one that it sorts by."""
        scope = self._scope(column)
        if scope is None or column.db:
            return False
        if column.table:
            return self._gives(self._source(scope, column.table), column.name)
        if self._sorts_by_result(column, scope.expression):
            return True
        # A table beside a query inside that had such a column too would make the name ambiguous, which SQL refuses.
        return any(self._gives(source, column.name) for _, source in scope.selected_sources.values())

    def _scope(self, node: Any) -> Any:
        while node is not None and id(node) not in self.by_query:
            node = node.parent
        return None if node is None else self.by_query[id(node)]

    def _source(self, scope: Any, name: str) -> Any:
        while scope is not None and name not in scope.sources:
            scope = scope.parent
        return None if scope is None else scope.sources[name]

    def _gives(self, source: Any, name: str) -> bool:
        return name in getattr(getattr(source, "expression", None), "named_selects", ())

    def _sorts_by_result(self, column: Any, query: Any) -> bool:
        clause = column.find_ancestor(self.exp.Order, self.exp.Group, self.exp.Having, self.exp.Select)
        if clause is None or isinstance(clause, self.exp.Select) or clause.parent is not query:
            return False
        return any(isinstance(each, self.exp.Alias) and each.alias == column.name for each in query.selects)
