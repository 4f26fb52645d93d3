"""`stepflow trace`: the story of a run."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import click

from stepflow import traces
from stepflow.cli.locate import pipeline_path
from stepflow.cli.render import coloured, plural, short


@click.command(short_help="Tell why a run answered as it did.")
@click.argument("trace_id", metavar="[ID]", required=False)
@click.option("-p", "--pipeline", metavar="FILE", help="The pipeline whose traces are read.")
@click.option("--list", "as_list", is_flag=True, help="List the traces, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print the trace as JSON; with --list, one a line.")
def command(trace_id: str | None, pipeline: str | None, as_list: bool, as_json: bool) -> int:
    """Tell why a run answered as it did (default: the newest one; ID may be cut short).

    Shows the rule, the constraints, each candidate, the gate, every verdict with the line of YAML behind it, every
    model call, and what was stored.
    """
    folder = trace_folder(pipeline)
    if as_list:
        _list(folder, as_json)
        return 0
    trace = traces.read(folder, trace_id)
    click.echo(json.dumps(trace, ensure_ascii=False, indent=1) if as_json else tell(trace))
    return 0


def _list(folder: str, as_json: bool) -> None:
    found = traces.listing(folder)
    if not found:
        click.echo(f"there are no traces in {folder}; `stepflow run` writes one", err=True)
    for trace in found:
        if as_json:
            click.echo(json.dumps({key: value for key, value in trace.items() if key != "journal"}, ensure_ascii=False))
        else:
            head = f"{trace['id']}  {coloured(trace.get('outcome', 'error'), 11)}"
            click.echo(f"{head}  {short(trace['prompt'], 32)}")


def trace_folder(pipeline: str | None) -> str:
    """Where a pipeline writes its traces."""
    from stepflow.config.sources import PipelineFile

    data = PipelineFile(pipeline_path(pipeline)).data
    settings = data.get("trace") if isinstance(data, dict) else None
    return str(settings.get("dir", ".stepflow/traces")) if isinstance(settings, dict) else ".stepflow/traces"


def tell(trace: dict[str, Any]) -> str:
    """A trace as text for people."""
    lines = [f"trace {trace['id']}", f"prompt    {short(trace['prompt'], 0, 300)}"]
    if "error" in trace:
        lines.append(f"error     {click.style(trace['error'], fg='red')}")
    else:
        lines += _account(trace)
    lines.append("")
    for event in trace["journal"]:
        lines += _event(event)
    if "answer" in trace:
        lines += ["", "answer", textwrap.indent(trace["answer"].rstrip("\n"), "  ")]
    return "\n".join(lines)


def _account(trace: dict[str, Any]) -> list[str]:
    said = f"{coloured(trace['outcome'])} · {coloured(trace['final'])} · written by {trace['origin']}"
    cost = (
        f"steps {trace['kept']} kept, {trace['patched']} patched · {plural(trace['calls'], 'call')} · "
        f"{trace['prompt_tokens']} + {trace['completion_tokens']} tokens · {trace['milliseconds']:.0f} ms"
    )
    lines = [f"outcome   {said}", f"cost      {cost}"]
    if trace.get("skip_reason"):
        lines.insert(1, f"skipped   {trace['skip_reason']}")
    if trace.get("record"):
        lines.append(f"record    {trace['record']}   (stepflow cache show {trace['record']})")
    return lines


def _event(event: dict[str, Any]) -> list[str]:
    data = event.get("data", {})
    message = event["message"]
    if data.get("passed") is False:
        message = click.style(message, fg="red")
    elif data.get("passed") is True:
        message = click.style(message, fg="green")
    where = f"   [{data['where']}]" if data.get("where") else ""
    lines = [f"{event['stage']:<10}{message}{where}"]
    for key in ("constraints", "let"):
        lines += [f"{'':<10}  {key}: {name} = {_value(value)}" for name, value in (data.get(key) or {}).items()]
    if "rest" in data:
        lines.append(f"{'':<10}  left over: {short(data['rest'], 24)}")
    if "prompt" in data:
        lines.append(f"{'':<10}  its prompt: {short(data['prompt'], 24)}")
    if "sent" in data and event["stage"] != "generate":
        lines.append(textwrap.indent(f"sent: {data['sent'][-1]['content'].rstrip()}", " " * 12))
    if "reply" in data:
        lines.append(textwrap.indent(f"reply: {data['reply'].rstrip()}", " " * 12))
    return lines


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
