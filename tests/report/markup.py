"""What the tests of the report know about a page of HTML: its elements, and whether it is well formed.

Python's parser forgives; this one complains: about an element that is not closed or not known, an attribute that is
given twice, an id that is used twice or leads nowhere, and everything that loads or runs something.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

VOID = {"br", "input", "link", "meta", "rect"}
KNOWN = VOID | {
    "html", "head", "title", "style", "body", "a", "header", "h1", "h2", "h3", "dl", "div", "dt", "dd", "p", "label",
    "select", "option", "nav", "ul", "li", "main", "section", "table", "caption", "small", "thead", "tbody", "tr", "th",
    "td", "svg", "span", "details", "summary", "pre", "code", "footer", "script",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "id", "class", "href", "aria-label", "aria-labelledby",
    "aria-hidden", "scope", "role", "tabindex", "data-v", "value", "hidden", "viewbox", "preserveaspectratio",
    "focusable", "width", "height", "x",
}  # fmt: skip
_LOADS = r"(?i)@import|\burl\s*\(|\bsrc(?:set)?\s*=|<link|<img|<iframe|<object|<base|\bfetch\(|XMLHttpRequest"


class Element(NamedTuple):
    """A start tag."""

    tag: str
    attributes: dict[str, str]
    inside: tuple[str, ...]
    """The tags around it."""


class Page(HTMLParser):
    """A page, parsed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.texts: list[tuple[str, str]] = []
        """The tag that has it, and the text."""
        self.wrong: list[str] = []
        self._open: list[str] = []
        if not text.startswith("<!DOCTYPE html>\n<html lang="):
            self.wrong.append("it does not begin as HTML with a language")
        self.feed(text)
        self.close()
        self.wrong += [f"<{tag}> is not closed" for tag in self._open]
        self._check_references()
        self._check_tables()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if tag not in KNOWN:
            self.wrong.append(f"<{tag}> is not one of ours")
        if len(names) != len(set(names)) or not set(names) <= ATTRIBUTES:
            self.wrong.append(f"<{tag}> has the attributes {names}")
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing that is open")

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"a comment: {data}")

    def handle_pi(self, data: str) -> None:
        self.wrong.append(f"a processing instruction: {data}")

    def of(self, tag: str) -> list[Element]:
        """The elements with this tag."""
        return [element for element in self.elements if element.tag == tag]

    def text_of(self, *tags: str) -> list[str]:
        """The texts directly in elements with these tags."""
        return [" ".join(text.split()) for tag, text in self.texts if tag in tags and text.strip()]

    def _check_references(self) -> None:
        ids = [element.attributes["id"] for element in self.elements if "id" in element.attributes]
        self.wrong += [f"the id {name!r} is used twice" for name in {name for name in ids if ids.count(name) > 1}]
        self.wrong += [f"the id {name!r} has a space or is empty" for name in ids if not re.fullmatch(r"\S+", name)]
        for element in self.elements:
            targets = element.attributes.get("aria-labelledby", "").split()
            if "href" in element.attributes:
                if not element.attributes["href"].startswith("#"):
                    self.wrong.append(f"a link to {element.attributes['href']!r}")
                targets.append(element.attributes["href"].removeprefix("#"))
            self.wrong += [f"nothing has the id {name!r}" for name in targets if name not in ids]

    def _check_tables(self) -> None:
        if len(self.of("table")) != len(self.of("caption")):
            self.wrong.append("a table has no caption")
        self.wrong += ["a <th> has no scope" for each in self.of("th") if each.attributes.get("scope") not in _SCOPES]
        self.wrong += ["a picture is not hidden, and has no text" for each in self.of("svg")
                       if each.attributes.get("aria-hidden") != "true"]  # fmt: skip


_SCOPES = ("col", "row")


def loads(text: str) -> list[str]:
    """What would make a browser load something."""
    return re.findall(_LOADS, text)
