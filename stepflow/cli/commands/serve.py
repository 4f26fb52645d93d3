"""`stepflow serve`: an endpoint that speaks OpenAI's protocol."""

from __future__ import annotations

from typing import Any

import click

from stepflow.cli.locate import pipeline_path
from stepflow.errors import UsageError


@click.command(short_help="Serve pipelines to OpenAI's clients, with a console.")
@click.option("-p", "--pipeline", "pipelines", metavar="FILE", multiple=True, help="May be given several times.")
@click.option("--model", metavar="NAME", help="Another model than the pipelines', e.g. openai/gpt-4o-mini.")
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--keys", metavar="FILE", type=click.Path(), help="API keys, hashed; also in $STEPFLOW_API_KEYS.")
@click.option("--new-key", metavar="TENANT", help="Make a key for a tenant, print it, and leave.")
@click.option("--open-to-all", is_flag=True, help="Serve other machines without any key.")
@click.option("--shared", metavar="TENANT", help="Whose records all tenants may read.")
@click.option("--any-model", is_flag=True, help="Take every `model` for the first pipeline's.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@click.option("--model-calls", type=click.IntRange(1), default=32, show_default=True, help="At a time.")
@click.option("--waiting", type=click.IntRange(0), default=256, show_default=True, help="Calls that may wait.")
@click.option("--tenant-calls", type=click.IntRange(1), default=64, show_default=True, help="Of each tenant.")
@click.option("--requests", type=click.IntRange(1), default=512, show_default=True, help="Open at a time.")
@click.option("--body-bytes", type=click.IntRange(1), default=1_048_576, show_default=True, help="Largest request.")
@click.option(
    "--hot-bytes", type=click.IntRange(0), default=33_554_432, show_default=True, help="For replies kept ready."
)
@click.option("--wall-time", type=click.FloatRange(1), default=180.0, show_default=True, help="Seconds for a request.")
@click.option(
    "--reload", type=click.FloatRange(0), default=2.0, show_default=True, help="Seconds between looks; 0: none."
)
@click.option("--log", type=click.Choice(["text", "json", "none"]), default="text", show_default=True)
def command(pipelines: tuple[str, ...], model: str | None, new_key: str | None, **options: Any) -> None:
    """Serve pipelines where OpenAI's clients find them: base URL http://ADDRESS:PORT/v1, console at /.

    Files that change are loaded anew while it runs; SIGHUP reads the API keys anew too.
    """
    if new_key is not None:
        _make_key(new_key)
        return
    try:
        from stepflow.server.running import serve
        from stepflow.server.settings import Settings
    except ImportError as error:
        raise UsageError(f"the server needs {error.name}: pip install 'stepflow[serve]'") from error
    paths = pipelines or (pipeline_path(None),)
    overrides: dict[str, Any] | None = {"backend": {"model": model}} if model else None
    settings = Settings(pipelines=paths, **options)

    def announce(url: str) -> None:
        if settings.log != "none":
            click.echo(f"stepflow serves {url}/v1; the console is at {url}/", err=True)

    serve(settings, overrides, announce)


def _make_key(tenant: str) -> None:
    from stepflow.server.tenants import new_key

    key, line = new_key(tenant)
    click.echo(line)
    click.echo(f"Give {tenant} this key, which is kept nowhere: {key}", err=True)
    click.echo("The line above it goes into the file of --keys, or into STEPFLOW_API_KEYS.", err=True)
