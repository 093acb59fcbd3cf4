"""The command line: serve · demo · migrate · manifest · doctor · keys · audit."""

# Everything slow to import is imported by the command that needs it, after its settings are read:
# help and a missing setting are told at once.
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
    from bot.config import CommonSettings

_Kind = TypeVar("_Kind", bound="CommonSettings")

cli = typer.Typer(
    help="Deploy models to Friendli Dedicated Endpoints from Slack.",
    no_args_is_help=True,
    # Its tracebacks show local variables, and secrets with them.
    pretty_exceptions_enable=False,
)
keys = typer.Typer(
    help="Encryption keys for the API keys that the bot stores.", no_args_is_help=True
)
cli.add_typer(keys, name="keys")
audit = typer.Typer(help="What people did and tried to do.", no_args_is_help=True)
cli.add_typer(audit, name="audit")


def main() -> None:
    """Run the command line."""
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


@cli.command()
def serve(
    *,
    role: Annotated[
        Role | None,
        typer.Option(help="web answers Slack, worker does the rest; ROLE if omitted."),
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
        # Python itself would show it with secrets and all.
        log.exception("broke down")
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
        float, typer.Option(min=1, help="How many times faster than life endpoints come up.")
    ] = 30,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the page is; 0 takes a free port.")
    ] = 8484,
    browser: Annotated[bool, typer.Option(help="Open the page.")] = True,
    slack: Annotated[
        bool, typer.Option("--slack", help="Use a real Slack app from the environment.")
    ] = False,
    friendli: Annotated[
        bool, typer.Option("--friendli", help="Use the real Friendli, on the sandbox Slack.")
    ] = False,
) -> None:
    """Try the whole product with no account, on a sandbox Slack and a sandbox Friendli.

    Without --once it is a small Slack in the browser.
    """
    from bot.ops import logs
    from bot.sandbox import demo as sandbox

    if models:
        typer.echo(sandbox.models_table())
        return
    logs.configure("ERROR")
    if not once:
        from bot.sandbox.terminal import show

        asyncio.run(
            show(
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
    """Bring the database's tables up to date; `serve` does this by itself when it starts.

    It reads DATABASE_URL and DATA_DIR, and needs no token.
    """
    from bot.config import DatabaseSettings, load_only

    settings = _configured(load_only(DatabaseSettings))
    from bot.ops.migrate import migrate as run

    asyncio.run(run(settings))
    typer.echo("The database is up to date.")


@cli.command()
def backup(file: Annotated[Path, typer.Argument(help="The file to create.")]) -> None:
    """Copy the SQLite database to a new file, also while the bot runs.

    It needs no token. The file opens with the same ENCRYPTION_KEYS; keep those elsewhere.
    """
    from bot.config import DatabaseSettings, load_only

    settings = _configured(load_only(DatabaseSettings))
    from bot.ops.backup import back_up

    back_up(settings, file)
    typer.echo(f"Wrote {file}.")


@cli.command()
def restored() -> None:
    """Mark the database as restored from a copy that neither `backup` nor pg_dump made.

    The next `serve` then sends nothing again that may have been done since.
    """
    from bot.config import DatabaseSettings, load_only

    settings = _configured(load_only(DatabaseSettings))
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
        typer.Option(help="Where Slack reaches the bot, for HTTP mode; without it, Socket Mode."),
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Print the address that creates the app in one click.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="The app's name, for a second app in one workspace.")
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="Its slash command, such as /friendli-staging.")
    ] = None,
) -> None:
    """Print the manifest to create the Slack app from (api.slack.com/apps → From a manifest)."""
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
    """Print example alerts for Prometheus, a rules file for the bot's metrics."""
    typer.echo((Path(__file__).parent / "ops" / "alerts.yaml").read_text("utf-8"), nl=False)


@cli.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print the settings, try everything that the bot depends on, and say what to do.

    It changes nothing. The exit code is 1 if there is a problem.
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

    The exit code is 0 if something fits, 1 if nothing does, 2 if it can't be known.
    """
    from bot.config import HubSettings, load_only
    from bot.domain.instances import UnknownInstanceError, parse

    settings = _configured(load_only(HubSettings))
    from bot.ops.fit import Question, run_fit

    try:
        option = None if gpu is None else parse(gpu)
    except UnknownInstanceError as error:
        raise typer.BadParameter(f"{error}", param_hint="--gpu") from None
    question = Question(model, revision, context, batch, option)
    raise SystemExit(asyncio.run(run_fit(settings, question, as_json=as_json, say=typer.echo)))


@keys.command("new")
def keys_new() -> None:
    """Print a new encryption key for the ENCRYPTION_KEYS setting."""
    from bot.db.encryption import new_encryption_key

    typer.echo(new_encryption_key())


@keys.command("rotate")
def keys_rotate() -> None:
    """Encrypt every stored API key with the first of ENCRYPTION_KEYS, while the bot runs.

    Before: add the new key as the second everywhere, then make it the first. After: drop the old.
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
            help="Only what was done from this moment on, in UTC.",
        ),
    ] = None,
) -> None:
    """Write the audit to standard output, a line of JSON for each act, the oldest first."""
    from bot.config import DatabaseSettings, load_only

    settings = _configured(load_only(DatabaseSettings))
    from bot.ops.audit import export_audit

    moment = since.replace(tzinfo=UTC) if since else None
    asyncio.run(export_audit(settings, moment, lambda line: sys.stdout.write(f"{line}\n")))
