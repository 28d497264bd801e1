"""What a sample says that it lies on: zones, links, ids, ways from them; and where in the box. What rules say comes back as events."""

from __future__ import annotations

import json
from typing import Any

from playwright.async_api import Page
from recorder import TAG, Batch, Recorder, unpack

BODY = f"""<body style="margin:0"><style>#main > * {{ display: block; height: 100px; width: 400px; }} i {{ display: block; height: 50px }}</style>
<div id=main>
<div data-heat-zone=buy><i></i><b id=inner>Buy</b></div>
<a href="/p/2?x=1" onclick="return false"><i></i></a>
<div id=own></div>
<form><input name=id style="box-sizing:border-box;width:100px;height:50px;display:block"><p style="margin:0;height:50px"></p></form>
<div data-isotherm-ignore data-heat-zone=secret></div>
</div>{TAG}"""


def anchors(batch: Batch) -> list[tuple[str, float, float]]:
    """The anchor of each sample and the place in its box, by docs/wire.md."""
    message = batch.message
    columns = zip(unpack(message["anchor"]), unpack(message["ax"]), unpack(message["ay"]), strict=True)
    return [(message["anchors"][int(place)], x, y) for place, x, y in columns]


def clicked(recorder: Recorder) -> list[tuple[str, float, float]]:
    """The anchors of the clicks."""
    pairs = [pair for batch in recorder.batches for pair in zip(batch.samples, anchors(batch), strict=True)]
    return [anchor for (kind, _, _), anchor in pairs if kind == "click"]


async def test_a_sample_says_what_it_lies_on_and_where_in_its_box(page: Page, recorder: Recorder) -> None:
    """The zone before all that is in it; a link's path without its query; an id; a way from one. An ignored region gives none."""
    recorder.pages["/"] = BODY
    await recorder.open(page)
    places = [(100, 75), (200, 150), (300, 250), (50, 325), (50, 375)]
    expected = [("buy", 250, 750), ("/p/2", 500, 500), ("#own", 750, 500), ("#main>3>0", 500, 500), ("#main>3>1", 125, 500)]
    await page.mouse.click(10, 450)
    for place, name in zip(places, expected, strict=True):
        await page.wait_for_timeout(30)  # two clicks within 20 ms are one
        await page.mouse.click(*place)
        await recorder.until(lambda wanted=name: wanted in clicked(recorder))
    assert clicked(recorder) == expected
    assert not any("secret" in batch.text for batch in recorder.batches)


async def test_a_long_name_is_cut_between_characters(page: Page, recorder: Recorder) -> None:
    """Half a character is no JSON: the server would refuse the batch, and could not even say which."""
    recorder.pages["/"] = f'<body style="margin:0;height:900px" data-heat-zone="{"z" * 63}🛒🛒">{TAG}'
    await recorder.open(page)
    await page.mouse.click(100, 75)
    await recorder.until(lambda: clicked(recorder))
    assert clicked(recorder)[0][0] == "z" * 63 + "🛒"


async def test_what_a_rule_says_reaches_the_page(page: Page, recorder: Recorder) -> None:
    """As a DOM event and to `isotherm.on`; the tracker goes on as before."""
    heard: list[Any] = []

    def hear(word: Any) -> None:
        heard.append(word)

    await page.expose_function("heard", hear)
    await recorder.open(page)
    await page.evaluate(
        """() => {
          addEventListener("isotherm:hot", (event) => heard(["event", event.detail.zone]));
          isotherm.on("hot", (detail) => heard(["on", detail.zone]));
          isotherm.on("cooled", (detail) => heard(["cooled", detail.zone]));
        }"""
    )
    await page.mouse.move(10, 10)
    await recorder.until(lambda: recorder.batches)
    await recorder.say(json.dumps({"react": [{"type": "hot", "zone": "buy"}]}))
    await recorder.say(json.dumps({"react": [{"type": "cooled", "zone": "buy"}, {"type": "unheard"}]}))
    while len(heard) < 3:
        await page.wait_for_timeout(20)
    assert heard == [["event", "buy"], ["on", "buy"], ["cooled", "buy"]]
    await page.mouse.move(60, 60)
    await recorder.until(lambda: ("move", 60.0, 60.0) in recorder.points())
