/** Frames of `/live`, read from bytes that were put down by hand after docs/wire.md. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameError, readFrame } from "../../src/isotherm/web/shared/heat/frames.js";

/** @param {string} hex @returns {ArrayBuffer} */
function bytes(hex) {
  return Uint8Array.from(hex.replace(/\s+/g, "").match(/../g), (pair) => parseInt(pair, 16)).buffer;
}

// version 1, type, tiles, counts of one byte · 9 cells (3 × 3) · end 1,700,000,300,000 · sent 20 ms later ·
// window 300,000 · hop 250 · n · 5 people · 11.5 samples a second · quiet for 120 ms
const END = doubleOf(1_700_000_300_000);
const SENT = doubleOf(1_700_000_300_020);
const header = (type, width, n, quiet = "78000000") =>
  `01 ${type} 00 ${width} 09000000 ${END} ${SENT} e0930400 fa000000 ${n} 05000000 00003841 ${quiet}`;

/** Eight bytes of a number, lowest first; the rest of a header is written out. */
function doubleOf(value) {
  return Buffer.from(Float64Array.of(value).buffer).toString("hex");
}

test("a header tells version, space, times, people, rate and quiet", () => {
  const frame = readFrame(bytes(header("02", "01", "00000000")));
  assert.deepEqual(
    { ...frame, at: [...frame.at], counts: [...frame.counts] },
    {
      key: false, space: 0, cells: 9, endMs: 1_700_000_300_000, sentMs: 1_700_000_300_020, windowMs: 300_000, hopMs: 250,
      people: 5, rate: 11.5, quietMs: 120, at: [], counts: [],
    },
  );
});

test("quiet for ever means that no sample is known", () => {
  assert.equal(readFrame(bytes(header("02", "01", "00000000", "ffffffff"))).quietMs, null);
});

test("a keyframe's cells are the set bits, lowest first, and its counts follow in their order", () => {
  // cells 0, 2 and 8: bits 0 and 2 of the first byte, bit 0 of the second
  const frame = readFrame(bytes(`${header("01", "01", "03000000")} 05010000 07 ff 01`));
  assert.equal(frame.key, true);
  assert.deepEqual([...frame.at], [0, 2, 8]);
  assert.deepEqual([...frame.counts], [7, 255, 1]);
});

test("counts may have two and four bytes", () => {
  assert.deepEqual([...readFrame(bytes(`${header("01", "02", "02000000")} 03000000 0100 0001`)).counts], [1, 256]);
  assert.deepEqual([...readFrame(bytes(`${header("01", "04", "01000000")} 01000000 00000100`)).counts], [65536]);
});

test("changes name their cells, filled up to four bytes", () => {
  const one = readFrame(bytes(`${header("02", "01", "01000000")} 0800 0000 2a`));
  assert.deepEqual([[...one.at], [...one.counts]], [[8], [42]]);
  const two = readFrame(bytes(`${header("02", "02", "02000000")} 0800 0100 2a00 0000`));
  assert.deepEqual([[...two.at], [...two.counts]], [[8, 1], [42, 0]]);
});

test("changes of a large index space have cells of four bytes", () => {
  const large = header("02", "01", "01000000").replace("09000000", "00 40 02 00"); // 147,456 cells: 384 × 384
  assert.deepEqual([...readFrame(bytes(`${large} 10000200 03`)).at], [131_088]);
});

test("all 32 bits of a word are read", () => {
  const wide = header("01", "01", "20000000").replace("09000000", "24000000"); // 36 cells
  const frame = readFrame(bytes(`${wide} ffffffff 00000000 ${"01".repeat(32)}`));
  assert.deepEqual([...frame.at], Array.from({ length: 32 }, (_, i) => i));
});

for (const [what, hex] of Object.entries({
  "less than a header": "0101",
  "another version": header("01", "01", "00000000").replace("01", "02") + "00000000",
  "an unknown type": header("03", "01", "00000000"),
  "counts of three bytes": header("02", "03", "00000000"),
  "more counts than cells": header("02", "01", "0a000000"),
  "tiles that are no square": header("02", "01", "00000000").replace("09000000", "08000000"),
  "a bitmap that is cut off": header("01", "01", "00000000") + "0000",
  "fewer bits than counts": `${header("01", "01", "02000000")} 01000000 0101`,
  "more bits than counts": `${header("01", "01", "01000000")} 03000000 01`,
  "a bit behind the last cell": `${header("01", "01", "01000000")} 00020000 01`,
  "a cell behind the last": `${header("02", "01", "01000000")} 09000000 01`,
  "counts that are cut off": `${header("02", "02", "01000000")} 01000000 01`,
  "bytes that nobody announced": `${header("02", "01", "00000000")} 00`,
})) {
  test(`a frame with ${what} is refused`, () => {
    assert.throws(() => readFrame(bytes(hex)), FrameError);
  });
}
