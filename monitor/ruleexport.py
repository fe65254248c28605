"""Writes rule files for a Prometheus in front: as they are, with runbook links that open from anywhere."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from alerts.rulefile import read_file

#: A relative link, as rule files of ours have it; the rest of the line stays as it is.
_LINK = re.compile(
    r"""^(\s*(?:-\s+)?(?:.*[{,]\s*)?runbook_url:\s*)(["']?)runbooks/([A-Za-z0-9][A-Za-z0-9_-]*)""", re.MULTILINE
)


class ExportFailed(Exception):
    """Rules cannot be exported; `code` is the exit code: 2 the rules are wrong, 3 they cannot be read or written."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def export(files: Iterable[Path], folder: Path, external_url: str, more: Mapping[str, str] | None = None) -> list[Path]:
    """Copies the files into the folder and answers where they are. Comments and layout stay. Raises ExportFailed.

    `more` are rules that stand in no file: texts by the name of the file to write.
    """
    texts = {name: with_links(text, external_url) for name, text in (more or {}).items()}
    for path in files:
        read = read_file(path)
        if read.problems:
            raise ExportFailed("\n".join(map(str, read.problems)), 2)
        if path.name in texts:
            raise ExportFailed(f"{path}: another file of the name {path.name} is exported too; rename one", 2)
        texts[path.name] = with_links(path.read_text(encoding="utf-8-sig"), external_url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_written(folder / name, text) for name, text in texts.items()]
    except OSError as error:
        raise ExportFailed(f"{folder}: cannot write the rules there: {error.strerror or error}", 3) from error


def with_links(text: str, external_url: str) -> str:
    """The text with every relative runbook link made whole; without a URL they stay."""
    if not external_url:
        return text
    base = external_url.rstrip("/")
    return _LINK.sub(lambda match: f"{match[1]}{match[2]}{base}/runbooks/{match[3]}", text)


def _written(path: Path, text: str) -> Path:
    """Written beside and moved into place: a Prometheus that reloads meanwhile reads the old or the new one."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return path
