"""Keeps credentials out of what is carried over: a variable stands in the place of each, and the list says so."""

import re

from probes.carry import Carried

_CONFIDENTIAL = re.compile(r"auth|token|key|secret|cookie|session|password", re.IGNORECASE)


def variable_of(*parts: str) -> str:
    """The name of the variable that stands for a secret, such as SHOP_FRONT_PASSWORD."""
    name = re.sub(r"\W", "_", "_".join(parts), flags=re.ASCII).upper()
    return f"_{name}" if name[0].isdigit() else name


def headers_without_credentials(carried: Carried, what: str, owner: str, headers: dict[str, str]) -> dict[str, str]:
    """The headers, with a variable for each value that says who we are; one that is a variable already stays."""
    kept = dict(headers)
    for name, value in headers.items():
        if _CONFIDENTIAL.search(name) and not re.fullmatch(r"(\w+ )?\$\{\w+\}", str(value)):
            variable = variable_of(owner, name)
            carried.lose(f"{what}, the header {name}", f"its value may be a secret; set the variable {variable}")
            kept[name] = f"${{{variable}}}"
    return kept
