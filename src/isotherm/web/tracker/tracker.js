// @ts-check
/**
 * The tracker: where on the page a visitor's pointer is, told to Isotherm.
 *
 *     <script async src="https://HOST/tracker.js" data-site="KEY"></script>
 *
 * Theory of operation
 *
 * 1. *Sampling.* What moves the pointer over the document (a movement, a touch, scrolling under a pointer that rests) starts a beat. At
 *    each beat, 250 ms apart, one sample is taken of where the pointer is; the first beat at which nothing has moved is the last. So
 *    250 ms after the last movement no timer runs. Clicks are samples too, taken when they happen.
 * 2. *Batches.* Samples of one path, document size and viewport are filled into one open batch. Sending seals it for good: its number
 *    `seq` may be known to the server from then on, so it can come again but never grow.
 * 3. *The queue* holds all batches that are not acknowledged, oldest first. It is bounded in samples and in age; the oldest are shed.
 * 4. *Pace.* A batch is sent when `gatherMs` have passed, counted from one beat before its first sample: gathering 250 ms is a frame a
 *    beat, without waiting. At once go: clicks, and what comes first on a connection or path, so that the server learns the page.
 * 5. *The way.* A WebSocket, opened when there is something to send. What is in flight when it closes is sent again on the next one.
 *    A page that is hidden or left hands what is not acknowledged to a beacon; the server counts a batch once, whichever way it comes.
 * 6. *Hand-over.* A tab that the dashboard opened shows the heat instead: it gets a token, loads the overlay and is not tracked.
 * 7. *Leave.* Do Not Track and Global Privacy Control are kept to. `isotherm.consent(false)` forgets the session and what was not sent,
 *    `consent(true)` begins a new one; with `data-consent="wait"` on the tag nothing is done before it. Where `[data-isotherm-ignore]` is
 *    under the pointer no sample is taken. A browser that a program drives says so (`bot`).
 *
 * 8. *Anchors.* Beside its place in the document a sample says what it lay on (`data-heat-zone`, a link, an id, or a short way from one) and
 *    where in its box. 9. *Reactions.* What the server's rules say of the page is dispatched as `isotherm:hot` and `isotherm:cooled`.
 *
 * It never throws into the page (`guarded`), never blocks, touches no cookie, reads no text and no input, and of the query string only the
 * parameters that `data-query="a,b"` on the tag names, since they make a page.
 */
