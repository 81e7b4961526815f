"""`eligibility serve`: the service with all it needs, and words about where to look and what to try."""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import shlex
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from eligibility.commands.failures import DONE
from eligibility.commands.opening import check_login
from eligibility.commands.output import console, heading, indented
from eligibility.errors import SettingsInvalid
from eligibility.settings import Settings
from eligibility.storage import migrate
from eligibility.storage.bootstrap import admin_key_file
from eligibility.storage.embedded import EmbeddedPostgres, start_or_join
from eligibility.supervisor import Supervisor

_BACKLOG = 2048
_PROBE_SECONDS = 0.5
_PAUSE_SECONDS = 0.1
_ENDING_SECONDS = 15
"""How long workers may take to let go of the address once their supervisor is gone."""

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to call instead of what to bind
_EXAMPLE = {
    "model": {"generation": "llama-4"},
    "entity": {"kind": "individual", "domicile": "US"},
    "use": {"activities": ["use"], "purposes": ["general"], "critical_infrastructure": {"role": "none"}},
}


def serve(settings: Settings) -> int:
    """Run the service until it is told to stop; the exit code.

    Raises SettingsInvalid where it cannot listen or may not use its login, StorageUnavailable where there is
    no database to begin with, or none that is migrated.
    """
    out = console(never_fails=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the supervisor takes over
    try:
        with closing(_listen(settings, out)) as listener, _database(settings, out) as database:
            url = settings.database_url if database is None else database.service_url
            asyncio.run(check_login(str(url)))
            out.print(f"starting {settings.workers} worker{'s' * (settings.workers > 1)}")
            supervisor = Supervisor(
                settings,
                listener,
                database,
                say=out.print,
                is_ready=partial(_is_ready, settings),
                when_ready=partial(_welcome, settings, out),
            )
            code = supervisor.run()
    except KeyboardInterrupt:
        code = DONE
    if code == DONE:
        out.print("stopped")
    return code


def _listen(settings: Settings, out: Console) -> socket.socket:
    """The listening socket. Callers queue up in it until a worker takes them. Raises SettingsInvalid."""
    host, port = settings.host, settings.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise SettingsInvalid(
            f"`ELIGIBILITY_HOST` is `{host}`, which is no address: {error.strerror}"
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(listener, address, settings, out)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsInvalid(f"cannot listen on `{host}` port {port}: {error.strerror}") from error
    except BaseException:
        listener.close()
        raise
    return listener


def _bind(listener: socket.socket, address: Any, settings: Settings, out: Console) -> None:
    """Bind, after waiting for one who is about to let go of the address. Raises SettingsInvalid, OSError.

    Workers whose supervisor was killed hold it until they have noticed, and answer nobody.
    """
    deadline = time.monotonic() + _ENDING_SECONDS
    is_waiting = False
    while True:
        try:
            return listener.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            who = _who_answers(settings)
            if who is not None or time.monotonic() > deadline:
                raise SettingsInvalid(
                    f"{who or 'another program listens'} on {address_of(settings)} already: "
                    "stop it, or set `ELIGIBILITY_PORT` to another port"
                ) from error
        if not is_waiting:
            is_waiting = True
            out.print(f"port {settings.port} is held by something that does not answer: waiting for its end")
        time.sleep(_PAUSE_SECONDS)


def _who_answers(settings: Settings) -> str | None:
    """Who answers at our address, None where nobody does."""
    try:
        status, body = _get(settings, "/health/live")
        is_ours = status == http.HTTPStatus.OK and json.loads(body).get("status") == "ok"
    except OSError:
        return None
    except (http.client.HTTPException, ValueError, AttributeError):
        is_ours = False
    return "an eligibility service answers" if is_ours else "another program listens"


@contextmanager
def _database(settings: Settings, out: Console) -> Iterator[EmbeddedPostgres | None]:
    """The embedded database, migrated, unless one is configured."""
    if settings.database_url is not None:
        yield None
        return
    is_first = not (settings.data_dir / "postgres" / "data").exists()
    what = "setting up" if is_first else "starting"
    out.print(f"{what} the embedded PostgreSQL in {settings.data_dir}")
    with start_or_join(settings.data_dir, is_supervised=True) as server:
        if not server.is_ours:
            out.print("it runs already, started by another process: sharing it")
        if not migrate.is_current(server.owner_url):
            out.print("migrating it")
            migrate.upgrade(server.owner_url)
        yield server


def address_of(settings: Settings) -> str:
    """The address at which the service is called from this machine."""
    host = _EVERYWHERE.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _get(settings: Settings, path: str) -> tuple[int, bytes]:
    host = _EVERYWHERE.get(settings.host, settings.host)
    with closing(http.client.HTTPConnection(host, settings.port, timeout=_PROBE_SECONDS)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()


def _is_ready(settings: Settings) -> bool:
    """Whether the service says that it can decide and record."""
    try:
        return _get(settings, "/health/ready")[0] == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


def _welcome(settings: Settings, out: Console) -> None:
    """Say where to look, how to sign in and what to try."""
    address, file = address_of(settings), admin_key_file(settings.data_dir)
    key = f"$(cat {shlex.quote(str(file))})" if file.exists() else "$KEY"
    heading(out, f"Ready on {address}")
    indented(out, 2, ("look     ", "bold"), f"{address}/schema/openapi.json  every call, with examples")
    indented(out, 2, ("         ", "bold"), f"{address}/v1/policy  the policy in force (with a key)")
    if file.exists():
        indented(
            out, 2, ("sign in  ", "bold"), f"with the admin key in {file}, as `Authorization: Bearer KEY`"
        )
    else:
        indented(out, 2, ("sign in  ", "bold"), "with one of the log's keys, as `Authorization: Bearer KEY`")
    indented(out, 2, ("try      ", "bold"), "this, in another terminal:")
    out.print()
    out.print(
        f"curl -s {address}/v1/decisions \\\n"
        f'  -H "Authorization: Bearer {key}" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d '{json.dumps(_EXAMPLE)}'",
        soft_wrap=True,
    )
    out.print()
    indented(out, 2, ("portals  ", "bold"), "each gets a key of its own, shown once:")
    out.print()
    out.print(f"{_command(settings)} keys create my-portal --role portal", soft_wrap=True)
    out.print()
    indented(out, 2, ("people   ", "bold"), f"sign in at {address}/dashboard, each with a key of their own:")
    out.print()
    out.print(f'{_command(settings)} keys create "Your Name" --person --role admin', soft_wrap=True)
    out.print()
    out.print("Stop with Ctrl-C.", style="dim")


def _command(settings: Settings) -> str:
    """How to call this program from another terminal, with the data directory if it is not the default."""
    name = sys.argv[0]
    called = f"{shlex.quote(sys.executable)} -m eligibility" if name.endswith(".py") else shlex.quote(name)
    is_default = settings.data_dir == Settings.from_environment({}).data_dir
    place = "" if is_default else f"ELIGIBILITY_DATA_DIR={shlex.quote(str(Path(settings.data_dir)))} "
    return place + called
