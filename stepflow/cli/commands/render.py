"""`stepflow render`: a rule as it is, and what would be sent to the model for a prompt. Asks no model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stepflow.config.document import Document
    from stepflow.model import Request
    from stepflow.plan import Plan, Rule


@click.command()
@click.argument("rule", metavar="RULE")
@click.option("-p", "--pipeline", metavar="FILE", help="The pipeline that holds the rule.")
@click.option("--prompt", metavar="TEXT", help="Show what the rule makes of this prompt; `-` reads it from stdin.")
@click.option("--system", metavar="TEXT", help="A system prompt before it.")
@click.option("--request", metavar="FILE", help="A request in OpenAI's form, as JSON, in place of --prompt; or `-`.")
@click.option("--output", metavar="TEXT", help="And what follows when this is the model's answer; `-` reads stdin.")
def command(
    rule: str, pipeline: str | None, prompt: str | None, system: str | None, request: str | None, output: str | None
) -> int:
    """Show a rule with all that it inherits, each line with the place where it is written.

    RULE is a file, or the id of a rule of the pipeline. With --prompt or --request: what is read in it, and the exact
    messages that would be sent. With --output too: its steps, what is read in them, what the verifiers say, and the
    exact repair and patch messages. No model is called.
    """
    from stepflow.errors import UsageError
    from stepflow.rendering import merged_text, prompt_text

    if output is not None and prompt is None and request is None:
        raise UsageError("--output needs --prompt or --request: it is an answer to it")
    if request is not None and (prompt is not None or system is not None):
        raise UsageError(f"--request holds the messages: leave {'--prompt' if prompt is not None else '--system'} out")
    if (prompt or request) == "-" and output == "-":
        raise UsageError("only one of --prompt, --request and --output can be read from stdin")
    document, compiled, plan = _found(rule, pipeline)
    if prompt is None and request is None:
        click.echo(merged_text(document), nl=False)
        return 0
    asked = _asked(prompt, system, request)
    click.echo(prompt_text(plan, compiled, asked, None if output is None else _read(output)), nl=False)
    return 0


def _asked(prompt: str | None, system: str | None, source: str | None) -> Request:
    from stepflow.cli.request_input import read_request
    from stepflow.model import Message, Request

    if source is not None:
        return read_request(source)
    user = Message("user", _read(prompt or ""))
    return Request((user,) if system is None else (Message("system", system), user))


def _read(text: str) -> str:
    return sys.stdin.read().rstrip("\r\n") if text == "-" else text


def _found(name: str, pipeline: str | None) -> tuple[Document, Rule, Plan]:
    """The rule's whole document, the rule, and the plan that it would run in. Raises `UsageError`, `ConfigError`."""
    from stepflow.catalog import registry
    from stepflow.cli.locate import pipeline_path
    from stepflow.compiler.pipelines import compile_pipeline, compile_rule_file
    from stepflow.config.suggest import did_you_mean
    from stepflow.errors import UsageError
    from stepflow.plan import Plan
    from stepflow.version import VERSION

    if name.endswith((".yaml", ".yml")) or Path(name).is_file():
        rule, document = compile_rule_file(name, registry(), VERSION)
        return document, rule, Plan(f"only {rule.id}", name, (rule,), {}, rule.verifying)
    path = pipeline_path(pipeline)
    compiled = compile_pipeline(path, registry(), VERSION)
    for rule, document in zip(compiled.plan.rules, compiled.documents, strict=True):
        if rule.id == name:
            return document, rule, compiled.plan
    here = Path("rules", f"{name}.yaml")
    if here.is_file():
        raise UsageError(f"there is no rule {name!r} in {path}; for the file of that name: stepflow render {here}")
    known = [rule.id for rule in compiled.plan.rules]
    hint = "".join(f"; {each}" for each in did_you_mean(name, known)) or f"; there are: {', '.join(known)}"
    raise UsageError(f"there is no rule {name!r} in {path}{hint}")
