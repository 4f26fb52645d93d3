"""Entry point: finds the command, and is the only place where an error becomes an exit code.

0 fine · 1 findings, failed tests, an unverified answer · 2 usage, invalid files, nothing found · 3 backend failure
70 a bug in stepflow · 130 interrupted
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from typing import Any, NoReturn

import click

from stepflow.errors import ConfigError, StepflowError
from stepflow.version import VERSION

COMMANDS = (
    "init", "new", "run", "lint", "test", "render", "trace", "list", "describe", "schema", "cache", "serve", "bench",
    "replay", "demo",
)  # fmt: skip
COLLECT_AFTER = 500_000


class LazyGroup(click.Group):
    """Commands live in modules that are imported only when they run: start-up stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of a day's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command's object; None when there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"stepflow.cli.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command named first; a near miss gets a suggestion."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean '{near[0]}'?" if near else f" Commands: {', '.join(COMMANDS)}."
            raise click.UsageError(f"There is no command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="stepflow")
def cli() -> None:
    """Verified, step-level reuse of language-model answers, declared in YAML.

    Start with `stepflow run "Solve 2x + 3 = 11 for x."`, then `stepflow trace` to see why it answered as it did.
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    # Reading and compiling makes many objects that stay, and hardly a cycle: Python would look for some at every 700th,
    # which takes a tenth of a second of `stepflow test` even at every 200,000th, and frees nothing.
    gc.set_threshold(COLLECT_AFTER)
    code = run(arguments)
    gc.freeze()  # or Python looks through all of them once more as it ends: a sixth of `stepflow lint`
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a character shows its number, not a traceback
            stream.reconfigure(errors="backslashreplace")
    try:
        result: Any = cli.main(arguments, prog_name="stepflow", standalone_mode=False)
    except BrokenPipeError:
        # The reader of our output has gone; Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return failed(error)
    except KeyboardInterrupt:
        return failed(click.Abort())
    return result if isinstance(result, int) else 0


def failed(error: Exception) -> int:
    """Say on stderr what went wrong; the exit code for it."""
    if isinstance(error, click.ClickException):
        error.show()
        if isinstance(error, click.NoSuchOption) and (hint := _where_it_belongs(error)):
            click.echo(hint, err=True)
        return 2
    if isinstance(error, click.Abort):
        click.echo("stepflow: interrupted", err=True)
        return 130
    if isinstance(error, ConfigError):
        from stepflow.cli.render import show_diagnostics

        show_diagnostics(error.diagnostics)
        return 2
    if isinstance(error, StepflowError):
        click.echo(f"stepflow: {error}", err=True)
        return error.exit_code
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"stepflow: {place}{error.strerror.lower()}", err=True)
        return 2
    import traceback

    click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    click.echo("stepflow: this is a bug in stepflow; please report it with the lines above", err=True)
    return 70


def _where_it_belongs(error: click.NoSuchOption) -> str:
    """Where else on the command line what was taken for an option may stand; nothing when nowhere."""
    name, context = error.option_name, error.ctx
    if name[1:2].isdigit():
        return "A prompt that begins with '-' stands behind '--': stepflow run -- '-3x = 6'"
    group = context.parent if context else None
    if context and group and any(name in option.opts for option in group.command.params):
        return f"It belongs to the command before: {group.command_path} {name} … {context.info_name}"
    return ""
