"""Where a database is and who asks it, written as a URL; its password is never shown."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from probes.net.address import ascii_host, bracketed

Engine = Literal["postgresql", "mariadb", "sqlite"]
_ENGINES: dict[str, Engine] = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mariadb",
    "mariadb": "mariadb",
    "sqlite": "sqlite",
}
_PORTS = {"postgresql": 5432, "mariadb": 3306, "sqlite": 0}
_HOW = "write postgresql://user:password@host/database, mariadb://user:password@host/database or sqlite:///path/of.db"


@dataclass(frozen=True, slots=True)
class Dsn:
    """A database. `host` is empty for a file or a socket; `options` is what stood behind the question mark."""

    engine: Engine
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    options: dict[str, str] = field(repr=False)

    @property
    def shown(self) -> str:
        """Which database this is, for people: no user, no password, no options."""
        if self.engine == "sqlite":
            return f"the SQLite file {self.database}"
        name = {"postgresql": "PostgreSQL", "mariadb": "MariaDB"}[self.engine]
        where = f"{bracketed(self.host)}:{self.port}" if self.host else "its socket"
        return f"{name} {where}/{self.database}"


def parse_dsn(text: str) -> Dsn:
    """Read a database's URL. Raises ValueError with a sentence that shows nothing of it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"the dsn is not a URL with a valid host and port; {_HOW}") from None
    engine = _ENGINES.get(parts.scheme)
    if engine is None:
        raise ValueError(f"the dsn does not begin with a database that we know; {_HOW}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if engine == "sqlite":
        return _file(parts)
    database = unquote(parts.path.removeprefix("/"))
    if not database:
        raise ValueError(f"the dsn names no database; {_HOW}")
    if "," in parts.netloc:
        raise ValueError("the dsn names several hosts; a probe looks at one server: write one probe for each")
    host = parts.hostname or ""
    if not host and not options.get("host" if engine == "postgresql" else "unix_socket"):
        how = "?host=/var/run/postgresql" if engine == "postgresql" else "?unix_socket=/run/mysqld/mysqld.sock"
        raise ValueError(f"the dsn names no host; {_HOW}, or the folder of a socket as {how}")
    return Dsn(
        engine=engine,
        host=ascii_host(host) if host else "",
        port=port or _PORTS[engine],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=database,
        options=options,
    )


def _file(parts: SplitResult) -> Dsn:
    path = unquote(parts.path)
    if parts.netloc or not path.strip("/"):
        raise ValueError("the dsn names no file; three slashes begin at the root: sqlite:///srv/shop/shop.db")
    return Dsn("sqlite", "", 0, "", "", path, {})
