"""The journal: the shop's single-page application. One shell for all its addresses; ``assets/js/journal.js`` is the rest."""

from __future__ import annotations

from isotherm.web.shop.frame import page

__all__ = ["journal_page"]


def journal_page() -> str:
    body = """<div class="wrap journal" data-journal>
<noscript><p>The journal is a single-page application and needs JavaScript.</p></noscript></div>"""
    return page("Journal", body, here="/shop/journal")
