"""axe in a page: what it has against WCAG 2.2 A and AA and against good practice."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`)))"""


async def complaints(page: Page) -> list[str]:
    """Each element that breaks a rule; none: nothing to say."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text() + "\n;0")
    found: list[str] = await page.evaluate(_RUN)
    return found
