"""`stepflow cache`: look into the store, and take things out of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from stepflow.cli.locate import pipeline_path
from stepflow.cli.render import plural, short
from stepflow.errors import UsageError

if TYPE_CHECKING:
    from stepflow.archive import Archive
    from stepflow.model import Record


@click.group(short_help="Look into the store; delete, prune, check, export, import.")
@click.option("-p", "--pipeline", metavar="FILE", help="The pipeline whose store is meant.")
@click.pass_context
def command(context: click.Context, pipeline: str | None) -> None:
    """Look into a pipeline's store: figures, records, self-audit; delete and prune; export and import."""
    context.obj = pipeline


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_obj
def stats(pipeline: str | None, as_json: bool) -> None:
    """Show how much is stored, by rule and by who wrote it."""
    with _archive(pipeline) as archive:
        figures = dict(archive.stats())
        records = list(archive.records())
    figures["by_rule"] = _count(record.rule for record in records)
    figures["by_origin"] = _count(record.origin for record in records)
    if as_json:
        click.echo(json.dumps(figures, ensure_ascii=False))
        return
    for name, value in figures.items():
        click.echo(f"{name.replace('_', ' '):<12} {_figure(name, value)}")


@command.command()
@click.argument("record_id", metavar="[ID]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def show(pipeline: str | None, record_id: str | None, as_json: bool) -> None:
    """Show one record (ID may be cut short), or list all, newest first."""
    with _archive(pipeline) as archive:
        if record_id is None:
            for record in sorted(archive.records(), key=lambda each: each.created_at, reverse=True):
                click.echo(json.dumps(_plain(record), ensure_ascii=False) if as_json else _line(record))
            return
        record = archive.get(record_id)
    click.echo(json.dumps(_plain(record), ensure_ascii=False, indent=1) if as_json else _page(record))


@command.command()
@click.argument("record_ids", metavar="[ID]...", nargs=-1)
@click.option("--rule", metavar="ID", help="Delete the records of this rule.")
@click.option("--tenant", metavar="NAME", help="Delete the records of this tenant ('' are those of none).")
@click.option("--tag", metavar="TAG", help="Delete the records that have this tag.")
@click.pass_obj
def delete(
    pipeline: str | None, record_ids: tuple[str, ...], rule: str | None, tenant: str | None, tag: str | None
) -> None:
    """Delete records: those named, or all of a rule, tenant and tag, as far as given. They are never served again."""
    chosen = {rule, tenant, tag} != {None}
    if chosen == bool(record_ids):
        raise UsageError("say which records to delete: by their ids, or by --rule, --tenant and --tag")
    with _archive(pipeline) as archive:
        if chosen:
            gone = sum(archive.delete(record.id) for record in archive.records(rule, tenant, tag))
            click.echo(f"{plural(gone, 'record')} deleted")
            return
        for record_id in dict.fromkeys(archive.get(each).id for each in record_ids):
            archive.delete(record_id)
            click.echo(f"deleted {record_id}")


@command.command()
@click.option("--all", "everything", is_flag=True, help="Delete every record.")
@click.pass_obj
def prune(pipeline: str | None, everything: bool) -> None:
    """Remove what has expired and compact the log."""
    with _archive(pipeline) as archive:
        if everything:
            records = [record.id for record in archive.records()]
            click.echo(f"{plural(sum(map(archive.delete, records)), 'record')} deleted")
        click.echo(f"{plural(archive.prune(), 'expired row')} removed")


@command.command()
@click.argument("output", metavar="[OUT.jsonl]", type=click.Path(dir_okay=False, allow_dash=True), default="-")
@click.option("--rule", metavar="ID", help="Only the records of this rule.")
@click.option("--tenant", metavar="NAME", help="Only the records of this tenant ('' are those of none).")
@click.option("--tag", metavar="TAG", help="Only the records that have this tag.")
@click.pass_obj
def export(pipeline: str | None, output: str, rule: str | None, tenant: str | None, tag: str | None) -> None:
    """Write the records to a file or stdout, one a line, each with its checksum."""
    from stepflow.records import encode_record

    if not Path(output).parent.is_dir():
        raise UsageError(f"{output} cannot be written: there is no folder {Path(output).parent}")
    count = 0
    with _archive(pipeline) as archive, click.open_file(output, "w", encoding="ascii", atomic=output != "-") as file:
        for record in archive.records(rule, tenant, tag):
            click.echo(encode_record(record), file=file)
            count += 1
    click.echo(f"{plural(count, 'record')} exported", err=True)


@command.command("import")
@click.argument("source", metavar="IN.jsonl", type=click.File("r", encoding="utf-8", errors="replace"))
@click.pass_obj
def import_records(pipeline: str | None, source: IO[str]) -> int:
    """Add the records of an exported file ('-' is stdin); those that are there already stay as they are.

    What comes from a file is verified before it is served, also for the very prompt that it answers. Lines that cannot
    be read are told and left out; the exit code is 1 then.
    """
    from stepflow.records import UnreadableRecord, decode_record

    taken = known = refused = 0
    with _archive(pipeline, create=True) as archive:
        for number, line in enumerate(source, start=1):
            if not line.strip():
                continue
            try:
                record = decode_record(line.rstrip("\r\n"))
            except UnreadableRecord as error:
                click.echo(f"{source.name}:{number}: {error}")
                refused += 1
                continue
            if archive.adopt(record):
                taken += 1
            else:
                known += 1
    click.echo(f"{plural(taken, 'record')} imported, {known} known already, {refused} refused", err=True)
    return 1 if refused else 0


@command.command()
@click.pass_obj
def check(pipeline: str | None) -> int:
    """Audit the store: every finding on a line; exit code 1 when there is any."""
    with _archive(pipeline) as archive:
        findings = list(archive.check())
    for finding in findings:
        click.echo(finding)
    click.secho(plural(len(findings), "finding") if findings else "sound", fg="red" if findings else "green", err=True)
    return 1 if findings else 0


@contextmanager
def _archive(pipeline: str | None, *, create: bool = False) -> Iterator[Archive]:
    from stepflow.engine import open_archive, store_of

    spec = store_of(pipeline_path(pipeline))
    if spec.type == "memory":
        raise UsageError("this pipeline keeps its records in memory: nothing of them outlives a run")
    if not create and spec.type == "diskcache" and not Path(spec.path).expanduser().is_dir():
        click.echo(f"nothing is stored yet: there is no folder {spec.path}", err=True)
        spec = spec.model_copy(update={"type": "memory"})  # an empty one, so that asking creates no folder
    archive = open_archive(spec)
    try:
        yield archive
    finally:
        archive.close()


def _figure(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in value.items()) or "none"
    if value in (None, ""):
        return "none"
    return _size(value) if name in ("bytes", "size_limit") else str(value)


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.4g} {unit}"


