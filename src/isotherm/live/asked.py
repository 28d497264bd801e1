"""What a viewer's request asks for: site and page, or a refusal."""

from __future__ import annotations

from aiohttp import web

from isotherm.answers import refused
from isotherm.core.pages import DEFAULT_SITE, PATH_BYTES_MAX

__all__ = ["checked_page", "site_asked"]


def site_asked(request: web.Request) -> str:
    """The site's key as it came; left out, the default one's."""
    return request.query.get("site") or DEFAULT_SITE


def checked_page(site: str, path: str | None) -> str:
    """The path, if there can be such a page of such a site. Raises 422."""
    if not path or not path.startswith("/"):
        raise refused(web.HTTPUnprocessableEntity, f"expected page to be a path such as /p/1, got {path if path is None else path[:200]!r}")
    if len(path.encode()) > PATH_BYTES_MAX:
        raise refused(web.HTTPUnprocessableEntity, f"expected page to be at most {PATH_BYTES_MAX} bytes as UTF-8")
    if "/" in site:
        raise refused(web.HTTPUnprocessableEntity, f"expected site to be a site's key, got {site[:80]!r}")
    return path
