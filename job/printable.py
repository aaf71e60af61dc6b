"""Somebody else's text, made safe where it leaves this program: in rows, logs, errors, and on a terminal.

Names, images, labels and messages come from clusters. What they contain must not move a terminal's cursor, write to its
clipboard, forge a line, or carry a token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_BEARER = re.compile(r"(?i)\b(bearer|authorization\W{1,4}basic)\s+[^\s\"',;<>\\]+")
_USER = re.compile(r"//.*@", re.DOTALL)
_TOKEN = re.compile(r"\b(?:ya29\.|eyJ)[\w.~+/=-]+")  # Google's access tokens, and JSON Web Tokens


def printable(text: str, max_length: int = 200) -> str:
    """The text as one line, without control characters, cut to a length.

    >>> printable("no such\\n\\x1b[31mpod")
    'no such [31mpod'
    """
    cut = text[:max_length]
    return " ".join("".join([char if char.isprintable() else " " for char in cut]).split())


def is_unicode(text: str) -> bool:
    r"""Whether UTF-8 has it: a text of Python may have half of a surrogate pair, which is no character.

    >>> is_unicode("a\u20ac"), is_unicode("\ud800")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def said(text: str, max_length: int = 300) -> str:
    """What a server says, as a part of a message of ours: one line, without the backticks around our commands.

    >>> said("no.\\nRun `rm -r x`")
    "no. Run 'rm -r x'"
    """
    return printable(text, max_length).replace("`", "'")


def escaped(text: str) -> str:
    r"""The whole text as one line, with each character that a terminal would not print as itself as an escape.

    >>> print(escaped("image\x1b]52;c;bHM=\a:v1\n"))
    image\x1b]52;c;bHM=\x07:v1\n

    Characters that reorder a line are no printable ones either.

    >>> print(escaped("web\u202egnp.exe"))
    web\u202egnp.exe
    """
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() else _escape(char) for char in text])


def without_tokens(text: str, tokens: Iterable[str] = ()) -> str:
    """The text without these tokens, and without what looks like one: servers quote headers, whole or cut short.

    >>> without_tokens("cannot read the header 'Authorization: Bearer abc'")
    "cannot read the header 'Authorization: Bearer ...'"
    >>> without_tokens("Proxy-Authorization: Basic bWU6c2VjcmV0; Basic authentication failed")
    'Proxy-Authorization: Basic ...; Basic authentication failed'
    """
    for token in tokens:
        if token:
            text = text.replace(token, "...")
    return _TOKEN.sub("...", _BEARER.sub(r"\1 ...", text))


def without_password(url: str) -> str:
    """The address without its user and password.

    >>> without_password("postgres://me:secret@example.com/x")
    'postgres://...@example.com/x'
    """
    return _USER.sub("//...@", url)


def escaped_lines(text: str, max_length: int = 20_000) -> str:
    """Text of several lines for a terminal, without tokens: each line as `escaped` gives it."""
    cut = without_tokens(text)[:max_length]
    return "\n".join(escaped(line) for line in cut.split("\n"))


def blank_tokens(encoded: bytearray, tokens: Iterable[str]) -> None:
    """Overwrites these tokens with dots, or what is left of one that was cut short, in text that may be JSON.

    >>> encoded = bytearray(b'{"image":"a/one-token-of-somebody:v1"}')
    >>> blank_tokens(encoded, ["one-token-of-somebody"]); encoded
    bytearray(b'{"image":"a/.....................:v1"}')
    """
    for token in tokens:
        start = token[:_TOKEN_START].encode()
        at = encoded.find(start) if start else -1
        while at >= 0:
            end = _TOKEN_CHARACTERS.match(encoded, at)
            size = max(end.end() - at if end else 0, len(start))
            encoded[at : at + size] = b"." * size
            at = encoded.find(start, at)


_TOKEN_START = 40  # characters that no other text shares
_TOKEN_CHARACTERS = re.compile(rb"[\w.~+/=-]+")


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()
