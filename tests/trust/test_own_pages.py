"""The headers of what we serve: our own pages strict, the tracker and the overlay to be had from anywhere."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import pytest

from tests.end_to_end.conftest import Serve

WEB = Path(__file__).parents[2] / "src" / "isotherm" / "web"
PAGES = [
    "/",
    "/topics",
    "/zones",
    "/rules",
    "/login",
    "/login?code=wrong",
    "/nowhere",
    "/api/pages",
    "/api/heatmap",
    "/metrics",
    "/healthz",
    "/shared/base.css",
    "/dashboard/main.js",
]
ANYWHERE = {"/shared/base.css"}  #: what the overlay needs on a page of another origin


async def test_every_answer_is_strict(serve: Serve, http: aiohttp.ClientSession) -> None:
    """No inline script, no other host, no framing, no sniffing, no referrer; on pages, figures and errors, shut and open."""
    for options in ((), ("--open-heat",)):
        served = await serve(*options)
        for path in PAGES:
            async with http.get(served.address + path, allow_redirects=False) as answer:
                headers = answer.headers
                policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
            assert policy["default-src"] == "'none'", path
            assert policy["script-src"] == policy["style-src"] == "'self'"
            assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
            assert "unsafe" not in str(policy)
            assert (headers["X-Content-Type-Options"], headers["X-Frame-Options"]) == ("nosniff", "DENY")
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cross-Origin-Resource-Policy"] == ("cross-origin" if path in ANYWHERE else "same-origin"), path
        await served.kill()


async def test_the_tracker_loads_anywhere(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Across origins, also on pages that are isolated; as a script, small, kept for minutes; so does the overlay."""
    served = await serve()
    async with http.get(f"{served.address}/tracker.js", headers={"Origin": "https://shop.example"}, auto_decompress=False) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(await answer.read()) <= 2500
        headers = answer.headers
        assert headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert headers["Cache-Control"] == "public, max-age=300"
    takes = {"Accept-Encoding": "gzip, deflate, br, zstd"}
    async with http.get(f"{served.address}/tracker.js", headers=takes, auto_decompress=False) as answer:
        assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("br", "Accept-Encoding")
        assert len(await answer.read()) < 2300
    async with http.get(f"{served.address}/tracker.js", headers={"Accept-Encoding": "identity"}) as answer:
        assert (await answer.read()).startswith(b"(()=>")
        assert "Content-Encoding" not in answer.headers
    for accepted, encoding in (("br;q=0, gzip", "gzip"), ("gzip; q=0.0,br;q=0.1", "br"), ("GZIP", "gzip"), ("gzip;q=0, brush", None)):
        for path in ("/tracker.js", "/overlay/overlay.js"):
            async with http.get(f"{served.address}{path}", headers={"Accept-Encoding": accepted}, auto_decompress=False) as answer:
                expected = None if encoding == "br" and path != "/tracker.js" else encoding
                assert answer.headers.get("Content-Encoding") == expected, (path, accepted)
    async with http.get(f"{served.address}/overlay/overlay.js") as answer:
        assert answer.status == 200
        for found in (headers, answer.headers):
            assert found["Access-Control-Allow-Origin"] == "*"
            assert found["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert "Access-Control-Allow-Credentials" not in found
    async with http.post(f"{served.address}/clickstream", json={}) as answer:
        assert (answer.status, answer.headers["Cross-Origin-Resource-Policy"]) == (422, "cross-origin"), "no error in a visitor's console"


@pytest.mark.parametrize("page", sorted(WEB.glob("dashboard/*.html")), ids=lambda page: page.name)
def test_no_page_of_ours_has_inline_script(page: Path) -> None:
    """Neither script nor style nor handlers within the markup: the policy would forbid them."""
    text = page.read_text("utf-8")
    assert not re.findall(r"<script(?![^>]*\bsrc=)", text)
    assert not re.findall(r"<style|\sstyle=|\son\w+=|javascript:", text)


@pytest.mark.parametrize(
    "script", sorted([*WEB.glob("dashboard/*.js"), *WEB.glob("overlay/*.js"), *WEB.glob("shared/*.js")]), ids=lambda path: path.name
)
def test_nothing_becomes_markup(script: Path) -> None:
    """No door by which a string could become markup or program, in no module of ours."""
    assert not re.findall(
        r"[.]innerHTML|[.]outerHTML|insertAdjacentHTML|document\.write|unsafeHTML|\beval\(|new Function|createContextualFragment",
        script.read_text("utf-8"),
    )
