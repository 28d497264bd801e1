"""What is on the disk after visitors came: nothing of who they are."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp

from tests.end_to_end.conftest import Serve
from tests.serving import batch, event

SECRETS = {
    "User-Agent": "agent-of-the-visitor", "Referer": "https://came.example/from-there", "Cookie": "shop=cookie-of-the-visitor",
    "X-Forwarded-For": "203.0.113.77", "Accept-Language": "tlh-of-the-visitor",
}  # fmt: skip
WORDS = [
    "agent-of-the-visitor",
    "from-there",
    "cookie-of-the-visitor",
    "203.0.113.77",
    "tlh-of-the-visitor",
    "query-of-the-visitor",
    "127.0.0.1",
]


async def test_nothing_of_who_they_are_is_stored(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """No address, user agent, referrer, cookie, language or query string, in no file under `--data`, by socket and by beacon."""
    served = await serve("--open-heat", "--trusted-proxy", "127.0.0.1")
    secret = "query-of-the-visitor"
    classic = event(path="/seen", page_url=f"https://shop.example/seen?{secret}", query_prams=f"?mail={secret}", title=secret)
    for body in (classic, batch(1, [1], path=f"/seen?x={secret}")):
        async with http.post(f"{served.address}/clickstream", data=json.dumps(body), headers=SECRETS) as answer:
            assert answer.status == 202
    async with http.ws_connect(f"{served.ws}/clickstream/s?other={secret}", headers=SECRETS) as socket:
        await socket.send_json(batch(2, [1], path="/seen", load="socket", text=secret))
        while await socket.receive_json(timeout=20) != {"ack": 2}:
            pass
    assert await served.stop() == 0
    stored = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file() and path.name != "server.json"}
    assert b"/seen" in b"".join(stored.values()), "what is looked for would be found"
    assert not [(path.name, word) for path, content in stored.items() for word in WORDS if word.encode() in content]
    assert not [word for word in WORDS[:6] if word in "".join(served.output)]