def _count(names: Iterator[str]) -> dict[str, int]:
    from collections import Counter

    return dict(Counter(names).most_common())


def _plain(record: Record) -> dict[str, Any]:
    from stepflow.values import encode_plain

    return {
        "id": record.id,
        "rule": record.rule,
        "prompt": record.prompt,
        "constraints": encode_plain(record.constraints),
        "let": encode_plain(record.let),
        "origin": record.origin,
        "model": record.model,
        "tags": list(record.tags),
        "created_at": record.created_at,
        "steps": [
            {"text": step.text, "fields": encode_plain(step.fields), "origin": step.origin} for step in record.steps
        ],
        "answer": record.answer,
    }


def _line(record: Record) -> str:
    head = f"{record.id}  {record.rule:<20} {record.origin:<9} "
    return head + short(record.prompt, len(head))


def _page(record: Record) -> str:
    from stepflow.values import show as shown

    made = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created_at))
    lines = [
        f"record    {record.id}",
        f"rule      {record.rule}",
        f"prompt    {record.prompt}",
        f"written   {made} by {record.origin}" + (f" ({record.model})" if record.model else ""),
        *[f"tag       {tag}" for tag in record.tags],
    ]
    lines += [f"fixes     {name} = {shown(value)}" for name, value in record.constraints.items()]
    lines += [f"let       {name} = {shown(value)}" for name, value in record.let.items()]
    for step in record.steps:
        lines.append(f"step {step.index:<4} {step.text}")
        lines += [f"          {name}: {shown(value)}" for name, value in step.fields.items()]
    return "\n".join(lines)
