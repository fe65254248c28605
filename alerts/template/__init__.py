"""The `{{ … }}` texts in rules: labels and annotations are filled in with what was measured."""

from alerts.template.errors import TemplateError
from alerts.template.functions import Sample
from alerts.template.nodes import Block
from alerts.template.parser import parse
from alerts.template.run import Data, Query, Writer

__all__ = ["Data", "Query", "Sample", "Template", "TemplateError"]


class Template:
    """One text with the forms of Go's text/template that Prometheus' rules use.

    Raises TemplateError when the text is not a template, or uses what we do not know, with the place in the text.
    """

    __slots__ = ("_block", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._block: Block | None = parse(text) if "{{" in text else None

    def expand(self, data: Data) -> str:
        """The text with its actions carried out. Raises TemplateError where Go's would fail too."""
        if self._block is None:
            return self.text
        return Writer(data).write(self._block)