(() => {
  // Each of these two texts stands once in the built file, where the server puts other names in their place (see __init__.py).
  const NAME = "tracker.js";
  const INGEST = "/clickstream";

  const BEAT_MS = 250;
  const CLICK_MS_MIN = 20; // nobody clicks twice in less
  const GATHER_MS = 1000; // until the server gives a pace
  const ACK_MS_MAX = 10000; // a socket that owes an answer for longer is dead
  const BACKOFF_MS_MAX = 30000;
  const AGE_MS_MAX = 590000; // the server takes 600,000; the rest is for the way
  const QUEUE_SAMPLES_MAX = 2000;
  const BATCH_SAMPLES_MAX = 500; // with an anchor of full length each they fit into a frame

  /** @typedef {[kind: number, x: number, y: number, taken_ms: number, ...Anchor]} Sample `kind` is 0 for a move, 1 for a click */
  /** @typedef {[name: string, boxX: number, boxY: number]} Anchor what lies there, and the place in its box in thousandths */
  /** @typedef {[path: string, width: number, height: number, viewportWidth: number]} Page */
  /** @typedef {{seq: number, page: Page, samples: Sample[], sent_ms: number}} Batch `sent_ms` is 0 while it is not in flight */

  /**
   * The one door between the page and us: what goes wrong inside stays inside.
   * @param {(about: any) => unknown} work
   * @returns {(about?: any) => void}
   */
  const guarded = (work) => (about) => {
    try {
      work(about);
    } catch {}
  };

  const random = () => Math.random().toString(36).slice(2);
  const now = () => performance.now();

  /** @param {number[]} values @returns {string} a packed column (docs/wire.md), in the smallest type that holds them */
  const pack = (values) => {
    const top = Math.max(...values);
    const [letter, Column] = /** @type {any} */ (top < 256 ? ["<B", Uint8Array] : top < 65536 ? ["<H", Uint16Array] : ["<I", Uint32Array]);
    return letter + btoa(String.fromCharCode(...new Uint8Array(new Column(values).buffer)));
  };

  guarded(() => {
    // Who we are

    const ourTag = 'script[src*="' + NAME + '"]';
    const tag = /** @type {HTMLScriptElement} */ (
      document.currentScript || document.querySelector(ourTag + "[data-site]") || document.querySelector(ourTag)
    );
    const site = tag.dataset.site || "default";
    const from = tag.dataset.host || tag.src;
    const host = new URL(from.includes("//") ? from : "//" + from, tag.src || location.href).origin;
    const query = "?site=" + encodeURIComponent(site);
    const named = tag.dataset.query?.split(",");
    const load = random();
    const listening = new AbortController();

    let session = ""; // of nobody: nothing is taken
    let listens = false;
    /** @type {Batch[]} */
    let queue = [];
    /** @type {Batch | undefined} */
    let open; // the batch at the queue's end that may still grow
    /** @type {WebSocket | undefined} */
    let socket;
    let seq = 0;
    let gather_ms = GATHER_MS;
    let sent_ms = 0;
    let sentPath = "";
    let hold_ms = 0; // nothing is sent before: the server's wish, or the back-off
    let failures = 0;
    let timer = 0;
    let beat = 0;
    let clicked_ms = 0;
    /** @type {PointerEvent | undefined} */
    let latest; // what the pointer did last, if it is over the page
    /** @type {PointerEvent | undefined} */
    let taken; // the same, as of the last beat
    let scrolled = false; // since then
    let away = false; // the page is hidden or left

    /** @param {string} type @param {(event: any) => unknown} work @param {any} [target] */
    const on = (type, work, target = window) =>
      target.addEventListener(type, guarded(work), { capture: true, passive: true, signal: listening.signal });

    // Sampling

    /** The page that an address is, as the server is told it. @param {Location | URL} address */
    const pageOf = (address) => {
      const kept = named && address.search.slice(1).split("&").filter((pair) => named.includes(pair.split("=")[0])).join("&");
      return address.pathname + (kept ? "?" + kept : "");
    };

    /**
     * The zone, link or element with a name that lies there; else the way to it from an element that has an id.
     * @param {Element} element @param {PointerEvent} event @returns {Anchor}
     */
    const anchorOf = (element, { clientX, clientY }) => {
      /** @type {any} */
      let box = element.closest("[data-heat-zone]") || element.closest("a[href]");
      let name = box && (box.dataset.heatZone || box.pathname);
      if (!box) {
        /** @type {Element[]} */
        const inwards = [];
        for (box = element; !(name = box.getAttribute("id")) && box.parentElement; box = box.parentElement) inwards.unshift(box);
        name = name ? "#" + name : "";
        for (const step of inwards.slice(0, 3)) {
          name += ">" + [.../** @type {Element} */ (step.parentElement).children].indexOf(step);
          box = step;
        }
      }
      const { left, top, width, height } = box.getBoundingClientRect();
      /** @param {number} at @param {number} size */
      const within = (at, size) => Math.min(1000, (1000 * at) / size) || 0;
      // Cut to whole characters: half of one is no JSON.
      return [/** @type {any} */ (/^.{0,64}/su.exec(name || ""))[0], within(clientX - left, width), within(clientY - top, height)];
    };

    /** @param {number} kind @param {PointerEvent} event where the pointer is; the page may have been scrolled since */
    const take = (kind, event) => {
      const { clientX, clientY, target } = event;
      // What the browser found there spares asking again. But a press may be told to where it began.
      const element = /** @type {Element | null} */ (
        kind || scrolled || event.buttons || !(/** @type {Node} */ (target).isConnected) ? document.elementFromPoint(clientX, clientY) : target
      );
      if (!session || away || element?.closest("[data-isotherm-ignore]")) return;
      const { documentElement: html, body } = document;
      /** @type {Page} */
      const page = [
        pageOf(location),
        Math.max(html.scrollWidth, body.scrollWidth),
        Math.max(html.scrollHeight, body.scrollHeight),
        innerWidth,
      ];
      const begins = !open || "" + open.page != "" + page || open.samples.length >= BATCH_SAMPLES_MAX;
      if (begins) queue.push((open = { seq: seq++, page, samples: [], sent_ms: 0 }));
      /** @type {Batch} */ (open).samples.push([
        kind,
        clientX + scrollX,
        clientY + scrollY,
        now(),
        ...(element ? anchorOf(element, event) : /** @type {Anchor} */ (["", 0, 0])),
      ]);
      if (queue.flatMap((batch) => batch.samples).length > QUEUE_SAMPLES_MAX) {
        queue[0].samples.shift();
        if (!queue[0].samples.length) queue.shift();
      }
      if (begins) plan(); // what joins others goes with them
    };

    /** Takes a sample if the pointer, or the page under it, has moved since the last. @returns {unknown} whether it has */
    const settle = () => {
      // Browsers repeat an event when the page moves under the pointer; `scroll` tells that better.
      const moved = latest && (scrolled || latest.clientX != taken?.clientX || latest.clientY != taken.clientY);
      taken = latest;
      if (moved) take(0, /** @type {PointerEvent} */ (latest));
      scrolled = false;
      return moved;
    };

    const begin = () => {
      if (!beat && settle())
        beat = setInterval(guarded(() => settle() || (beat = /** @type {any} */ (clearInterval(beat)))), BEAT_MS);
    };

    // Sending

    /** @param {Batch} batch */
    const encode = ({ seq, page: [path, w, h, vw], samples }) => {
      const at_ms = now();
      const anchors = [...new Set(samples.map((sample) => sample[4]))];
      /** What lies before the edge is on it. @param {0 | 1 | 2 | 5 | 6} field */
      const column = (field) => pack(samples.map((sample) => Math.max(0, sample[field])));
      return JSON.stringify({
        v: 1,
        session,
        bot: navigator.webdriver || undefined,
        load,
        seq,
        path,
        w,
        h,
        vw,
        kind: samples.some(([kind]) => kind) ? column(0) : "move",
        x: column(1),
        y: column(2),
        age: pack(samples.map((sample) => at_ms - sample[3])),
        anchors,
        anchor: pack(samples.map((sample) => anchors.indexOf(sample[4]))),
        ax: column(5),
        ay: column(6),
      });
    };

    /** Closes the open batch and gives all that are not acknowledged, without what is too old to count. */
    const sealed = () => {
      open = undefined;
      return (queue = queue.filter((batch) => {
        batch.samples = batch.samples.filter((sample) => now() - sample[3] < AGE_MS_MAX);
        return batch.samples.length;
      }));
    };

    /** Sees to it that what waits is sent when it is due. Without anything that waits, no timer runs. */
    const plan = () => {
      clearTimeout(timer);
      const waiting = queue.find((batch) => !batch.sent_ms);
      if (waiting) {
        const gathered_ms =
          queue[queue.length - 1].page[0] == sentPath ? gather_ms + Math.max(sent_ms, waiting.samples[0][3] - BEAT_MS) : 0;
        timer = setTimeout(guarded(send), Math.max(hold_ms, gathered_ms) - now());
      }
    };

    const send = () => {
      if (away) return;
      if (now() < hold_ms) return plan(); // a click; or the timer, which may fire a little early
      if (!socket) {
        socket = new WebSocket(host.replace("http", "ws") + INGEST + "/" + session + query);
        socket.onopen = guarded(send);
        socket.onmessage = guarded(answered);
        socket.onclose = guarded(hangUp);
      } else if (queue[0]?.sent_ms && now() - queue[0].sent_ms > ACK_MS_MAX) hangUp();
      else if (socket.readyState == 1) {
        for (const batch of sealed()) {
          if (!batch.sent_ms) {
            socket.send(encode(batch));
            sent_ms = batch.sent_ms = now();
            sentPath = batch.page[0];
          }
        }
      }
    };

    /** @param {MessageEvent} event */
    const answered = (event) => {
      const answer = JSON.parse(event.data);
      const about = answer.ack ?? answer.seq;
      failures = 0;
      gather_ms = answer.every || gather_ms;
      for (const detail of answer.react || []) dispatchEvent(new CustomEvent("isotherm:" + detail.type, { detail }));
      if (answer.retry_after_ms != null) {
        hold_ms = now() + answer.retry_after_ms;
        for (const batch of queue) if (about == null || about == batch.seq) batch.sent_ms = 0;
      } else queue = queue.filter((batch) => batch.seq != about);
      plan();
    };

    const hangUp = () => {
      if (socket) {
        socket.onclose = null;
        socket.close();
        socket = undefined;
      }
      sentPath = "";
      for (const batch of queue) batch.sent_ms = 0;
      hold_ms = now() + (1 + Math.random()) * Math.min(BACKOFF_MS_MAX, 500 * 2 ** failures++);
      plan();
    };

    const leave = () => {
      if (away) return;
      settle();
      away = true;
      for (const batch of sealed()) navigator.sendBeacon(host + INGEST + query, encode(batch));
    };

    // Starting and stopping

    const track = () => {
      try {
        session = sessionStorage.isotherm ||= random();
      } catch {
        session = random();
      }
      if (listens || session == "viewer") return;
      listens = true;
      // Called sixty times a second: it keeps the event, and the beat looks at the last one. Which is the last before a rest shows later.
      /** @param {PointerEvent} event */
      const pointed = (event) => {
        latest = event;
        begin();
      };
      on("pointermove", pointed);
      on("pointerdown", pointed);
      on("pointerout", (event) => {
        if (event.relatedTarget) return; // over something else of this page
        settle();
        latest = undefined;
      });
      on("scroll", (event) => {
        if (event.target == document) {
          scrolled = true;
          begin();
        }
      });
      on("click", (event) => {
        // Those made by a key or by a script have no place; a label's click comes once more from the field that it is for.
        if (!event.detail || event.timeStamp - clicked_ms < CLICK_MS_MIN) return;
        clicked_ms = event.timeStamp;
        settle();
        take(1, event);
        send();
      });
      // Where a browser tells before the path changes, the last place on the old one is still taken; else the next beat is on the new.
      const { navigation } = /** @type {any} */ (window);
      if (navigation)
        on("navigate", (event) => pageOf(new URL(event.destination.url)) != pageOf(location) && settle(), navigation);
      on("visibilitychange", () => {
        if (document.hidden) leave();
        else {
          away = false;
          plan();
        }
      });
      on("pagehide", () => {
        leave();
        hangUp(); // an open socket would keep the page out of the back/forward cache
      });
      on("pageshow", () => (away = false));
    };

    const stop = () => {
      session = "";
      open = undefined;
      queue = [];
      hangUp();
    };

    /** @param {boolean} given */
    const consent = (given) => {
      if (!given) {
        stop();
        delete sessionStorage.isotherm;
      } else if (!session && doNotTrack != "1" && !globalPrivacyControl) track();
    };

    /** @param {string} token */
    const show = (token) => {
      listening.abort();
      stop();
      try {
        sessionStorage.isotherm = "viewer";
      } catch {}
      import(host + "/overlay/overlay.js").then((overlay) => overlay.open({ host, site, token, pageOf })).catch(() => {});
    };

    const { doNotTrack, globalPrivacyControl } = /** @type {any} */ (navigator);

    // One tracker a page. (An element with this id would stand here too, so it is not enough that something does.)
    const page = /** @type {any} */ (window);
    if (page.isotherm?.load) return;
    page.isotherm = {
      load,
      consent: guarded(consent),
      on: (/** @type {string} */ type, /** @type {(detail: any) => void} */ work) =>
        addEventListener("isotherm:" + type, (/** @type {any} */ { detail }) => work(detail)),
    };

    const token = /^#isotherm=(.+)/.exec(location.hash)?.[1];
    if (token) {
      history.replaceState(history.state, "", location.pathname + location.search);
      return show(token);
    }
    if (opener) {
      on("message", (event) => event.source == opener && event.origin == host && event.data?.isotherm && show(event.data.isotherm));
      opener.postMessage("isotherm:ready", host);
    }
    if (tag.dataset.consent != "wait") consent(true);
  })();
})();
