"""`shopwatch demo`: a small shop, Shopwatch watching it, and switches to break it."""

import argparse
import shlex
import shutil
import signal
import sys
from pathlib import Path

import httpx

from monitor.demo import run as demo
from monitor.demo.switches import NAMES


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`demo`, `demo break NAME`, `demo mend [NAME]`."""
    parser = subparsers.add_parser("demo", help="a small shop, a config that watches it, and switches to break it")
    parser.add_argument("--state", type=Path, default=demo.default_state(), help="folder (default: %(default)s)")
    parser.add_argument("--shop-only", action="store_true", help="start the shop without Shopwatch watching it")
    parser.add_argument("--shopper-every", type=float, default=8.0, metavar="SECONDS", help="0: no shoppers")
    parser.add_argument("--backup-every", type=float, default=60.0, metavar="SECONDS")
    parser.set_defaults(run=_start)
    actions = parser.add_subparsers(metavar="ACTION")
    breaking = actions.add_parser("break", help="break one thing: " + ", ".join(NAMES))
    breaking.add_argument("name", choices=NAMES)
    breaking.set_defaults(run=_break)
    mending = actions.add_parser("mend", help="mend one thing, or everything")
    mending.add_argument("name", nargs="?", choices=NAMES)
    mending.set_defaults(run=_mend)
    for action in (breaking, mending):
        action.add_argument("--state", type=Path, default=argparse.SUPPRESS, help="the running demo's folder")


def _start(args: argparse.Namespace) -> int:
    # Stopped by a terminal, a supervisor or a script (whose children ignore SIGINT): always in order.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with demo.open_demo(args.state, args.shopper_every, args.backup_every) as places:
            print(_welcome(places, args), flush=True)
            return _wait() if args.shop_only else _watch(demo.config_path(args.state))
    except demo.DemoError as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 0


def _watch(config: Path) -> int:
    from monitor.service import run  # turning a switch need not wait for the whole service to be imported

    return run(config)


def _wait() -> int:
    signal.pause()
    return 0


def _break(args: argparse.Namespace) -> int:
    return _turn(args.state, f"/switches/{args.name}/break", f"{args.name}: {NAMES[args.name]}")


def _mend(args: argparse.Namespace) -> int:
    path = f"/switches/{args.name}/mend" if args.name else "/switches/mend"
    return _turn(args.state, path, f"{args.name or 'everything'} is mended")


def _turn(state: Path, path: str, done: str) -> int:
    try:
        places = demo.find_demo(state)
        answer = httpx.post(places.shop + path, headers=_authorization(state), trust_env=False, timeout=10.0)
    except (demo.DemoError, httpx.HTTPError) as error:
        print(f"could not turn the switch: {error}", file=sys.stderr)
        return 3
    if answer.status_code != 303:
        print(f"the shop did not turn the switch: it answered {answer.status_code}", file=sys.stderr)
        return 3
    print(done)
    return 0


def _authorization(state: Path) -> dict[str, str]:
    return {"Authorization": f"Bearer {demo.admin_key(state)}"}


def _welcome(places: demo.Places, args: argparse.Namespace) -> str:
    command = f"{_own_name()} demo"
    state = args.state.absolute()
    if state != demo.default_state().absolute():
        command += f" --state {shlex.quote(str(state))}"
    lines = [
        f"  The shop     {places.shop}/",
        f"  Break it     {places.shop}/switches",
        f"               or: {command} break declined",
        f"  Mend it      {command} mend",
    ]
    if not args.shop_only:
        lines.insert(0, f"  Shopwatch    {places.service}/")
        lines.append(f"  The config   {demo.config_path(state)}")
    lines += _moved(places, args.shop_only)
    if not args.shop_only:
        lines.append("A broken checkout pages after some 40 seconds, a broken backup at the next full minute.")
    return "\n".join([*lines, "Ctrl-C stops everything."])


def _own_name() -> str:
    """What to type for `shopwatch` in another terminal."""
    if shutil.which("shopwatch"):
        return "shopwatch"
    program = Path(sys.argv[0]).absolute()
    return f"{sys.executable} -m monitor" if program.name == "__main__.py" else str(program)


def _moved(places: demo.Places, shop_only: bool) -> list[str]:
    """Says which usual ports are taken by somebody else."""
    usual: dict[str, tuple[str, int]] = {"shop": (places.shop, demo.SHOP_PORT)}
    if not shop_only:
        usual["Shopwatch"] = (places.service, demo.SERVICE_PORT)
    return [
        f"  (port {port} is taken, so {name} is on another one)"
        for name, (url, port) in usual.items()
        if not url.endswith(f":{port}")
    ]
