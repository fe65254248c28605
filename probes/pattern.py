"""Text patterns from the config (regexes, JSON paths, CSS selectors): checked when read, kept compiled."""

from functools import lru_cache
from typing import Annotated, Any

import jsonpath
import re2
from pydantic import AfterValidator
from selectolax.lexbor import LexborHTMLParser, SelectolaxError


@lru_cache(maxsize=4096)
def regex(pattern: str) -> Any:
    """The compiled pattern, in RE2's syntax: no page, however hostile, can make it slow. Raises ValueError."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"{pattern!r} is not a regular expression (RE2 syntax): {reason}") from None


@lru_cache(maxsize=4096)
def json_path(path: str) -> Any:
    """The compiled JSONPath (RFC 9535). Raises ValueError."""
    try:
        return jsonpath.compile(path)
    except jsonpath.JSONPathError as error:
        raise ValueError(f"{path!r} is not a JSONPath: {str(error).splitlines()[0]}") from None


@lru_cache(maxsize=4096)
def _check_css(selector: str) -> str:
    try:
        LexborHTMLParser("").css_first(selector)
    except SelectolaxError:
        raise ValueError(f"{selector!r} is not a CSS selector") from None
    return selector


def _check_regex(pattern: str) -> str:
    regex(pattern)
    return pattern


def _check_json_path(path: str) -> str:
    json_path(path)
    return path


#: A regular expression in the config.
Regex = Annotated[str, AfterValidator(_check_regex)]
#: A JSONPath in the config.
JsonPath = Annotated[str, AfterValidator(_check_json_path)]
#: A CSS selector in the config.
Css = Annotated[str, AfterValidator(_check_css)]
