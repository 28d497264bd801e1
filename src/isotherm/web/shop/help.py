"""Delivery, returns, repair: questions that unfold."""

from __future__ import annotations

from html import escape
from typing import Final

from isotherm.web.shop.frame import page

__all__ = ["help_page"]

_QUESTIONS: Final = (
    (
        "delivery",
        "When will it be here?",
        "Ordered before four, it leaves the same day. In town it comes by bicycle the next morning; elsewhere it takes "
        "two days, three where there is a ferry.",
    ),
    ("cost", "What does delivery cost?", "Nothing from €40 on. Below, €3.90, which is what it costs us."),
    (
        "returns",
        "It does not suit me. What now?",
        "Sixty days, used or not. Fold the box back, put the label that came with it on the outside, and leave it at any "
        "corner shop. The money is back before the box is.",
    ),
    (
        "repair",
        "It broke. Can it be mended?",
        "Nearly always. We keep all parts for ten years and sell them at cost; the manual shows every screw. Or send it "
        "in: mended within five days, free for three years.",
    ),
    ("old", "Do you take the old one?", "Yes, whoever made it. What still works goes to the repair evening, what does not is taken apart."),
    ("exist", "Does this shop exist?", "No. It is a picture of one, so that there is something to look at while a heat map is drawn."),
)


def help_page() -> str:
    items = "".join(
        f'<details id="{name}"{" open" if number == 0 else ""}><summary data-heat-zone="question-{name}">{escape(question)}</summary>'
        f'<p data-heat-zone="answer-{name}">{escape(answer)}</p></details>'
        for number, (name, question, answer) in enumerate(_QUESTIONS)
    )
    body = f"""<section class="wrap help" aria-labelledby="help-title">
<h1 id="help-title" data-heat-zone="title">Delivery, returns, repair</h1>
<p class="lead">Short answers. The long ones are just as friendly.</p>{items}</section>"""
    return page("Delivery and returns", body)
