"""What an http target is: a URL, perhaps without its scheme, perhaps with a user and password in it."""

from urllib.parse import unquote


def credentials_of(target: str) -> tuple[tuple[str, ...], str]:
    """User and password where the URL has them (`http://mei:secret@shop.example/`), else nothing; and the URL without.

    What has no scheme is http.
    """
    scheme, rest = target.split("://", 1) if target.startswith(("http://", "https://")) else ("http", target)
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if not at:
        return (), f"{scheme}://{rest}"
    name, _, password = user.partition(":")
    return (unquote(name), unquote(password)), f"{scheme}://{host}{slash}{path}"
