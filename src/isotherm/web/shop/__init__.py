"""The demo shop: Kestrel, a small fictional shop that carries the tracker like any other site.

Every page is a pure function of the catalogue (`assets/catalog.json`) to HTML; `frame` is what all pages share. What a page
does in the browser stands in `assets/js`, one idea a module. No page has inline script or style, so the strictest
content security policy fits.

What people look at carries ``data-heat-zone``, a name, and product cards ``data-product``; ``scripts/shop_layout.py``
measures these boxes in a real browser into ``layout.json``, which the simulated visitors walk by.

The server calls `render` for every address under ``/shop/`` that is no file; files are ``assets/`` and ``layout.json``.
"""

from isotherm.web.shop.pages import paths, render

__all__ = ["paths", "render"]
