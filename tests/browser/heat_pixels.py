"""What stands on the overlay's canvas, whichever thread draws it; and how to have it drawn on the page's own."""

from __future__ import annotations

__all__ = ["CONTEXT", "NO_WORKER"]

#: An expression: a context with a copy of what is on the overlay's canvas. One that a worker draws on can't be read itself.
CONTEXT = """((canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return copy;
})(document.querySelector("isotherm-overlay").shadowRoot.querySelector("canvas"))"""

#: For `add_init_script`: a browser in which no worker can draw.
NO_WORKER = "delete HTMLCanvasElement.prototype.transferControlToOffscreen;"
