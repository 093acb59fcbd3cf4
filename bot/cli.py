"""The command line."""

# Slow imports stand inside the commands, after their settings were read, so that help and missing
# settings are printed at once.
# ruff: noqa: PLC0415
import asyncio
import os
import sys
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.domain.errors import ConfigError
from bot.domain.process.redaction import redactor
from bot.domain.process.role import Role
from bot.domain.process.slash_setting import VARIABLE

if TYPE_CHECKING:
    from bot.config import CommonSettings, DatabaseSettings

_Kind = TypeVar("_Kind", bound="CommonSettings")

cli = typer.Typer(
    help="Deploy models to Friendli Dedicated Endpoints from Slack.",
    no_args_is_help=True,
    # Its tracebacks show local variables, which may be secrets.
    pretty_exceptions_enable=False,
)
keys = typer.Typer(
    help="Encryption keys for the API keys that the bot stores.", no_args_is_help=True
)
cli.add_typer(keys, name="keys")
audit = typer.Typer(help="The record of actions and refusals.", no_args_is_help=True)
cli.add_typer(audit, name="audit")


def main() -> None:
    try:
        cli()
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        raise SystemExit(2) from None


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it
    if asked:
        typer.echo(f"friendli-deploy {version('friendli-deploy')}")
        raise typer.Exit


@cli.callback()
def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options of all commands."""


def _configured(settings: _Kind) -> _Kind:
    from bot.ops import logs

    logs.configure(settings.log_level)
    redactor.learn(settings.secrets())
    return settings


def _database_settings() -> "DatabaseSettings":
    from bot.config import DatabaseSettings, load_only

    return _configured(load_only(DatabaseSettings))


@cli.command()
def serve(
    *,
    role: Annotated[
        Role | None,
        typer.Option(help="web answers Slack, worker does the rest; overrides ROLE."),
    ] = None,
) -> None:
    """Run the bot on Slack and Friendli, with the settings of the environment."""
    from bot.config import load

    settings = _configured(load(role))
    os.environ[VARIABLE] = settings.slash_command
    import structlog

    from bot.app import serve as run
    from bot.ops.effective_settings import unknown_names

    log = structlog.stdlib.get_logger(__name__)
    for name in unknown_names():
        if name.is_renamed:
            log.warning("setting renamed", problem=str(name))
    try:
        asyncio.run(run(settings))
    except ConfigError:
        raise
    except Exception:
        # Python's own traceback would show secrets.
        log.exception("crashed")
        raise SystemExit(1) from None
    log.info("stopped")


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
        float, typer.Option(min=1, help="Speed-up of the sandbox's start times.")
    ] = 30,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the page is; 0 takes a free port.")
    ] = 8484,
    browser: Annotated[bool, typer.Option(help="Open the page.")] = True,
    slack: Annotated[
        bool, typer.Option("--slack", help="Use a real Slack app from the environment.")
    ] = False,
    friendli: Annotated[
        bool,
        typer.Option("--friendli", help="Use the real Friendli, which costs money."),
    ] = False,
) -> None:
    """Try the bot without an account, on a sandbox Slack and a sandbox Friendli.

    Without --once it opens a small Slack in the browser.
    """
    from bot.ops import logs
    from bot.sandbox import demo as sandbox

    if models:
        typer.echo(sandbox.models_table())
        return
    logs.configure("ERROR")
    if not once:
        from bot.sandbox.terminal import run_demo

        asyncio.run(
            run_demo(
                port=port,
                browser=browser,
                speed=speed,
                real_slack=slack,
                real_friendli=friendli,
            )
        )
        return
    raise SystemExit(0 if asyncio.run(sandbox.once(model, speed=speed)) else 1)


@cli.command()
def migrate() -> None:
    """Migrate the database to this version; `serve` does so when it starts.

    Reads DATABASE_URL and DATA_DIR; needs no token.
    """
    settings = _database_settings()
    from bot.ops.migrate import migrate as run

    asyncio.run(run(settings))
    typer.echo("The database is up to date.")


@cli.command()
def backup(file: Annotated[Path, typer.Argument(help="The file to create.")]) -> None:
    """Copy the SQLite database to a new file, also while the bot runs.

    Needs no token. The copy needs the same ENCRYPTION_KEYS; keep them elsewhere.
    """
    settings = _database_settings()
    from bot.ops.backup import back_up

    back_up(settings, file)
    typer.echo(f"Wrote {file}.")


@cli.command()
def restored() -> None:
    """Mark the database as restored from a copy that neither `backup` nor pg_dump made.

    The next `serve` then repeats nothing that may have been done since the copy.
    """
    settings = _database_settings()
    from bot.ops.backup import restored as mark

    asyncio.run(mark(settings))
    typer.echo("Marked. The next `friendli-deploy serve` compares with Friendli before it acts.")


@cli.command()
def init(
    *,
    file: Annotated[Path, typer.Option(help="The file to create.")] = Path(".env"),
    ask: Annotated[
        bool | None,
        typer.Option(help="Ask for tokens that the environment lacks; at a terminal if omitted."),
    ] = None,
) -> None:
    """Write a .env file with a new encryption key and Slack's tokens; it overwrites nothing.

    Tokens are taken from the environment, such as SLACK_BOT_TOKEN, or asked for.
    """
    from bot.ops.init import write_env_file

    def prompt(question: str) -> str:
        answer: str = typer.prompt(question, default="", show_default=False, hide_input=True)
        return answer

    asks = sys.stdin.isatty() if ask is None else ask
    write_env_file(file, os.environ, ask=prompt if asks else None, say=typer.echo)


@cli.command()
def manifest(
    *,
    url: Annotated[
        str | None,
        typer.Option(help="The bot's public address, for HTTP; Socket Mode if omitted."),
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Print a link that creates the app in one click.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="The app's name, for a second app in one workspace.")
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="Its slash command, such as /friendli-staging.")
    ] = None,
) -> None:
    """Print the manifest that creates the Slack app (api.slack.com/apps → From a manifest)."""
    from bot.ops.manifest import print_manifest

    print_manifest(
        url,
        name=name,
        slash_command=command,
        link=link,
        say=typer.echo,
        advise=partial(typer.echo, err=True),
    )


@cli.command()
def alerts() -> None:
    """Print example alerts for the bot's metrics, as a rules file of Prometheus."""
    typer.echo((Path(__file__).parent / "ops" / "alerts.yaml").read_text("utf-8"), nl=False)


