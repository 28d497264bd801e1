"""The tutorial's way, unchanged: two front-ends that know only the classic event and the classic heat map, on *.localhost."""

from __future__ import annotations

from pathlib import Path

from chromium import NewPage
from playwright.async_api import expect
from tests.serving import eventually, start

FRONT_ENDS = Path(__file__).parents[2] / "examples" / "classic"
WARM = """([x, y]) => document.querySelector("#heat").getContext("2d").getImageData(x, y, 1, 1).data[3] > 0"""


async def test_the_classic_front_ends_work_on_their_host_names(tmp_path: Path, new_page: NewPage) -> None:
    """A mouse in the classic shop warms its tile in the classic heat map of the same path, and of no other."""
    served = await start(tmp_path / "data", "--open-heat", "--classic-hosts", str(FRONT_ENDS))
    port = served.address.rpartition(":")[2]
    shop, heat, other = await new_page(), await new_page(), await new_page()
    await heat.goto(f"http://heatmap.localhost:{port}/p/1")
    await other.goto(f"http://heatmap.localhost:{port}/p/2")
    async with shop.expect_websocket() as opening:
        await shop.goto(f"http://webshop.localhost:{port}/p/1")
    socket = await opening.value
    assert f"//clickstream.localhost:{port}/" in socket.url
    document = await shop.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    place = [int(50 * 640 / document[0]), int(50 * 400 / document[1])]

    async def warm() -> bool:
        await shop.mouse.move(641, 401)  # the same tile; the front-end forgets what it sees before its socket is open
        await shop.mouse.move(640, 400)
        return bool(await heat.evaluate(WARM, place))

    await eventually(warm)
    await expect(heat.locator("#total")).not_to_have_text("0")
    await expect(other.locator("#total")).to_have_text("0")
    for page in (shop, heat, other):
        await page.context.close()
    await served.stop()
