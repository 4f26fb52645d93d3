"""`python_syntax`: the text must be Python code, and use what it is told to. It is read by its syntax tree, never run.

The code is the whole text, or the content of the only fenced block; other text around that block fails unless `prose`.

Options: `defines(_from)`, functions or classes that stand at the top level; `only_defines`, whether nothing else is
defined there; `parameters(_from)`, the names of the parameters, in order, of the one function that `defines` names;
`plain`, whether that function is neither asynchronous nor a generator; `returns`, whether it returns a value where
that can be reached; `reads_parameters`, whether it reads every one of them;
`calls_only(_from)`, the only functions that may be called beside those which the code defines ('len', 'math.sqrt', with
a dot before it a method of whatever value: '.append'); `never_calls(_from)`; `imports_only(_from)`, the only modules
that may be imported; `no_imports`; `names_known`, whether every name that is read must be bound there: a parameter,
assigned, imported, or built in; `prose`.

    verify:
      - {type: python_syntax, defines_from: function, parameters_from: parameters, no_imports: true}
      - {type: python_syntax, calls_only: [sum, len, .append]}

A builtin function that is handed on counts as called, and so does all that is used of an imported module. A name that
the code rebinds is not the function it was. With `imports_only`, a function imported by name from one of those modules
may be called by that name.

Fails naming the first thing wrong. It says what the code is made of, not what it does, and is no sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext, NameRef
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import Wanted, wanted
from stepflow.texts import markdown, python

NAME = "python_syntax"
_LANGUAGES = ("python", "py", "python3")
_IMPORTERS = ("__import__", "importlib", "exec", "eval", "builtins")
_LISTS = ("defines", "parameters", "calls_only", "never_calls", "imports_only")


class Options(stepflow.options.Options):
    """What the code must be made of."""

    defines: list[str] | None = Field(None, min_length=1, description="Functions or classes at the top level.")
    defines_from: NameRef | None = Field(None, description="Name of the value that lists them.")
    only_defines: bool = Field(False, description="Whether nothing else is defined at the top level.")
    parameters: list[str] | None = Field(None, description="The parameters of the function, in order.")
    parameters_from: NameRef | None = Field(None, description="Name of the value that lists them.")
    plain: bool = Field(False, description="Whether the function is neither asynchronous nor a generator.")
    returns: bool = Field(False, description="Whether the function returns a value.")
    reads_parameters: bool = Field(False, description="Whether the function reads all its parameters.")
    calls_only: list[str] | None = Field(None, description="The only functions that may be called.")
    calls_only_from: NameRef | None = Field(None, description="Name of the value that lists them.")
    never_calls: list[str] | None = Field(None, description="Functions that must not be called.")
    never_calls_from: NameRef | None = Field(None, description="Name of the value that lists them.")
    imports_only: list[str] | None = Field(None, description="The only modules that may be imported.")
    imports_only_from: NameRef | None = Field(None, description="Name of the value that lists them.")
    no_imports: bool = Field(False, description="Whether nothing may be imported.")
    names_known: bool = Field(False, description="Whether every name that is read must be bound or built in.")
    prose: bool = Field(False, description="Whether text may stand around the fenced block.")

    @model_validator(mode="after")
    def _consistent(self) -> Options:
        for name in _LISTS:
            if getattr(self, name) is not None and getattr(self, f"{name}_from") is not None:
                raise ValueError(f"give either `{name}` or `{name}_from`, not both")
        named = self.defines is not None or self.defines_from is not None
        asked = self.only_defines or self.plain or self.returns or self.reads_parameters
        if (self.parameters is not None or self.parameters_from is not None or asked) and not named:
            raise ValueError("`parameters`, `only_defines`, `plain`, `returns` and `reads_parameters` need `defines`")
        return self


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of Python code."""
    lists = (wanted(getattr(options, name), getattr(options, f"{name}_from")) for name in _LISTS)
    return _PythonSyntax(options, *lists)


