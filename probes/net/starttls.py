"""How mail and other old protocols turn to TLS: what is said before the handshake."""

from typing import Literal

from probes.net.dialogue import Turn

Greeting = Literal["smtp", "imap", "pop3", "ftp"]

#: RFC 3207, RFC 9051, RFC 2595 and RFC 4217.
GREETINGS: dict[Greeting, tuple[Turn, ...]] = {
    "smtp": (
        Turn(expect="^220 "),
        Turn(send="EHLO shopwatch"),
        Turn(expect="^250[ -]STARTTLS"),
        Turn(send="STARTTLS"),
        Turn(expect="^220 "),
    ),
    "imap": (Turn(expect=r"^\* OK"), Turn(send="a1 STARTTLS"), Turn(expect="^a1 OK")),
    "pop3": (Turn(expect=r"^\+OK"), Turn(send="STLS"), Turn(expect=r"^\+OK")),
    "ftp": (Turn(expect="^220 "), Turn(send="AUTH TLS"), Turn(expect="^234 ")),
}
