"""The API's own description: the OpenAPI document, and a page that lists it for people.

Why not Swagger UI: it comes from a CDN, and a store without a way to the internet would show an
empty page.
"""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
td {{ padding: .3rem 1rem .3rem 0; vertical-align: top }} code {{ font-size: .9em }}
</style></head><body><h1>{title}</h1><p>{about}</p>
<p>The whole description is <a href="openapi.json">openapi.json</a>.</p>
{sections}</body></html>
"""


@router.get("/openapi.json")
async def openapi(request: Request) -> dict[str, Any]:
    """The OpenAPI document."""
    document: dict[str, Any] = request.app.openapi()
    return document


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """All operations on one page."""
    document = request.app.openapi()
    info = document["info"]
    sections: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            row = (
                f"<tr><td><code>{method.upper()}</code></td><td><code>{escape(path)}</code></td>"
                f"<td>{escape(operation.get('description', ''))}</td></tr>"
            )
            sections.setdefault(operation["tags"][0], []).append(row)
    tables = "".join(
        f"<h2>{escape(tag)}</h2><table>{''.join(rows)}</table>" for tag, rows in sections.items()
    )
    title = f"{info['title']} {info['version']}"
    return HTMLResponse(
        _PAGE.format(title=escape(title), about=escape(info["description"]), sections=tables)
    )
