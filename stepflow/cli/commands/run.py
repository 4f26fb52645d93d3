"""`stepflow run`: answer one prompt, or a file of them."""

from __future__ import annotations

import sys
from typing import Any

import click

from stepflow.cli.locate import pipeline_path
from stepflow.cli.render import account, grounds, outcome_json
from stepflow.errors import UsageError
from stepflow.model import Message, Outcome, Request


@click.command(short_help="Answer one prompt, or a file of them.")
@click.argument("prompt", required=False)
@click.option("-p", "--pipeline", metavar="FILE", help="The pipeline; default: pipelines/default.yaml.")
@click.option("--model", metavar="NAME", help="Another model than the pipeline's, e.g. openai/gpt-4o-mini.")
@click.option("--system", metavar="TEXT", help="A system prompt.")
@click.option(
    "--request", metavar="FILE", help="A request in OpenAI's form, as JSON, in place of PROMPT ('-' is stdin)."
)
@click.option("--rule", metavar="ID", help="Use this rule, whatever the prompt looks like.")
@click.option("--tenant", metavar="NAME", default="", help="Whose records are used; tenants never share any.")
@click.option("--no-model", is_flag=True, help="Fail instead of calling the model.")
@click.option("--shadow", is_flag=True, help="Serve the model's answer, store nothing; only say what would have come.")
@click.option("--json", "as_json", is_flag=True, help="Print answer and account as one JSON object.")
@click.option("--batch", metavar="IN.jsonl", type=click.Path(), help="Answer every line of a file ('-' is stdin).")
@click.option("-o", "--output", metavar="OUT.jsonl", type=click.Path(), help="Where the batch's answers go.")
@click.option("-j", "--jobs", metavar="N", type=click.IntRange(1, 64), default=1, help="Batch lines at the same time.")
def command(
    prompt: str | None,
    pipeline: str | None,
    model: str | None,
    system: str | None,
    request: str | None,
    rule: str | None,
    tenant: str,
    no_model: bool,
    shadow: bool,
    as_json: bool,
    batch: str | None,
    output: str | None,
    jobs: int,
) -> int:
    """Answer PROMPT ('-' reads stdin) through a pipeline.

    The answer alone goes to stdout, one line of account to stderr. Exit code 1 says that the answer is unverified,
    3 that the model could not be asked.
    """
    path = pipeline_path(pipeline)
    overrides: dict[str, Any] = {"backend": {"model": model}} if model else {}
    if shadow and no_model:
        raise UsageError("--shadow serves the model's answer, and --no-model forbids to ask for one: leave one out")
    if batch is None and output is not None:
        raise UsageError("-o says where the answers of --batch go; one answer goes to stdout")
    if batch is not None:
        if prompt is not None or request is not None:
            raise UsageError(f"give either {'a prompt' if request is None else '--request'} or --batch, not both")
        from stepflow.cli.batch import run_batch

        defaults = {"system": system, "rule": rule, "tenant": tenant}
        return run_batch(path, overrides, batch, output, jobs, defaults, allow_model=not no_model, shadow=shadow)
    asked = _request(prompt, system, request, tenant, rule)
    outcome = answer(path, overrides, asked, allow_model=not no_model, shadow=shadow)
    click.echo(outcome_json(outcome) if as_json else outcome.answer.rstrip("\n"))
    click.echo("\n".join([account(outcome), *grounds(outcome)]), err=True)
    return exit_code(outcome, rule)


def answer(
    path: str, overrides: dict[str, Any], request: Request, *, allow_model: bool, shadow: bool = False
) -> Outcome:
    """One outcome: by the quick look for an exact hit, else through the loaded pipeline."""
    from stepflow.quick import exact_hit

    hit = None if shadow else exact_hit(path, request, overrides)
    if hit is not None:
        return hit
    from stepflow.engine import load

    with load(path, overrides) as loaded:
        return loaded.run(request, shadow=shadow, allow_model=allow_model)


def exit_code(outcome: Outcome, forced: str | None = None) -> int:
    """1 when a rule owns the prompt, or was to own it, and no answer passed; else it is passed through as asked."""
    return 1 if outcome.final == "unverified" and (outcome.rule or forced) is not None else 0


def _request(prompt: str | None, system: str | None, source: str | None, tenant: str, rule: str | None) -> Request:
    if source is None:
        user = Message("user", _prompt(prompt))
        return Request((user,) if not system else (Message("system", system), user), {}, tenant, rule)
    if prompt is not None or system is not None:
        raise UsageError(f"--request holds the messages: leave {'PROMPT' if prompt is not None else '--system'} out")
    from stepflow.cli.request_input import read_request

    return read_request(source, tenant=tenant, rule=rule)


def _prompt(prompt: str | None) -> str:
    if prompt not in (None, "-"):
        text = prompt
    elif sys.stdin is None or (prompt is None and sys.stdin.isatty()):
        raise UsageError('give a prompt, e.g. stepflow run "Solve 2x + 3 = 11 for x.", or "-" to read it from stdin')
    else:
        try:
            text = sys.stdin.read().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise UsageError(f"what stdin holds is not UTF-8 text (byte {error.start + 1})") from None
    assert text is not None
    if not text.strip():
        raise UsageError("the prompt is empty")
    return text
