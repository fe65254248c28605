"""How commands reach a running Shopwatch, or its store when it is down."""

import argparse
import getpass
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
from sqlalchemy import Connection

from monitor.case import Case, NotKnown, Surroundings
from monitor.config import Config, ConfigError, load
from monitor.demo import run as demo
from monitor.duty import duty_of
from monitor.store import Store, StoreError

T = TypeVar("T")
#: A command that works with or without a running Shopwatch: the request, and the same in the store.
Both = tuple[Callable[[], dict[str, Any]], Callable[[Config, Store], dict[str, Any]]]
_TIMEOUT = 15.0
#: The config of commands that are told no other.
USUAL = Path("config.yaml")
CONFIG_HELP = "a file or folder (default: ./config.yaml)"


class Down(Exception):
    """Shopwatch does not answer at its address."""


class Refused(Exception):
    """Shopwatch answered that it cannot be done; the message is its sentence. `code` is the exit code that this means:
    2 when something else should have been asked, 3 when it could not be done now.
    """

    def __init__(self, message: str, code: int = 3) -> None:
        super().__init__(message)
        self.code = code


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--config FILE` and `--url URL`."""
    add_config(parser)
    parser.add_argument("--url", help="where Shopwatch runs (default: `listen` of the config)")


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config FILE`; without it, see config_of."""
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"{CONFIG_HELP[:-1]}, or else a running demo's)")


def add_by(parser: argparse.ArgumentParser) -> None:
    """`--by NAME`."""
    parser.add_argument("--by", metavar="NAME", help=f"who you are (default: {_login()})")


def by(args: argparse.Namespace) -> str:
    """Who acts: as given, or the login name."""
    return args.by or _login()


def as_whom(args: argparse.Namespace) -> str:
    """What to add to an answer that names somebody who did not say who they are."""
    return "" if args.by else f" (you are {_login()} here; --by NAME says otherwise)"


def config_of(args: argparse.Namespace) -> Path:
    """The config to read: as given, or ./config.yaml, or that of a demo that runs, which is said in a line."""
    if args.config is None:
        args.config = USUAL if USUAL.exists() else _demo() or USUAL
    found: Path = args.config
    return found


def _demo() -> Path | None:
    state = demo.default_state()
    try:
        places = demo.find_demo(state)
    except demo.DemoError:
        return None
    complain(f"There is no ./config.yaml: this is about the demo's Shopwatch at {places.service}")
    return demo.config_path(state)


def call(args: argparse.Namespace, method: str, path: str, **body: Any) -> dict[str, Any]:
    """One request to our API. Raises Down, Refused."""
    url = (args.url or address_of(config_of(args))).rstrip("/")
    try:
        with httpx.Client(timeout=_TIMEOUT, trust_env=False) as client:
            answer = client.request(method, f"{url}/api/v1/{path}", json=body or None)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise Down(f"Shopwatch does not answer at {url} ({error or type(error).__name__})") from None
    try:
        found = answer.json()
    except ValueError:
        raise Refused(f"{url} answered {answer.status_code}, and not as Shopwatch does") from None
    if answer.is_error or not isinstance(found, dict):
        detail = found.get("detail") if isinstance(found, dict) else None
        sentence = detail if isinstance(detail, str) else f"{url} answered {answer.status_code}: {found}"
        raise Refused(sentence, 2 if answer.is_client_error else 3)
    return found


def address_of(path: Path) -> str:
    """Where the Shopwatch of this config listens; without any config, at the usual address. Raises Refused."""
    if path is USUAL and not path.exists():
        return f"http://{Config.model_fields['listen'].default}"
    try:
        return f"http://{load(path).listen}"
    except ConfigError as error:  # a broken config must not keep anyone from an ack
        raise Refused(
            f"{error}\nGive --url, such as --url http://127.0.0.1:9469, to do without the config.", 2
        ) from None


def in_store(args: argparse.Namespace, work: Callable[[Config, Store], T]) -> T:
    """Do something in the store itself, without a running Shopwatch. Raises ConfigError, StoreError."""
    config = load(config_of(args))
    store = Store(config.store, config.store_password)
    try:
        return work(config, store)
    finally:
        store.close()


def either(args: argparse.Namespace, both: Both, show: Callable[[dict[str, Any]], int]) -> int:
    """Ask the running Shopwatch, or do it in its store when it is down; `show` the answer. Raises ConfigError."""
    ask, do = both
    try:
        try:
            answer = ask()
        except Down as down:
            if args.url:  # it may run elsewhere, on another store
                raise Refused(str(down)) from None
            if not config_of(args).exists():
                raise Refused(f"{down}, and there is no ./config.yaml: give --config or --url", 2) from None
            answer = in_store(args, do)
            complain(f"{down}: done in its store; people are told when it is back")
    except (NotKnown, ValueError) as error:
        complain(error)
        return 2
    except (Refused, StoreError) as error:
        complain(error)
        return getattr(error, "code", 3)
    return show(answer)


def case_of(connection: Connection, config: Config) -> Case:
    """A transaction of the desk, while the desk is down."""
    return Case(connection, duty_of(config), Surroundings(), time.time())


def tame(line: str) -> str:
    """An alert's text may hold escape sequences, which must not reach the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)


def complain(error: object) -> None:
    """Print an error where errors go."""
    print(error, file=sys.stderr)


def _login() -> str:
    try:  # with sudo, root is everybody
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "someone"
