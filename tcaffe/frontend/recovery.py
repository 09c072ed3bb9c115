"""Syntax errors of a prototxt: each is told in plain words, then mended so that parsing goes on to the next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from tcaffe.diagnostics import Reporter, Source

Parser = Any  # lark's InteractiveParser, which has no types

MOST_ERRORS = 20  # after so many syntax errors the rest is noise

_WORD = re.compile(r"//[^\n]*|/\*.*?\*/|[\w.+-]+|.", re.DOTALL)
_SIGNS = {"_COLON": "`:`", "LBRACE": "`{`", "RBRACE": "`}`", "MORETHAN": "`>`", "COMMA": "`,`", "RSQB": "`]`"}
_CLOSERS = {"LBRACE": "}", "LESSTHAN": ">", "LSQB": "]"}
_FIELD = "EXTENSION"  # taken only where a field may begin
_MISSING = ((), ("_COLON",), ("COMMA",), ("NUMBER",), ("_COLON", "NUMBER"), ("NAME",), ("NAME", "_COLON"))
_ENDINGS = ((), ("NUMBER",), ("_COLON", "NUMBER"), ("RSQB",), ("NUMBER", "RSQB"))


@dataclass
class Recovery:
    """The parser's error handler: called with each syntax error, it answers whether parsing can go on."""

    source: Source
    reporter: Reporter = field(default_factory=Reporter)

    def __call__(self, error: UnexpectedInput) -> bool:
        """Report the error and put the parser where it can continue; no more after MOST_ERRORS."""
        if len(self.reporter.diagnostics) >= MOST_ERRORS:
            return False
        parser: Parser = error.interactive_parser
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            self._ended(parser)
            return False
        if isinstance(error, UnexpectedToken):
            self._token(error.token, parser)
        elif isinstance(error, UnexpectedCharacters):
            self._characters(error.pos_in_stream or 0, parser)
        return True

    def _report(self, code: str, message: str, start: int, length: int = 1, **more: str) -> None:
        self.reporter.error(code, message, self.source.span(start, length), **more)

    def _characters(self, start: int, parser: Parser) -> None:
        """No token starts here: an open string, a malformed number, a stray character."""
        word = _WORD.match(self.source.text, start)[0]  # type: ignore[index]
        missing: tuple[str, ...] = ("NUMBER",)
        if word in "\"'":
            end = self.source.text.find("\n", start)
            word = self.source.text[start : end if end >= 0 else None].rstrip("\r")
            note = "a string ends with the quote it began with, on the same line; a line break in it is written `\\n`"
            self._report("E0104", "the string is not closed on its line", start, len(word), note=note)
        elif word[0] in ".+-" or word[0].isdigit():
            note = "numbers look like 12, -3, 0.5, 1e-3, 0x1F or 017"
            self._report("E0105", f"malformed number `{_short(word)}`", start, len(word), note=note)
        elif len(word) > 1 and word[0] == "/":
            missing = ()
            self._report("E0106", f"`{word[:2]}` begins no comment", start, len(word), suggestion="write `#`")
        else:
            word, missing = word[0], ("_COLON",)
            self._report("E0106", f"unexpected character `{word}`", start, note=f"expected {_expected(parser)}")
        parser.lexer_thread.state.line_ctr.feed(word)
        if _fits(parser, missing):
            _feed(parser, missing, start)

    def _token(self, token: Token, parser: Parser) -> None:
        """A token of the wrong kind: put what is missing before it, or drop it."""
        start = token.start_pos or 0
        if token in _CLOSERS.values():
            self._closer(token, _open(parser), parser)
            return
        shown, name = token.rstrip(), _name(parser)
        unmarked = name and token.type in ("NAME", "NUMBER", "STRING")
        suggestion = f"write `{name}: {_short(shown)}`" if unmarked else ""
        message = f"expected {_expected(parser)}, found `{_short(shown)}`"
        self._report("E0101", message, start, len(shown), suggestion=suggestion)
        missing = next((m for m in _MISSING if _fits(parser, (*m, token.type))), None)
        if missing is not None:
            _feed(parser, missing, start)
            parser.feed_token(token)

    def _closer(self, token: Token, opener: Token | None, parser: Parser) -> None:
        """A bracket that closes too early, or the wrong one, or nothing."""
        start = token.start_pos or 0
        ending = next((e for e in _ENDINGS if _fits(parser, (*e, _FIELD))), ())
        if opener is None:
            self._report("E0103", f"`{token}` closes nothing", start, note="no message is open here")
        elif _CLOSERS[opener.type] == token:
            self._report("E0101", f"expected {_expected(parser)}, found `{token}`", start)
        else:
            place = self.source.span(opener.start_pos or 0)
            note = f"`{opener}` was opened on line {place.line} and is closed by `{_CLOSERS[opener.type]}`"
            self._report("E0103", f"`{token}` does not close `{opener}`", start, note=note)
        _feed(parser, ending, start)
        if opener and opener.type == "LSQB":  # closed by the ending; the bracket was meant for what is around it
            opener = _open(parser)
        if opener and token != "]":
            parser.feed_token(Token("RBRACE" if opener.type == "LBRACE" else "MORETHAN", token, start_pos=start))

    def _ended(self, parser: Parser) -> None:
        """The text ends within a message, a list or a field."""
        if opener := _open(parser):
            note = f"expected `{_CLOSERS[opener.type]}` before the end of the file"
            self._report("E0102", f"`{opener}` is never closed", opener.start_pos or 0, note=note)
        else:
            last = max(0, len(self.source.text.rstrip()) - 1)
            self._report("E0101", f"expected {_expected(parser)}, found the end of the file", last)


