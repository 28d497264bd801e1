/** Colours: even in lightness, away from the ground, equal for equal counts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { colourScale, SCALES } from "../../src/isotherm/web/shared/heat/scales.js";
import { heatOf, opacityOf, paint, shades, SHADES, shareAt, toned } from "../../src/isotherm/web/shared/heat/shades.js";

const GROUNDS = ["light", "dark"];
const STEPS = Array.from({ length: 65 }, (_, i) => i / 64);

/** CIE lightness L*, 0 … 100. */
function lightness([red, green, blue]) {
  const linear = (channel) => (channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4);
  const y = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  return y > 0.008856 ? 116 * Math.cbrt(y) - 16 : 903.3 * y;
}

for (const { name } of SCALES) {
  for (const ground of GROUNDS) {
    const towards = ground === "dark" ? 1 : -1;
    const steps = STEPS.map((heat) => lightness(colourScale(name, ground)(heat)) * towards);

    test(`${name} on a ${ground} page: hotter is always further from the ground`, () => {
      for (let i = 1; i < steps.length; i += 1) assert.ok(steps[i] > steps[i - 1], `step ${i}: ${steps[i - 1]} then ${steps[i]}`);
    });

    test(`${name} on a ${ground} page: equal steps of heat are nearly equal steps of lightness`, () => {
      const even = (steps.at(-1) - steps[0]) / (STEPS.length - 1);
      for (let i = 1; i < steps.length; i += 1) {
        const step = steps[i] - steps[i - 1];
        assert.ok(step > 0.3 * even && step < 2 * even, `step ${i} is ${(step / even).toFixed(2)} of an even one`);
      }
    });

    test(`${name} on a ${ground} page: the hottest is at least 50 L* from the coldest`, () => {
      assert.ok(steps.at(-1) - steps[0] > 50);
    });
  }
}

test("the published ends are kept: inferno's hottest on a dark page is its pale yellow", () => {
  const [red, green, blue] = colourScale("inferno", "dark")(1);
  assert.ok(red > 235 && green > 235 && blue > 100 && blue < 170);
});

test("heat below and above the scale is clamped", () => {
  const scale = colourScale("viridis", "light");
  assert.deepEqual(scale(-1), scale(0));
  assert.deepEqual(scale(2), scale(1));
});

test("a curve and its inverse undo one another", () => {
  for (const curve of ["linear", "lifted"]) {
    for (const share of [0, 0.01, 0.25, 1]) assert.ok(Math.abs(shareAt(heatOf(share, curve), curve) - share) < 1e-12);
  }
});

test("the smooth look runs out into the page, a tile does not", () => {
  assert.ok(opacityOf(0.001, "tiles") > 0.4);
  assert.ok(opacityOf(0.001, "smooth") < 0.01);
  assert.equal(opacityOf(0, "tiles"), 0);
  assert.equal(opacityOf(1, "tiles"), opacityOf(1, "smooth"));
});

test("cold is transparent, one sample beside a million is not, equal counts are equal", () => {
  const table = shades({ scale: "inferno", ground: "light", curve: "linear", look: "tiles" });
  const pixels = new Uint32Array(5);
  paint(Uint32Array.of(0, 1, 500, 500, 1_000_000), 1_000_000, table, pixels);
  assert.equal(pixels[0], 0);
  assert.ok(pixels[1] >>> 24 > 100);
  assert.equal(pixels[2], pixels[3]);
  assert.equal(pixels[4], table[SHADES - 1]);
});

test("a page without heat is painted transparent", () => {
  const pixels = Uint32Array.of(1, 2);
  paint(Uint32Array.of(0, 0), 0, new Uint32Array(SHADES), pixels);
  assert.deepEqual([...pixels], [0, 0]);
});


test("toned shades are fainter by the opacity and nearer to their own grey, and cold stays clear", () => {
  const of = { scale: "inferno", ground: "light", curve: "lifted", look: "tiles" };
  const [full, half, grey] = [shades(of), toned(shades(of), 0.5, 0), toned(shades(of), 1, 1)];
  assert.deepEqual(toned(shades(of), 1, 0), full);
  for (let i = 0; i < SHADES; i += 1) {
    assert.equal(half[i] & 0xffffff, full[i] & 0xffffff);
    assert.equal(half[i] >>> 24, Math.round((full[i] >>> 24) / 2));
    assert.equal(grey[i] & 255, (grey[i] >> 8) & 255);
    assert.equal(grey[i] & 255, (grey[i] >> 16) & 255);
  }
  assert.equal(half[0], 0);
});
