"""Starts the demo: the shop in its own process, then Shopwatch watching it; and stops both, whatever happens."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

_CONFIG = Path(__file__).with_name("config.yaml")
#: Where things are unless the port is taken.
SERVICE_PORT, SHOP_PORT, PAYMENT_PORT = 9469, 9470, 9471
_PLACES = "demo.json"
_START_LIMIT = 30.0
_STOP_LIMIT = 10.0


class DemoError(Exception):
    """The demo cannot start or be reached; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a running demo is to be found."""

    shop: str
    payment: str
    service: str


def default_state() -> Path:
    """A folder of this user's, or a temporary one where a user has no home that can be written."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    writable = os.access(cache if Path(cache).exists() else Path(cache).parent, os.W_OK)
    return Path(cache if writable else tempfile.gettempdir()) / "shopwatch" / "demo"


@contextmanager
def open_demo(state: Path, shopper_every: float, backup_every: float) -> Iterator[Places]:
    """The shop, started; it is stopped on leaving. Raises DemoError."""
    state = state.absolute()
    with _alone(state):
        service = f"127.0.0.1:{_free_port(SERVICE_PORT)}"
        shop = _start_shop(state, f"http://{service}/heartbeat/shop-backup", shopper_every, backup_every)
        try:
            places = Places(**_addresses(shop), service=f"http://{service}")
            _write_config(places, state)
            (state / _PLACES).write_text(json.dumps(asdict(places)))
            yield places
        finally:
            (state / _PLACES).unlink(missing_ok=True)
            _stop(shop)


def config_path(state: Path) -> Path:
    """Where the config of the demo with this state lies."""
    return state.absolute() / "config.yaml"


def find_demo(state: Path) -> Places:
    """Where the demo with this state runs. Raises DemoError when none does."""
    try:
        return Places(**json.loads((state / _PLACES).read_text()))
    except (OSError, ValueError, TypeError):
        raise DemoError(
            f"no demo is running with its state in {state}; start one with: shopwatch demo (or name its --state)"
        ) from None


def admin_key(state: Path) -> str:
    """The key of the demo's back office. Raises DemoError."""
    try:
        return (state / "admin-token").read_text().strip()
    except OSError as error:
        raise DemoError(f"cannot read the demo's key {error.filename}: {error.strerror}") from None


def _write_config(places: Places, state: Path) -> None:
    """Put the config that watches this demo into its folder: a file like any other, to read, change and reload."""
    values = {
        "DEMO_LISTEN": places.service.removeprefix("http://"),
        "DEMO_SERVICE": places.service,
        "DEMO_SHOP": places.shop,
        "DEMO_PAYMENT_ADDRESS": places.payment.removeprefix("http://"),
        "DEMO_STATE": str(state),
        "DEMO_SYNTHETIC_KEY": (state / "synthetic-key").read_text().strip(),
    }
    text = _CONFIG.read_text()
    for name, value in values.items():
        text = text.replace("${" + name + "}", json.dumps(value)[1:-1].replace("${", "$${"))
    path = config_path(state)
    path.touch(mode=0o600)
    path.write_text(text)


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Hold the folder for this demo alone; the lock ends with the process, however it ends."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = (state / "lock").open("w")
    except OSError as error:
        raise DemoError(f"the demo cannot keep its state in {state}: {error.strerror}; name another --state") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError(
                f"a demo is already running with its state in {state}; stop it, or name another --state"
            ) from None
        yield


def _start_shop(state: Path, heartbeat: str, shopper_every: float, backup_every: float) -> subprocess.Popen[str]:
    arguments = {
        "--state": str(state),
        "--port": str(SHOP_PORT),
        "--payment-port": str(PAYMENT_PORT),
        "--heartbeat": heartbeat,
        "--shopper-every": str(shopper_every),
        "--backup-every": str(backup_every),
    }
    # Its own session: Ctrl-C reaches us alone, and we stop it. If we are killed, its standard input closes: it ends.
    return subprocess.Popen(
        [sys.executable, "-m", "monitor.demo.shop", *(word for pair in arguments.items() for word in pair)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _addresses(shop: subprocess.Popen[str]) -> dict[str, str]:
    """What the shop prints once it listens."""
    assert shop.stdout is not None
    line = shop.stdout.readline()
    if not line:
        raise DemoError(f"the demo shop did not start (exit code {shop.wait(_START_LIMIT)}); its own words are above")
    addresses: dict[str, str] = json.loads(line)
    return addresses


def _stop(shop: subprocess.Popen[str]) -> None:
    assert shop.stdin is not None
    assert shop.stdout is not None
    shop.stdin.close()
    try:
        shop.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        shop.kill()
        shop.wait()
    shop.stdout.close()


def _free_port(wanted: int) -> int:
    """This port of loopback, or any free one when it is taken."""
    for port in (wanted, 0):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise DemoError("no free port on 127.0.0.1")
