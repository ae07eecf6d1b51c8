"""The few elements a plot is made of, as text: markup that stands inside the page.

Rules: numbers are rounded to a tenth of a unit; text is escaped here and nowhere else; colours are
never written, only classes, so that one style sheet serves light, dark and print.
"""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise

Point = tuple[float, float]


def element(name: str, *children: str, **attributes: str | float | None) -> str:
    """An element; `class_` is class, `text_anchor` is text-anchor, None is left out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{name}{said}>{inner}</{name}>" if inner else f"<{name}{said}/>"


def text(said: str, x: float, y: float, class_: str = "", anchor: str = "start") -> str:
    """A line of text; `anchor`: which end of it stands at x."""
    return element(
        "text",
        escape(said),
        x=x,
        y=y,
        class_=class_ or None,
        text_anchor=None if anchor == "start" else anchor,
    )


def line(begin: Point, end: Point, class_: str) -> str:
    """A straight line."""
    return element("line", x1=begin[0], y1=begin[1], x2=end[0], y2=end[1], class_=class_)


def rectangle(x: float, y: float, width: float, height: float, class_: str, title: str = "") -> str:
    """A box; its title shows when the pointer rests on it."""
    inner = element("title", escape(title)) if title else ""
    return element("rect", inner, x=x, y=y, width=width, height=height, class_=class_)


def circle(centre: Point, radius: float, class_: str, title: str = "") -> str:
    """A dot, with a title as a rectangle's."""
    inner = element("title", escape(title)) if title else ""
    return element("circle", inner, cx=centre[0], cy=centre[1], r=radius, class_=class_)


def polyline(points: Iterable[Point], class_: str) -> str:
    """A line through the points; none for fewer than two."""
    path = _path(points)
    return element("path", d=path, class_=class_) if "L" in path else ""


def area(upper: Sequence[Point], lower: Sequence[Point], class_: str) -> str:
    """What lies between two lines; nothing where they are one."""
    if not any(high != low for high, low in zip(upper, lower, strict=True)):
        return ""
    return element("path", d=f"{_path([*upper, *reversed(lower)])}Z", class_=class_)


def steps(points: Sequence[Point]) -> list[Point]:
    """The corners of a line that keeps each height until the next point."""
    corners = list(points[:1])
    for (_, old_y), (x, y) in pairwise(points):
        corners += [(x, old_y), (x, y)] if y != old_y else [(x, y)]
    return corners


def drawing(
    name: str, width: float, height: float, title: str, description: str, body: Sequence[str]
) -> str:
    """A whole picture. `name` is unique in the page; title and description are for those who
    listen to the page instead of looking at it."""
    return element(
        "svg",
        element("title", escape(title), id=f"{name}-title"),
        element("desc", escape(description), id=f"{name}-desc"),
        *body,
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        class_="plot",
        style=f"--natural-width:{_value(width)}px",
    )


def _path(points: Iterable[Point]) -> str:
    return "".join(
        f"{'L' if number else 'M'}{_value(x)} {_value(y)}" for number, (x, y) in enumerate(points)
    )


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escape(value)
    return f"{value:.1f}".rstrip("0").rstrip(".") or "0"
