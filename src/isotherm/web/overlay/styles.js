// @ts-check
/**
 * The overlay's own styles, for its shadow root alone.
 *
 * Colours, radii and shadows are those of `shared/tokens.css` (a test holds them together); here they stand as a script, because a page's
 * policy may forbid style sheets from elsewhere but not a constructed one. All sizes are in px: a page may set its root's type size to anything.
 */

const CSS = `
:host {
  all: initial !important;
  display: contents !important;
  color-scheme: light dark !important;
  --surface: light-dark(#fdfcfa, #18191c);
  --raised: light-dark(#ffffff, #212327);
  --sunken: light-dark(#efece5, #0c0d0f);
  --line: light-dark(#e4dfd5, #2a2c30);
  --line-strong: light-dark(#cbc4b6, #42454b);
  --ink: light-dark(#1d1b18, #eeece7);
  --ink-soft: light-dark(#57524a, #b3b0a8);
  --ink-faint: light-dark(#6c665b, #918e86);
  --good: light-dark(#1c6b43, #5ccb94);
  --warn: light-dark(#7d5200, #f2bd58);
  --warn-wash: light-dark(#faeccb, #2e2513);
  --bad: light-dark(#ab2118, #ff8c82);
  --bad-wash: light-dark(#fbe3df, #361c1a);
  --focus: light-dark(#2d57c9, #8fb0ff);
  --shadow: 0 1px 2px light-dark(#1d1b1814, #00000066), 0 8px 24px -8px light-dark(#1d1b1824, #000000a6);
  --sans: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}

* { box-sizing: border-box; margin: 0; padding: 0; }
[hidden] { display: none !important; }

/* The page's layer: no size, and what overflows it is ink that makes no page larger (see picture.js). */
.page {
  position: absolute;
  z-index: 2147483646;
  top: 0;
  left: 0;
  width: 0;
  height: 0;
  contain: layout;
  pointer-events: none;
}
.page * { pointer-events: none; }

.heat, .bands {
  position: absolute;
  top: 0;
  left: 0;
  max-width: none;
  image-rendering: pixelated;
  will-change: transform;
}
.heat.smooth { image-rendering: auto; }
.bands.stale { filter: grayscale(0.8); }

/* Over the window, not the page; in the browser's top layer while the page has something there (see sticking.js). */
.window {
  position: fixed;
  z-index: 2147483646;
  inset: auto;
  top: 0;
  left: 0;
  width: 0;
  height: 0;
  margin: 0;
  padding: 0;
  overflow: visible;
  border: 0;
  background: none;
  pointer-events: none;
}
.window { display: block !important; } /* in the top layer or not */
.window * { pointer-events: none; }
.blots { position: absolute; top: 0; left: 0; max-width: none; }
.blots.stale { filter: grayscale(0.8); }

.frame {
  position: absolute;
  top: 0;
  left: 0;
  outline: 2px solid #fff;
  box-shadow: 0 0 0 3px #1d1b18, inset 0 0 0 1px #1d1b18;
}

.waterline { position: absolute; top: 0; left: 0; height: 0; border-top: 2px solid #1d1b18; outline: 1px solid #ffffffb3; }
.waterline.fold { border-top-style: dashed; }
.label {
  position: absolute;
  top: 0;
  left: 8px;
  max-width: calc(100vw - 16px);
  height: 22px;
  padding: 2px 9px;
  overflow: hidden;
  border-radius: 6px 6px 6px 0;
  background: #1d1b18;
  box-shadow: 0 0 0 1px #ffffff59;
  color: #eeece7;
  font: 600 12px/18px var(--sans);
  font-variant-numeric: tabular-nums;
  text-overflow: ellipsis;
  white-space: nowrap;
}
.label.fold { color: #c9c6be; font-weight: 400; }

.tip {
  position: absolute;
  top: 0;
  left: 0;
  display: grid;
  gap: 1px;
  width: max-content;
  padding: 7px 11px;
  border-radius: 8px;
  background: #1d1b18;
  box-shadow: 0 0 0 1px #ffffff2e, 0 6px 20px -6px #000000a6;
  color: #eeece7;
  font: 400 12px/16px var(--sans);
  font-variant-numeric: tabular-nums;
}
.tip strong { font-size: 13px; font-weight: 600; }
.tip span { color: #c9c6be; }

.panel {
  position: fixed;
  z-index: 2147483647;
  contain: content;
  display: flex;
  flex-direction: column;
  width: 292px;
  max-width: calc(100vw - 16px);
  max-height: calc(100vh - 16px);
  max-height: calc(100dvh - 16px);
  overflow: hidden;
  border: 1px solid var(--line-strong);
  border-radius: 14px;
  background: var(--surface);
  box-shadow: var(--shadow);
  color: var(--ink);
  font: 400 13px/18px var(--sans);
  font-variant-numeric: tabular-nums;
  text-align: start;
}

button, input, summary { font: inherit; color: inherit; }
button, summary, label { cursor: pointer; -webkit-tap-highlight-color: transparent; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 1px; }
.icon { flex: none; width: 16px; height: 16px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }

.head {
  display: flex;
  flex: none;
  align-items: center;
  gap: 2px;
  padding: 8px 8px 6px 8px;
  cursor: grab;
  touch-action: none;
  user-select: none;
}
.head:active { cursor: grabbing; }
.grip { display: flex; align-items: center; gap: 7px; padding: 4px 6px 4px 4px; border: 0; border-radius: 6px; background: none; cursor: inherit; }
.grip b { font-weight: 650; letter-spacing: -0.01em; }
.mark { width: 20px; height: 20px; fill: none; stroke-width: 3.2; stroke-linejoin: round; }
.mark .cool { stroke: #6d5ae0; }
.mark .warm { stroke: #f27a2a; }
.mark .hot { fill: #f9c74f; }
.path, .summary { flex: 1; min-width: 0; overflow: hidden; color: var(--ink-faint); text-overflow: ellipsis; white-space: nowrap; }
.path { direction: rtl; text-align: left; unicode-bidi: plaintext; }
.summary { display: none; }
.tool { display: grid; flex: none; place-items: center; width: 28px; height: 28px; border: 0; border-radius: 6px; background: none; color: var(--ink-soft); }
.tool:hover { background: color-mix(in srgb, var(--ink) 8%, transparent); color: var(--ink); }

.status { display: flex; flex: none; align-items: center; gap: 8px; padding: 0 14px 10px; white-space: nowrap; }
.status .text { min-width: 0; overflow: hidden; font-weight: 600; text-overflow: ellipsis; }
/* A range is told whole. What is live has one line whatever it says, so that nothing below moves under a pointer. */
.status.range { flex-wrap: wrap; row-gap: 2px; }
.status.range .text { max-width: calc(100% - 24px); white-space: normal; }
.status .aside { margin-inline-start: auto; color: var(--ink-faint); }
.status .aside[data-tone="warn"] { padding: 0 7px; border-radius: 99px; background: var(--warn-wash); color: var(--warn); font-weight: 600; }
.dot { flex: none; width: 8px; height: 8px; border-radius: 50%; background: var(--ink-faint); }
.status[data-tone="good"] { color: var(--good); }
.status[data-tone="warn"] { color: var(--warn); }
.status[data-tone="bad"] { color: var(--bad); }
.status:not([data-tone="waiting"], [data-tone="paused"]) .dot { background: currentColor; }
.status[data-tone="paused"] .dot { border-radius: 1px; }
.status[data-tone="waiting"] .dot { animation: breathe 1.8s ease-in-out infinite; }
@keyframes breathe { 50% { opacity: 0.25; } }

.body, .help { display: grid; gap: 12px; min-height: 0; padding: 12px 14px 14px; overflow: hidden auto; border-top: 1px solid var(--line); overscroll-behavior: contain; scrollbar-width: thin; }

.notice { display: grid; gap: 3px; padding: 10px 12px; border-radius: 10px; background: var(--sunken); }
.notice[data-tone="warn"] { background: var(--warn-wash); }
.notice[data-tone="bad"] { background: var(--bad-wash); }
.notice strong { font-weight: 600; }
.notice[data-tone="warn"] strong { color: var(--warn); }
.notice[data-tone="bad"] strong { color: var(--bad); }
.notice p { color: var(--ink-soft); overflow-wrap: anywhere; }
.notice .button { justify-self: start; margin-top: 6px; }

.closed .figures, .closed .movement, .closed .legend { display: none; }
.figures { display: grid; grid-template-columns: 1fr 1fr; }
.figures p { display: grid; }
.figures strong { font-size: 26px; font-weight: 600; line-height: 30px; letter-spacing: -0.02em; }
.figures span, .movement { color: var(--ink-soft); }
.movement { margin-top: -8px; font-size: 12px; }

.legend { display: grid; gap: 4px; }
.legend p { display: flex; gap: 8px; justify-content: space-between; white-space: nowrap; color: var(--ink-soft); font-size: 12px; line-height: 16px; }
.strip { position: relative; }
.bar { height: 12px; border-radius: 4px; background-color: #ffffff; box-shadow: inset 0 0 0 1px light-dark(#1d1b181f, #ffffff24); }
.bar[data-ground="dark"] { background-color: #131417; }
.needle { position: absolute; top: -3px; width: 4px; height: 18px; margin-left: -2px; border: 1px solid var(--surface); border-radius: 2px; background: var(--ink); }
.ticks { position: relative; height: 16px; }
.ticks span { position: absolute; transform: translateX(-50%); }
.ticks span:first-child { left: 0; transform: none; }
.ticks span:nth-child(2) { left: 25%; }
.ticks span:nth-child(3) { left: 50%; }
.ticks span:nth-child(4) { left: 75%; }
.ticks span:last-child { right: 0; transform: none; }

.choice { display: grid; grid-template-columns: 62px 1fr; align-items: center; border: 0; min-width: 0; }
.choice legend { float: left; color: var(--ink-soft); }
.options { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; padding: 2px; border: 1px solid var(--line-strong); border-radius: 8px; background: var(--raised); }
.device .options, .look .options { grid-auto-columns: auto; }
.options label { position: relative; display: grid; }
.options input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: pointer; }
.options span { display: grid; place-items: center; min-height: 24px; padding: 0 4px; border-radius: 5px; color: var(--ink-soft); font-size: 12px; }
.look .options span { padding: 0 2px; }
.options label:hover span { color: var(--ink); }
.options input:checked + span { background: var(--ink); color: var(--surface); font-weight: 600; }
.options input:focus-visible + span { outline: 2px solid var(--focus); outline-offset: 1px; }
.options .swatch, .options input:checked + .swatch { min-height: 20px; margin: 2px; background-color: #ffffff; }
.options input:checked + .swatch { box-shadow: 0 0 0 2px var(--raised), 0 0 0 4px var(--ink); }
.options input + .swatch[data-ground="dark"] { background-color: #131417; }

details { border-top: 1px solid var(--line); margin: 0 -14px; padding: 0 14px; }
summary { display: flex; align-items: center; justify-content: space-between; margin: 0 -6px; padding: 8px 6px 0; border-radius: 6px; color: var(--ink-soft); list-style: none; }
summary::-webkit-details-marker { display: none; }
summary:hover { color: var(--ink); }
details[open] > summary .icon { transform: rotate(180deg); }
.inner { display: grid; gap: 8px; padding-top: 10px; }
.opacity { display: grid; grid-template-columns: 62px 1fr 44px; align-items: center; color: var(--ink-soft); }
.opacity output { text-align: end; font-size: 12px; }
input[type="range"] { width: 100%; height: 24px; accent-color: var(--ink); }

.time { display: grid; gap: 6px; }
.any { display: grid; grid-template-columns: 62px 1fr; gap: 4px 0; align-items: center; color: var(--ink-soft); }
.any input { min-width: 0; padding: 2px 6px; border: 1px solid var(--line-strong); border-radius: 6px; background: var(--raised); font-size: 12px; }
.any input[aria-invalid="true"] { border-color: var(--bad); }
.track { display: grid; grid-template-columns: 28px 1fr; gap: 6px; align-items: center; }
.track .tool:disabled { opacity: 0.4; cursor: default; }
.reel output { min-height: 18px; margin-top: -6px; padding-inline-start: 34px; color: var(--ink-soft); font-size: 12px; }

.frame.picking { position: fixed; z-index: 2147483646; pointer-events: none; }
.drawing { position: fixed; z-index: 2147483646; top: 0; left: 0; width: 0; height: 0; pointer-events: none; }
.rectangle, .outline { position: absolute; top: 0; left: 0; }
.rectangle { outline: 2px dashed #2d57c9; box-shadow: 0 0 0 3px #ffffffb3; background: #2d57c924; }
.outline { outline: 2px solid #2d57c9; box-shadow: 0 0 0 3px #ffffffb3; }
:is(.page, .window):has(~ .drawing, ~ .picking) :is(.frame, .tip) { display: none; }
.drawn form { display: grid; gap: 8px; }
.drawn input[type="text"] { min-width: 0; padding: 4px 8px; border: 1px solid var(--line-strong); border-radius: 6px; background: var(--raised); }
.drawn .acts { display: flex; gap: 8px; }
.drawn .hint { color: var(--ink-soft); font-size: 12px; overflow-wrap: anywhere; }
.drawn .hint:empty { display: none; }
.zones { display: grid; gap: 2px; list-style: none; }
.zones li { display: flex; align-items: center; gap: 8px; }
.zones bdi { min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.zones span { margin-inline-start: auto; color: var(--ink-faint); font-size: 12px; }

.foot { display: flex; gap: 8px; align-items: center; margin: 0 -14px; padding: 12px 14px 0; border-top: 1px solid var(--line); }
.button { display: inline-flex; align-items: center; justify-content: center; gap: 6px; min-height: 30px; padding: 0 10px; border: 1px solid var(--line-strong); border-radius: 6px; background: var(--raised); color: var(--ink); font-weight: 550; white-space: nowrap; }
.button:hover { border-color: var(--ink-faint); }
.button:active { background: var(--sunken); }
.button:disabled { opacity: 0.5; cursor: default; }
.button .icon { width: 14px; height: 14px; }
.foot .button { flex: 1; }
.foot .tool { border: 1px solid var(--line-strong); background: var(--raised); width: 32px; height: 30px; }

.help h2 { font-size: 13px; font-weight: 600; line-height: 18px; }
.help dl { display: grid; gap: 5px; }
.help dl > div { display: grid; grid-template-columns: 90px 1fr; align-items: baseline; }
.help dt { white-space: nowrap; }
.help dd { color: var(--ink-soft); }
kbd { display: inline-block; min-width: 22px; margin-inline-end: 3px; padding: 0 6px; border: 1px solid var(--line-strong); border-bottom-width: 2px; border-radius: 4px; background: var(--raised); color: var(--ink); font: 500 11px/17px ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; text-align: center; }
.toggle { display: flex; align-items: center; gap: 8px; }
.toggle input { width: 16px; height: 16px; accent-color: var(--ink); }

.folded .body, .folded .help, .folded .status { display: none; }
.panel.folded { width: auto; }
.folded .head { padding: 5px 6px; }
.folded .path { display: none; }
.folded .summary { display: flex; align-items: center; gap: 7px; padding-inline: 4px 6px; }
.summary .dot { background: currentColor; }
.summary[data-tone="good"] .dot { color: var(--good); }
.summary[data-tone="warn"] .dot { color: var(--warn); }
.summary[data-tone="bad"] .dot { color: var(--bad); }
.folded .tool[data-icon="keyboard"] { display: none; }

.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (max-width: 640px) { /* on a phone the page itself is what one picks from */
  .panel:has(.drawn.busy) .status, .panel:has(.drawn.busy) .body > :not(.drawn), .drawn.busy .zones { display: none; }
  .drawn.busy { border: 0; }
}
@media (prefers-reduced-motion: reduce) {
  .dot { animation: none !important; }
}
@media (forced-colors: active) {
  .options input:checked + span { background: Highlight; color: HighlightText; forced-color-adjust: none; }
}
@media print {
  .panel, .page { display: none !important; }
}
`;

/** @returns {CSSStyleSheet} */
export function sheet() {
  const styles = new CSSStyleSheet();
  styles.replaceSync(CSS);
  return styles;
}

export { CSS };
