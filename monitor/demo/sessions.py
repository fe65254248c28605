"""Who is shopping: a cookie, a cart, and a token in every form that proves the form came from this shop."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from monitor.demo.orders import Contact

_MOST = 2_000


@dataclass(slots=True)
class Session:
    """One shopper's visit."""

    key: str
    cart: dict[str, int] = field(default_factory=dict)
    contact: Contact | None = None
    orders: list[str] = field(default_factory=list)


class Sessions:
    """The visits of today, in memory; the oldest make room for new ones."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._visits: OrderedDict[str, Session] = OrderedDict()

    def find(self, key: str | None) -> Session | None:
        """The visit of this cookie, if it is known."""
        session = self._visits.get(key or "")
        if session is not None:
            self._visits.move_to_end(session.key)
        return session

    def begin(self) -> Session:
        """A new visit."""
        session = Session(secrets.token_urlsafe(18))
        self._visits[session.key] = session
        while len(self._visits) > _MOST:
            self._visits.popitem(last=False)
        return session

    def token(self, session: Session) -> str:
        """A token for one form: another value on every page, good for this visit only."""
        nonce = secrets.token_urlsafe(9)
        return f"{nonce}.{self._seal(session, nonce)}"

    def accepts(self, session: Session, token: str) -> bool:
        """Whether this token was given to this visit."""
        nonce, _, seal = token.partition(".")
        return hmac.compare_digest(seal.encode(), self._seal(session, nonce).encode())

    def _seal(self, session: Session, nonce: str) -> str:
        return hmac.new(self._secret, f"{session.key}:{nonce}".encode(), hashlib.sha256).hexdigest()[:32]
