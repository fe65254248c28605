"""Reads a template into its parts, and refuses what we would not carry out as Go does."""

from alerts.template.constants import number, unquote
from alerts.template.errors import TemplateError, place
from alerts.template.functions import ARITY
from alerts.template.lexer import Token, tokens
from alerts.template.nodes import (
    Block,
    Branch,
    Call,
    Dot,
    Field,
    Leave,
    Literal,
    Node,
    Pipe,
    Statement,
    Text,
    Variable,
)

_CONSTANTS = {"true": True, "false": False, "nil": None}
_REFUSED = {"define", "template", "block"}
_MAX_DEPTH = 50
#: Prometheus puts these before every template of a rule.
GIVEN = ("$", "$labels", "$externalLabels", "$externalURL", "$value")


def parse(source: str) -> Block:
    """The template's statements. Raises TemplateError."""
    return _Parser(source).whole()


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = list(tokens(source))
        self._next = 0
        self._variables = list(GIVEN)
        self._depth = 0
        self._loops = 0

    def whole(self) -> Block:
        block, ending = self._block(())
        if ending is not None:
            raise self._error(ending, f"{{{{ {ending.text} }}}} without an if, range or with before it")
        return block

    # Statements

    def _block(self, endings: tuple[str, ...]) -> tuple[Block, Token | None]:
        """Statements up to one of the ending words (whose token is answered, its action still open) or the end."""
        statements: list[Statement] = []
        while True:
            token = self._take()
            if token.kind == "end":
                if endings:
                    raise self._error(token, "the template ends before an {{ end }}")
                return Block(tuple(statements), self._source), None
            if token.kind == "text":
                statements.append(Text(token.text))
                continue
            self._spaces()
            word = self._peek()
            if word.kind == "word" and word.text in ("end", "else"):
                self._take()
                if word.text not in endings:
                    if endings:
                        raise self._error(word, "a second {{ else }} where {{ end }} is due")
                    return Block(tuple(statements), self._source), word
                return Block(tuple(statements), self._source), word
            statements.append(self._statement(word))

    def _statement(self, word: Token) -> Statement:
        if word.kind == "word" and word.text in ("if", "with", "range"):
            self._take()
            return self._branch(word)
        if word.kind == "word" and word.text in ("break", "continue"):
            self._take()
            if not self._loops:
                raise self._error(word, f"{{{{ {word.text} }}}} outside {{{{ range }}}}")
            self._close()
            return Leave(word.text, word.at)
        if word.kind == "word" and word.text in _REFUSED:
            raise self._error(word, f"{{{{ {word.text} }}}} is not known in rules; write the text in place")
        pipe = self._pipe("close")
        self._close()
        return pipe

    def _branch(self, word: Token) -> Branch:
        self._deeper(word)
        scope = len(self._variables)
        pipe = self._pipe("close", word.text)
        self._close()
        self._loops += word.text == "range"
        body, ending = self._block(("else", "end"))
        self._loops -= word.text == "range"
        otherwise = Block((), self._source)
        if ending is not None and ending.text == "else":
            otherwise = self._else(word)
        else:
            self._close()
        del self._variables[scope:]
        self._depth -= 1
        return Branch(word.text, pipe, body, otherwise, word.at)

    def _else(self, opened: Token) -> Block:
        self._spaces()
        word = self._peek()
        if word.kind == "word" and word.text == "if" and opened.text == "if":
            self._take()
            return Block((self._branch(word),), self._source)
        self._close()
        block, _ = self._block(("end",))
        self._close()
        return block

    # Pipelines

    def _pipe(self, end: str, keyword: str = "") -> Pipe:
        self._spaces()
        start = self._peek()
        names, declares = self._assigned(keyword)
        commands: list[Node] = [self._command(first=True, end=end)]
        while self._skip("|"):
            commands.append(self._command(first=False, end=end))
        if declares:
            self._variables.extend(names)
        return Pipe(tuple(commands), names, declares, start.at)

    def _assigned(self, keyword: str) -> tuple[tuple[str, ...], bool]:
        """The variables before `:=` or `=`, if this pipeline begins with any."""
        mark = self._next
        names: list[Token] = []
        while self._peek().kind == "variable":
            names.append(self._take())
            self._spaces()
            if self._peek().kind in (":=", "="):
                sign = self._take()
                self._check_assigned(names, sign, keyword)
                return tuple(name.text for name in names), sign.kind == ":="
            if not (keyword == "range" and len(names) == 1 and self._peek().kind == ","):
                break
            self._take()
            self._spaces()
        self._next = mark
        return (), False

    def _check_assigned(self, names: list[Token], sign: Token, keyword: str) -> None:
        for name in names:
            if len(name.text) < 2:
                raise self._error(name, "$ alone cannot be set")
            if sign.kind == "=" and name.text not in self._variables:
                raise self._error(name, f"the variable {name.text} is set before it is declared with :=")
        if keyword == "range" and sign.kind == "=":
            raise self._error(sign, "write := for the variables of a range")

    def _command(self, *, first: bool, end: str) -> Node:
        self._spaces()
        token = self._peek()
        if token.kind in ("close", "|", ")"):
            raise self._error(token, "a value or function is missing here")
        if token.kind == "word" and token.text not in _CONSTANTS:
            return self._call(piped=not first)
        operand = self._operand()
        if not first or self._more_arguments(end):
            raise self._error(token, f"{token.text} is not a function and takes no argument")
        return operand

    def _call(self, *, piped: bool) -> Call:
        word = self._take()
        arity = ARITY.get(word.text)
        if arity is None:
            raise self._error(word, f"there is no function {word.text!r} in rule templates")
        arguments: list[Node] = []
        while self._more_arguments("close"):
            arguments.append(self._operand())
        count, (least, most) = len(arguments) + piped, arity
        if count < least or (most is not None and count > most):
            wanted = str(least) if least == most else f"at least {least}"
            raise self._error(word, f"{word.text} takes {wanted} argument{'s' * (wanted != '1')}, {count} given")
        return Call(word.text, tuple(arguments), word.at)

    def _more_arguments(self, end: str) -> bool:
        spaced = self._spaces()
        kind = self._peek().kind
        if kind in ("close", "|", ")"):
            return False
        if not spaced:
            raise self._error(self._peek(), f"{self._peek().text!r} is not expected here")
        return True

    def _operand(self) -> Node:
        token = self._take()
        node = self._bare(token)
        while self._peek().kind == "field":
            if isinstance(node, Literal):
                raise self._error(self._peek(), f"{token.text} has no fields")
            field = self._take()
            node = Field(node, field.text[1:], field.at)
        return node

    def _bare(self, token: Token) -> Node:
        at = token.at
        match token.kind:
            case "string":
                return Literal(unquote(token.text, *place(self._source, at)), at)
            case "number" | "char":
                return Literal(number(token.text, *place(self._source, at)), at)
            case "word" if token.text in _CONSTANTS:
                return self._constant(token)
            case "word":
                self._next -= 1
                return self._no_arguments()
            case "variable":
                if token.text not in self._variables:
                    raise self._error(token, f"the variable {token.text} is not known here")
                return Variable(token.text, at)
            case "field":
                return Field(Dot(at), token.text[1:], at)
            case ".":
                return Dot(at)
            case "(":
                return self._parenthesis(token)
        raise self._error(token, f"{token.text!r} is not expected here")

    def _constant(self, token: Token) -> Literal:
        return Literal(_CONSTANTS[token.text], token.at)

    def _no_arguments(self) -> Call:
        """A function's name as an argument: Go calls it with nothing."""
        word = self._take()
        arity = ARITY.get(word.text)
        if arity is None:
            raise self._error(word, f"there is no function {word.text!r} in rule templates")
        if arity[0]:
            raise self._error(word, f"{word.text} needs its arguments; put it in parentheses with them")
        return Call(word.text, (), word.at)

    def _parenthesis(self, token: Token) -> Pipe:
        self._deeper(token)
        pipe = self._pipe(")")
        self._spaces()
        if self._peek().kind != ")":
            raise self._error(token, "a parenthesis is never closed")
        self._take()
        self._depth -= 1
        return pipe

    # Tokens

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _spaces(self) -> bool:
        spaced = False
        while self._peek().kind == "space":
            self._take()
            spaced = True
        return spaced

    def _skip(self, kind: str) -> bool:
        self._spaces()
        if self._peek().kind != kind:
            return False
        self._take()
        return True

    def _close(self) -> None:
        self._spaces()
        token = self._take()
        if token.kind != "close":
            raise self._error(token, f"{token.text!r} is not expected here")

    def _deeper(self, token: Token) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error(token, f"nested more than {_MAX_DEPTH} deep")

    def _error(self, token: Token, message: str) -> TemplateError:
        return TemplateError(message, *place(self._source, token.at))
