/** Our pages stay light: all the script that one loads, libraries included, is under 70 KB when compressed. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const WEB = new URL("../../src/isotherm/web", import.meta.url).pathname;
const BUDGET_BYTES = 70_000; // a page: what somebody waits for who opens it

/** A script and all that it imports, by file. */
function reach(file, reached) {
  if (reached.has(file)) return;
  const text = readFileSync(file, "utf8");
  reached.set(file, gzipSync(text, { level: 6 }).length);
  for (const [, name] of text.matchAll(/(?:\bfrom|^import)\s*"([^"]+\.js)"/gm)) reach(resolve(dirname(file), name), reached);
}

for (const page of ["index", "zones", "rules", "topics", "login"]) {
  test(`${page}: all the script that it loads is under 70 KB, compressed`, () => {
    const reached = new Map();
    const html = readFileSync(`${WEB}/dashboard/${page}.html`, "utf8");
    for (const [, source] of html.matchAll(/<script[^>]* src="([^"]+)"/g)) reach(WEB + source, reached);
    assert.equal([...reached.keys()].some((file) => file.endsWith("uplot.js")), page === "index", "the library of curves goes to whom it draws for");
    const sum = [...reached.values()].reduce((a, b) => a + b, 0);
    assert.ok(sum > 0 && sum < BUDGET_BYTES, `${sum} bytes of script in ${reached.size} files`);
  });
}

test("no page names another host, and none has a script or a style of its own inside", () => {
  for (const page of ["index", "zones", "rules", "topics", "login"]) {
    const html = readFileSync(`${WEB}/dashboard/${page}.html`, "utf8");
    assert.doesNotMatch(html, /https?:\/\//);
    assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
  }
});