@cli.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print the settings, test everything that the bot depends on, and say what to do.

    Changes nothing. The exit code is 1 if there is a problem.
    """
    from bot.ops import logs
    from bot.ops.doctor import run_doctor

    logs.configure("ERROR")
    raise SystemExit(asyncio.run(run_doctor(as_json=as_json, say=typer.echo)))


@cli.command()
def fit(
    model: Annotated[str, typer.Argument(help="The model on the Hugging Face Hub, as org/name.")],
    *,
    gpu: Annotated[
        str | None, typer.Option(help="Only this instance option, such as 2xH100.")
    ] = None,
    context: Annotated[
        int | None, typer.Option(min=1, help="Tokens of one request; 8192 if omitted.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Requests at once.")] = 1,
    revision: Annotated[str, typer.Option(help="A branch, tag or commit.")] = "main",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show which instance options a model fits; needs neither Slack nor Friendli.

    The exit code is 0 if one fits, 1 if none does, 2 if that can't be known.
    """
    from bot.config import HubSettings, load_only
    from bot.domain.instances import UnknownInstanceError, parse

    settings = _configured(load_only(HubSettings))
    from bot.ops.fit import FitQuery, run_fit

    try:
        option = None if gpu is None else parse(gpu)
    except UnknownInstanceError as error:
        raise typer.BadParameter(f"{error}", param_hint="--gpu") from None
    question = FitQuery(model, revision, context, batch, option)
    raise SystemExit(asyncio.run(run_fit(settings, question, as_json=as_json, say=typer.echo)))


@keys.command("new")
def keys_new() -> None:
    """Print a new encryption key for the ENCRYPTION_KEYS setting."""
    from bot.db.encryption import new_encryption_key

    typer.echo(new_encryption_key())


@keys.command("rotate")
def keys_rotate() -> None:
    """Encrypt every stored API key with the first of ENCRYPTION_KEYS, while the bot runs.

    Before: add the new key as the second everywhere, then make it the first. After: remove the old.
    """
    from bot.config import KeySettings, load_only

    settings = _configured(load_only(KeySettings))
    from bot.ops.keys import rotate_keys

    raise SystemExit(asyncio.run(rotate_keys(settings, typer.echo)))


@audit.command("export")
def audit_export(
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="Only records from this moment on, in UTC.",
        ),
    ] = None,
) -> None:
    """Write the audit to standard output, one record a line as JSON, the oldest first."""
    settings = _database_settings()
    from bot.ops.audit import export_audit

    moment = since.replace(tzinfo=UTC) if since else None
    asyncio.run(export_audit(settings, moment, lambda line: sys.stdout.write(f"{line}\n")))