@dataclass(frozen=True, slots=True)
class _PythonSyntax:
    options: Options
    defines: Wanted | None
    parameters: Wanted | None
    calls_only: Wanted | None
    never_calls: Wanted | None
    imports_only: Wanted | None

    def verify(self, view: View) -> str | None:
        """None when the text is such code."""
        try:
            fenced = markdown.only_fence(view.text, _LANGUAGES, prose=self.options.prose)
            code = python.parse(view.text.strip() if fenced is None else fenced)
        except ValueError as error:
            return f"is not Python: {error}"
        if code.says_nothing:
            return "is no code that does anything"
        return next(self._wrong(code, view), None)

    def _wrong(self, code: python.Code, view: View) -> Iterator[str]:
        yield from self._wrong_definitions(code, view)
        yield from self._wrong_imports(code, view)
        yield from self._wrong_calls(code, view)
        if self.options.names_known and code.imports_everything:
            yield "imports * from a module, so that no name is certain"
        if self.options.names_known and code.unbound:
            yield f"reads {code.unbound[0]!r}, to which nothing gives a value"

    def _wrong_definitions(self, code: python.Code, view: View) -> Iterator[str]:
        if self.defines is None:
            return
        names = self.defines.texts(view)
        for name in names:
            if code.definitions.count(name) != 1 or name in code.rebound:
                yield f"does not define {name!r} exactly once at the top level"
        surplus = [name for name in code.definitions if name not in names]
        if self.options.only_defines and surplus:
            yield f"defines {surplus[0]!r}, which is not asked for"
        asked = self.options.plain or self.options.returns or self.options.reads_parameters
        if self.parameters is not None or asked:
            if len(names) != 1:
                raise ValueError("`parameters`, `plain` and the like need one function under `defines`")
            yield from self._wrong_function(names[0], code.function(names[0]), view)

    def _wrong_function(self, name: str, function: python.Function, view: View) -> Iterator[str]:
        found, expected = python.parameters(function), None if self.parameters is None else self.parameters.texts(view)
        if expected is not None and found != expected:
            yield f"{name} takes ({', '.join(found)}), expected ({', '.join(expected)})"
        if self.options.plain and not python.is_plain(function):
            yield f"{name} is asynchronous or a generator"
        if self.options.returns and not python.returns_value(function):
            yield f"{name} returns nothing"
        unread = python.unread_parameters(function)
        if self.options.reads_parameters and unread:
            yield f"{name} never reads {unread[0]!r}"

    def _wrong_imports(self, code: python.Code, view: View) -> Iterator[str]:
        if self.options.no_imports and code.imports:
            yield f"imports {code.imports[0]!r}"
        if self.options.no_imports or self.imports_only is not None:
            hidden = next((call.name for call in code.calls if call.name.startswith(_IMPORTERS)), None)
            if hidden is not None:
                yield f"calls {hidden!r}, which may import anything"
        if self.imports_only is not None:
            allowed = self.imports_only.texts(view)
            for module in code.imports:
                if module not in allowed and module.partition(".")[0] not in allowed:
                    yield f"imports {module!r}, which is not among {', '.join(allowed) or 'nothing'}"

    def _wrong_calls(self, code: python.Code, view: View) -> Iterator[str]:
        if self.calls_only is None and self.never_calls is None:
            return
        if code.imports_everything:
            yield "imports * from a module, so that no name is certain"
        never = () if self.never_calls is None else self.never_calls.texts(view)
        for call in code.calls:
            last = call.name.rpartition(".")[2]
            if call.name in never or last in never or f".{last}" in never:
                yield f"calls {call.name!r}"
        if self.calls_only is not None:
            allowed = self.calls_only.texts(view)
            for call in code.calls:
                if not call.own and not self._may_call(call.name, allowed, code):
                    yield f"calls {call.name!r}, which is not among {', '.join(allowed) or 'nothing'}"

    def _may_call(self, name: str, allowed: tuple[str, ...], code: python.Code) -> bool:
        root, dot, _ = name.partition(".")
        if root in code.rebound and not dot:
            return False
        if name in allowed and (root not in code.rebound or name.startswith(".")):
            return True
        if self.imports_only is not None and code.from_imports.get(name) in allowed:
            return code.from_imports[name] not in code.rebound
        return bool(dot) and f".{name.rpartition('.')[2]}" in allowed
