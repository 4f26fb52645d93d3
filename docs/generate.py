"""Write docs/reference and docs/schemas from the source: `make docs`. A test fails when they are stale."""

from __future__ import annotations

import contextlib
import copy
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click

from stepflow.catalog import registry
from stepflow.cli.main import COMMANDS, cli
from stepflow.compiler.pipelines import check_file, check_rule_file
from stepflow.reference import markdown, schemas
from stepflow.source import render
from stepflow.version import VERSION

DOCS = Path(__file__).resolve().parent
WIDTH = 96
EXIT_CODES = """\
Exit codes: 0 fine; 1 findings, failed tests, or an unverified answer; 2 usage, invalid files, nothing found; 3 the
model could not be asked. Answers and machine output go to stdout, everything else to stderr."""
INVISIBLE = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
BROKEN = DOCS / "examples" / "broken"
RULES = DOCS.parent / "rules"
SHIPPED = """\
Models to copy: every line that a newcomer would ask about says what it is for, and every rule has its tests in it.
`pipelines/default.yaml` loads those of `rules/`; a rule in `rules/extra/` needs a further library, and says which."""


def pages() -> dict[Path, str]:
    """Every generated file: where it belongs, and its text."""
    known = registry()
    reference = {
        **markdown.pages(known),
        **markdown.diagnostics_pages(examples()),
        "cli.md": cli_page(),
        "shipped-rules.md": rules_page(),
    }
    made = {DOCS / "reference" / name: text for name, text in reference.items()}
    for kind in get_args(schemas.FileKind):
        made[DOCS / "schemas" / f"{kind}.v1.json"] = schemas.text(kind, known)
    return made


def examples() -> dict[str, tuple[str, str]]:
    """For each code with an example: the broken file, and what `stepflow lint` says of it."""
    found = {}
    with contextlib.chdir(BROKEN):
        for path in sorted(Path().glob("*.yaml")):
            said = "\n".join(render(problem) for problem in check_file(str(path), registry(), VERSION))
            found[path.stem] = path.read_text(encoding="utf-8").translate(INVISIBLE), said.translate(INVISIBLE)
    return found


def rules_page() -> str:
    """The page of the rules that ship: what each is for, and the first prompt that its own tests show it to claim."""
    lines = ["| rule | what it does | a prompt of its |", "| --- | --- | --- |"]
    for path in sorted(RULES.rglob("*.yaml")):
        rule, _ = check_rule_file(str(path), registry(), VERSION)
        assert rule is not None, path
        prompt = next(
            " ".join(test.spec.prompt.split()) for test in rule.tests if test.spec.expect.matched is not False
        )
        name = path.relative_to(RULES).as_posix()
        lines.append(f"| [`{name}`](../../rules/{name}) | {rule.title} | {prompt.replace('|', chr(92) + '|')} |")
    return "\n\n".join([markdown.MADE, "# Shipped rules", SHIPPED, "\n".join(lines)]) + "\n"


def cli_page() -> str:
    """The page of the command line, from the commands' own help."""
    blocks = [markdown.MADE, "# The command line", EXIT_CODES]
    root = click.Context(cli, info_name="stepflow", terminal_width=WIDTH, max_content_width=WIDTH)
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        for context in contexts(name, command, root):
            heading = "#" * len(context.command_path.split())
            blocks.append(f"{heading} {context.command_path}\n\n```text\n{context.command.get_help(context)}\n```")
    return "\n\n".join(blocks) + "\n"


def contexts(name: str, command: click.Command, parent: click.Context) -> Iterator[click.Context]:
    """The context of a command, and those of its sub-commands."""
    command = copy.copy(command)
    command._help_option = None  # click keeps it from the first call, which may have been of the command alone: no `-h`
    context = click.Context(command, parent, info_name=name, help_option_names=["-h", "--help"])
    yield context
    if isinstance(command, click.Group):
        for inner, each in command.commands.items():
            yield from contexts(inner, each, context)


def main() -> int:
    """Write what has changed, and remove generated pages that are no longer made; says what it did."""
    made = pages()
    for path, text in made.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {os.path.relpath(path)}")
    written = {path for folder in ("reference", "schemas") for path in (DOCS / folder).rglob("*") if path.is_file()}
    for path in written - set(made):
        path.unlink()
        print(f"removed {os.path.relpath(path)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
