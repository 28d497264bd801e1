/** No address that a visitor made up leads anywhere but to the site. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { originOf, overlayAddress } from "../../src/isotherm/web/dashboard/address.js";

test("an origin is read from what people type", () => {
  const typed = {
    "https://shop.example/a?b#c": "https://shop.example",
    "shop.example": "https://shop.example",
    " shop.example:8443/x ": "https://shop.example:8443",
    "localhost:3000": "http://localhost:3000",
    "shop.localhost:3000/x": "http://shop.localhost:3000",
    "127.0.0.1:8000": "http://127.0.0.1:8000",
    "[::1]:8000": "http://[::1]:8000",
    "HTTP://Shop.Example": "http://shop.example",
  };
  assert.deepEqual(Object.keys(typed).map(originOf), Object.values(typed));
});

test("what is no web site is none", () => {
  for (const typed of ["", "   ", null, undefined, "javascript://x/%0aalert(1)", "data://text", "file:///etc/passwd", "chrome://settings", "https://", "a b"]) {
    assert.equal(originOf(typed), null, String(typed));
  }
});

test("the page opens at its own origin, with the token in the fragment", () => {
  assert.equal(overlayAddress("https://shop.example", "/p/1", "t0k"), "https://shop.example/p/1#isotherm=t0k");
});

test("behind the token stands the range of time, where it is not the live window", () => {
  assert.equal(overlayAddress("https://shop.example", "/p/1", "t0k", "from=1&to=2"), "https://shop.example/p/1#isotherm=t0k&from=1&to=2");
});

test("a path is written as a browser would: words encoded, escapes kept", () => {
  assert.equal(overlayAddress("https://shop.example", "/größe/a b/%2Fx%23y", "t"), "https://shop.example/gr%C3%B6%C3%9Fe/a%20b/%2Fx%23y#isotherm=t");
});

test("no path leaves the host, or ends before its fragment", () => {
  for (const path of ["//evil.example/x", "/\\evil.example", "/@evil.example", "/x#y", "/x?y=z", "/../../x"]) {
    const url = new URL(overlayAddress("https://shop.example", path, "t"));
    assert.equal(url.origin, "https://shop.example");
    assert.equal(url.hash, "#isotherm=t");
    assert.equal(url.search, "");
  }
});
