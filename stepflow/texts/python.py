"""Python code by its syntax tree and symbol tables. Nothing is ever executed, imported or compiled to run.

Calls are named as the code means them: with `import numpy as np`, `np.mean(x)` calls `numpy.mean`; what is called on a
value that is no plain name (`', '.join`, `f()()`) is `.join` and `()`. A builtin function or something imported that is
handed on without being called (`map(eval, texts)`) counts as called, for it will be.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import types
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_CHARS = 50_000

Function = ast.FunctionDef | ast.AsyncFunctionDef
_BUILTIN_FUNCTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, types.BuiltinFunctionType)
) | {"help", "exit", "quit"}
_BUILTINS = frozenset(vars(builtins))
_GIVEN = _BUILTINS | {"__file__", "__annotations__"}


@dataclass(frozen=True, slots=True)
class Call:
    """A name that is called or handed on. `own` says that it is a function or class which the code itself defines."""

    name: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """Parsed code: what it defines, imports, calls and names."""

    tree: ast.Module

    @property
    def says_nothing(self) -> bool:
        """Whether it is only names and literals, as a word or two of prose would be."""
        idle = (ast.Name, ast.Constant, ast.Tuple, ast.Load)
        return all(
            isinstance(node, ast.Expr) and all(isinstance(part, idle) for part in ast.walk(node.value))
            for node in self.tree.body
        )

    @property
    def definitions(self) -> tuple[str, ...]:
        """Functions and classes at the top level, in order."""
        return tuple(node.name for node in self.tree.body if isinstance(node, Function | ast.ClassDef))

    @property
    def imports(self) -> tuple[str, ...]:
        """Every module imported anywhere, each once; relative imports begin with a dot."""
        return tuple(dict.fromkeys(_imports(self.tree)))

    @property
    def imports_everything(self) -> bool:
        """Whether a `from … import *` stands in the code, so that no name is certain."""
        return any(
            alias.name == "*"
            for node in ast.walk(self.tree)
            for alias in getattr(node, "names", ())
            if isinstance(alias, ast.alias)
        )

    @property
    def calls(self) -> tuple[Call, ...]:
        """Everything called, used as a decorator, or handed on to be called; each once, in the tree's order."""
        return tuple(dict.fromkeys(_calls(self.tree)))

    @property
    def from_imports(self) -> Mapping[str, str]:
        """Full names of what is imported by `from … import` under its own name, to that name."""
        return {full: name for name, full in _aliases(self.tree).items() if full.endswith(f".{name}")}

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Every name that is read, bound or defined, attributes among them, each once, sorted."""
        return tuple(sorted(set(_identifiers(self.tree))))

    @property
    def rebound(self) -> frozenset[str]:
        """Names that the code itself gives a value other than by `def`, `class` or an import."""
        return frozenset(_rebound(self.tree))

    @property
    def unbound(self) -> tuple[str, ...]:
        """Names that are read and that nothing gives a value: no parameter, assignment, import or builtin. Sorted.

        Raises `ValueError` when Python could not tell what belongs to which scope: `nonlocal` at the top level.
        """
        try:
            top = symtable.symtable(ast.unparse(self.tree), "code", "exec")
        except (SyntaxError, RecursionError) as error:
            raise ValueError(f"the names of the code cannot be told apart: {error}") from None
        tables = list(_scopes(top))
        bound = {name for table in tables for name in _bound_globally(table)}
        read = {each.get_name() for table in tables for each in table.get_symbols() if _reads_global(each, table)}
        return tuple(sorted(read - bound - _GIVEN))

    def function(self, name: str) -> Function:
        """The only function of this name at the top level. Raises `ValueError`."""
        found = [node for node in self.tree.body if isinstance(node, Function) and node.name == name]
        if len(found) != 1:
            raise ValueError(f"{'no' if not found else 'more than one'} function {name!r} is defined")
        return found[0]


def parse(text: str) -> Code:
    """The code. Raises `ValueError` with line and column when it is not Python, or too long or too deep."""
    if len(text) > MAX_CHARS:
        raise ValueError(f"the code has {len(text)} characters, Python is read up to {MAX_CHARS}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Code(ast.parse(text))
    except SyntaxError as error:
        raise ValueError(f"{error.msg} (line {error.lineno}, column {error.offset})") from None
    except (RecursionError, MemoryError):
        raise ValueError("the code nests too deeply") from None


def parameters(function: Function) -> tuple[str, ...]:
    """Names of a function's parameters, in order, `*` and `**` before those that take several, `*` before keywords."""
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args)]
    names += [f"*{given.vararg.arg}"] if given.vararg else ["*"] if given.kwonlyargs else []
    names += [each.arg for each in given.kwonlyargs]
    return (*names, f"**{given.kwarg.arg}") if given.kwarg else tuple(names)


def is_plain(function: Function) -> bool:
    """Whether a call of the function runs it: it is neither asynchronous nor a generator."""
    return isinstance(function, ast.FunctionDef) and not any(
        isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function, reached=False)
    )


