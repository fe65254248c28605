"""Finds the place of a word inside a text of a YAML file, so that an editor opens where the mistake is."""

from probes.yamlfile import Place


def place_inside(source: str, start: Place, text: str, line: int, column: int) -> Place:
    """The place in `source` of this line and column (from 1) of a scalar that begins at `start`.

    Exact for literal blocks and texts on one line; where YAML folds lines, the scalar's own place.
    """
    lines = source.splitlines()
    written = lines[start.line - 1][start.column - 1 :] if start.line <= len(lines) else ""
    if written.startswith("|"):
        return _in_block(lines, start, line, column)
    shift = column if written[:1] in "\"'" and written else column - 1
    if "\n" in text or line > 1 or text.split(" ")[0] not in written:
        return start
    return start._replace(column=start.column + shift)


def _in_block(lines: list[str], start: Place, line: int, column: int) -> Place:
    content = (text for text in lines[start.line :] if text.strip())
    first = next(content, "")
    indent = len(first) - len(first.lstrip(" "))
    return start._replace(line=start.line + line, column=indent + column)
