"""HTML and SVG as trees: what is text in a tree is text on the page, whatever it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

from archgen.render.plain import shown

Child: TypeAlias = "Element | str"
NO_ATTRIBUTES: Mapping[str, str] = {}


def element(tag: str, attributes: Mapping[str, str] = NO_ATTRIBUTES, *children: Child) -> Element:
    """An element; what hides or reorders text in a child or an attribute is named by its code point."""
    made = Element(tag, {name: visible(value) for name, value in attributes.items()})
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + visible(child)
        else:
            made.text = (made.text or "") + visible(child)
    return made


def source(tag: str, text: str) -> Element:
    """A `style` or a `script`, which stands on the page as it is: never with words of a spec in it."""
    made = Element(tag)
    made.text = text
    return made


def visible(text: str) -> str:
    """The text, its lines kept."""
    return "\n".join(map(shown, text.split("\n")))


def html_text(root: Element) -> str:
    """The tree as a page."""
    return f"<!doctype html>\n{tostring(root, encoding='unicode', method='html')}\n"