def _expected(parser: Parser) -> str:
    """What the parser would take, in plain words."""
    accepted = parser.accepts()
    words = ["a field name"] if _FIELD in accepted else ["a value"] if "NUMBER" in accepted else []
    words += [sign for kind, sign in _SIGNS.items() if kind in accepted and (kind != "COMMA" or not words)]
    begun = _begun(parser)
    return " or ".join(words) + (f" after `{begun}`" if begun else "")


def _fits(parser: Parser, kinds: tuple[str, ...]) -> bool:
    """Whether the parser would take tokens of these kinds, one after the other."""
    trial = parser.copy(deepcopy_values=False)
    try:
        for kind in kinds:
            trial.feed_token(Token(kind, "0", start_pos=0, end_pos=0))
    except UnexpectedToken:
        return False
    return True


def _feed(parser: Parser, kinds: tuple[str, ...], start: int) -> None:
    """Give the parser tokens that the user did not write."""
    for kind in kinds:
        parser.feed_token(Token(kind, "0", start_pos=start, end_pos=start))


def _stack(parser: Parser) -> Iterator[Any]:
    return reversed(parser.parser_state.value_stack)


def _open(parser: Parser) -> Token | None:
    """The innermost bracket that is still open."""
    return next((v for v in _stack(parser) if isinstance(v, Token) and v.type in _CLOSERS), None)


def _begun(parser: Parser) -> str:
    """What was read of an unfinished field: its name, perhaps its colon."""
    top = list(islice(_stack(parser), 2))
    kinds = [getattr(value, "type", "") for value in top]
    if kinds[:2] == ["_COLON", "NAME"]:
        return f"{_short(top[1])}:"
    return _name(parser)


def _name(parser: Parser) -> str:
    """The field being read, if only its name was read."""
    top = next(_stack(parser), None)
    return _short(top) if isinstance(top, Token) and top.type == "NAME" and _fits(parser, ("_COLON",)) else ""


def _short(text: str) -> str:
    """A piece of the user's text for use within a sentence."""
    return text if len(text) <= 40 else text[:40] + "…"