def returns_value(function: Function) -> bool:
    """Whether a `return` of the function's own that can be reached gives a value.

    None and `...` are none, nor is the function itself called again with the parameters that it was given.
    """
    returned = (node.value for node in _own(function) if isinstance(node, ast.Return))
    return any(value is not None and not _is_nothing(value, function) for value in returned)


def unread_parameters(function: Function) -> tuple[str, ...]:
    """The parameters that the function never reads, but for self, cls and those that begin with an underscore."""
    read = {
        node.id
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    names = (name.lstrip("*") for name in parameters(function))
    return tuple(name for name in names if name and name not in read | {"self", "cls"} and not name.startswith("_"))


def _is_nothing(value: ast.expr, function: Function) -> bool:
    if isinstance(value, ast.Constant):
        return value.value is None or value.value is ...
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name) or value.func.id != function.name:
        return False
    given = [each.id if isinstance(each, ast.Name) else None for each in value.args]
    return not value.keywords and tuple(given) == parameters(function)


def _reached(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block up to the first behind which nothing runs."""
    for statement in body:
        yield statement
        if _ends(statement):
            return


def _ends(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assert):
        return _holds(statement.test) is False
    if isinstance(statement, ast.While) and _holds(statement.test) is True:
        return not any(isinstance(node, ast.Break) for node in ast.walk(statement))
    return isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break)


def _holds(test: ast.expr) -> bool | None:
    """Whether a condition that is a literal holds; None of any other."""
    return bool(test.value) if isinstance(test, ast.Constant) else None


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that can be reached."""
    never = {True: "orelse", False: "body"}.get(_holds(node.test)) if isinstance(node, ast.If) else None  # type: ignore[arg-type]
    for name, value in ast.iter_fields(node):
        if name == never:
            continue
        if isinstance(value, list):
            statements = [each for each in value if isinstance(each, ast.stmt)]
            yield from _reached(statements) if statements else (each for each in value if isinstance(each, ast.AST))
        elif isinstance(value, ast.AST):
            yield value


def _own(function: Function, *, reached: bool = True) -> Iterator[ast.AST]:
    """What stands in a function's body (and can be reached), but not in the functions and classes within it."""
    waiting: list[ast.AST] = list(_reached(function.body) if reached else function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            waiting.extend(_parts(node) if reached else ast.iter_child_nodes(node))


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _bound_globally(table: symtable.SymbolTable) -> Iterator[str]:
    """What a scope binds for the whole module: at the top level, or where it declares a name `global`."""
    for symbol in table.get_symbols():
        binds = symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
        if binds and (table.get_type() == "module" or symbol.is_declared_global()):
            yield symbol.get_name()


def _reads_global(symbol: symtable.Symbol, table: symtable.SymbolTable) -> bool:
    return symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module")


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def _aliases(tree: ast.AST) -> Mapping[str, str]:
    """What a name stands for that an import binds, in full."""
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            bound.update({alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names})
    return bound


def _calls(tree: ast.Module) -> Iterator[Call]:
    """Each call with the functions and classes that are the code's own where it stands."""
    aliases, rebound = _aliases(tree), frozenset(_rebound(tree))
    methods = {
        node.name
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef)
        for node in each.body
        if isinstance(node, Function)
    }
    pending: list[tuple[ast.AST, frozenset[str]]] = [(tree, frozenset())]
    while pending:
        node, own = pending.pop()
        if isinstance(node, ast.Module | Function):
            own |= {each.name for each in node.body if isinstance(each, Function | ast.ClassDef)} - rebound - _BUILTINS
        for name in _called_here(node, aliases):
            root, _, rest = name.partition(".")
            yield Call(name, name in own or (root in ("self", "cls") and rest in methods))
        pending.extend((child, own) for child in reversed(_without_annotations(node)))


def _called_here(node: ast.AST, aliases: Mapping[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Call):
        yield _dotted(node.func, aliases)
    elif isinstance(node, Function | ast.ClassDef):
        yield from (_dotted(each, aliases) for each in node.decorator_list if not isinstance(each, ast.Call))
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if node.id in _BUILTIN_FUNCTIONS or "." in aliases.get(node.id, ""):
            yield aliases.get(node.id, node.id)
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        root = node.value
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id in aliases:
            yield _dotted(node, aliases)


def _without_annotations(node: ast.AST) -> list[ast.AST]:
    """The children whose code runs for its value: not the types of parameters, results and variables."""
    skipped = {id(getattr(node, name)) for name in ("annotation", "returns") if getattr(node, name, None) is not None}
    children = [child for child in ast.iter_child_nodes(node) if id(child) not in skipped]
    if isinstance(node, ast.Attribute):  # the chain a.b.c is one name, which was looked at as a whole
        while isinstance(children[0], ast.Attribute):
            children = [children[0].value]
    return children


def _dotted(node: ast.expr, aliases: Mapping[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    root = aliases.get(node.id, node.id) if isinstance(node, ast.Name) else ""
    return ".".join([root, *reversed(parts)]) if parts or root else "()"


def _identifiers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.split(".")[0]


def _rebound(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest
