"""Bag and checkout. What lies in the bag is known to the visitor's browser alone; ``assets/js/bag.js`` sets it out."""

from __future__ import annotations

from isotherm.web.shop.frame import icon, page

__all__ = ["cart_page", "checkout_page"]

_NOSCRIPT = "<noscript><p>Your bag lives in your browser and needs JavaScript.</p></noscript>"


def cart_page() -> str:
    body = f"""<section class="wrap bag" aria-labelledby="bag-title">
<h1 id="bag-title" data-heat-zone="title">Your bag</h1>{_NOSCRIPT}
<div class="bag-columns"><ul class="bag-lines" data-bag-lines></ul>
<aside class="sum" aria-label="Sum" data-bag-sum data-href="/shop/checkout"></aside></div></section>"""
    return page("Your bag", body)


def checkout_page() -> str:
    body = f"""<section class="wrap bag" aria-labelledby="checkout-title">
<h1 id="checkout-title" data-heat-zone="title">Checkout</h1>{_NOSCRIPT}
<div class="bag-columns"><form class="checkout" data-checkout>
<fieldset><legend>Where it goes</legend>
{_field("name", "Name", "name")}{_field("email", "E-mail", "email", kind="email")}
{_field("street", "Street and number", "street-address")}
<div class="two">{_field("code", "Postcode", "postal-code")}{_field("town", "Town", "address-level2")}</div></fieldset>
<fieldset><legend>How you pay</legend>
<div class="ways" data-heat-zone="ways">
<label class="way"><input type="radio" name="way" value="invoice" checked><span>By invoice, when it is there</span></label>
<label class="way"><input type="radio" name="way" value="card"><span>By card</span></label></div>
{_field("note", "A word to us (if you like)", "off", needed=False)}</fieldset>
<p class="actions"><button class="button button-wide" type="submit" data-heat-zone="place-order">Place the order</button></p>
<p class="small">This shop does not exist: nothing that you write here is sent or kept anywhere.</p></form>
<aside class="sum" aria-label="Sum" data-bag-sum></aside></div></section>
<dialog id="thanks" aria-labelledby="thanks-title">
<form method="dialog"><button class="round" aria-label="Close">{icon("close")}</button></form>
<h2 id="thanks-title">Thank you!</h2><p>If this shop existed, your things would be on their way now.</p>
<p class="actions"><a class="button" href="/shop/">Back to the shop</a></p></dialog>"""
    return page("Checkout", body)


def _field(name: str, label: str, autocomplete: str, *, kind: str = "text", needed: bool = True) -> str:
    required = " required" if needed else ""
    return (
        f'<div class="field"><label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" autocomplete="{autocomplete}"{required} data-heat-zone="field-{name}"></div>'
    )
