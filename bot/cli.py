"""The command line: serve · demo · migrate · manifest · keys."""

import asyncio
import json
import signal
import sys
from typing import Annotated

import typer

from bot import logs
from bot.config import Settings, load
from bot.errors import ConfigError

cli = typer.Typer(
    help="Deploy models to Friendli Dedicated Endpoints from Slack.",
    no_args_is_help=True,
    add_completion=False,
    # Its tracebacks show local variables, and secrets with them.
    pretty_exceptions_enable=False,
)
keys = typer.Typer(
    help="Encryption keys for the API keys that the bot stores.", no_args_is_help=True
)
cli.add_typer(keys, name="keys")


def main() -> None:
    """Run the command line."""
    try:
        cli()
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        raise SystemExit(2) from None


@cli.command()
def serve() -> None:
    """Run the bot on Slack and Friendli, with the settings of the environment."""
    settings = load()
    logs.configure(settings.log_level)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from bot.app import running  # noqa: PLC0415 - a missing setting is told before a slow import

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings):
        await stop.wait()


@cli.command()
def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Run one deployment and print its thread.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="The model to deploy; `--models` lists ones that misbehave.")
    ] = "meta-llama/Llama-3.1-8B-Instruct",
    models: Annotated[
        bool, typer.Option("--models", help="List the models that make the sandbox misbehave.")
    ] = False,
    speed: Annotated[
        float, typer.Option(min=1, help="How many times faster than life endpoints come up.")
    ] = 30,
) -> None:
    """Try the whole product with no account, on a sandbox Slack and a sandbox Friendli."""
    from bot.sandbox import demo as sandbox  # noqa: PLC0415 - `serve` never needs the sandbox

    if models:
        typer.echo(sandbox.models_table())
        return
    if not once:
        raise typer.BadParameter("only --once is there so far", param_hint="demo")
    logs.configure("ERROR")
    raise SystemExit(0 if asyncio.run(sandbox.once(model, speed=speed)) else 1)


@cli.command()
def migrate() -> None:
    """Bring the database's tables up to date; `serve` does this by itself when it starts."""
    settings = load()
    logs.configure(settings.log_level)
    asyncio.run(_migrate(settings))


async def _migrate(settings: Settings) -> None:
    from bot.db.migrate import migrate as upgrade  # noqa: PLC0415 - as in _serve
    from bot.db.session import Database  # noqa: PLC0415 - as in _serve

    database = Database(settings.database)
    try:
        await upgrade(database)
    finally:
        await database.close()


@cli.command()
def manifest(
    url: Annotated[
        str | None,
        typer.Option(help="Where Slack reaches the bot, for HTTP mode; without it, Socket Mode."),
    ] = None,
) -> None:
    """Print the manifest to create the Slack app from (api.slack.com/apps → From a manifest)."""
    from bot.slack.manifest import manifest as make  # noqa: PLC0415 - as in _serve

    typer.echo(json.dumps(make(url), indent=2))


@keys.command("new")
def keys_new() -> None:
    """Print a new encryption key for the ENCRYPTION_KEYS setting."""
    from bot.db.crypto import new_encryption_key  # noqa: PLC0415 - as in _serve

    typer.echo(new_encryption_key())
