
/**
 * The tracker: where on the page a visitor's pointer is, told to Isotherm.
 *
 *     <script async src="https://HOST/tracker.js" data-site="KEY"></script>
 *
 * Theory of operation
 *
 * 1. *Sampling.* What moves the pointer over the document (a movement, a touch, scrolling under a pointer that rests) starts a beat. At
 *    each beat, 250 ms apart, one sample is taken of where the pointer is; the first beat at which nothing has moved is the last. So
 *    250 ms after the last movement no timer runs. Clicks are samples too, taken when they happen; and so is what of the page is seen:
 *    a view when it appears and at each beat at which it was scrolled, a leave when it is hidden, left, or goes on to another path.
 * 2. *Batches.* Samples of one path, document size and viewport are filled into one open batch. Sending seals it for good: its number
 *    `seq` may be known to the server from then on, so it can come again but never grow.
 * 3. *The queue* holds all batches that are not acknowledged, oldest first. It is bounded in samples and in age; the oldest are shed.
 * 4. *Pace.* A batch is sent when `gatherMs` have passed, counted from one beat before its first sample: gathering 250 ms is a frame a
 *    beat, without waiting. At once go: clicks, and what comes first on a connection or path, so that the server learns the page.
 * 5. *The way.* A WebSocket, opened when there is something to send. What is in flight when it closes is sent again on the next one.
 *    A page that is hidden or left hands what is not acknowledged to a beacon; the server counts a batch once, whichever way it comes.
 * 6. *Hand-over.* A tab that the dashboard opened is not tracked, it shows the heat: `/overlay/guest.js` sees to that. The tab is known by
 *    its name or by the fragment `#isotherm=TOKEN`; others load nothing of it.
 * 7. *Leave.* Do Not Track and Global Privacy Control are kept to. `isotherm.consent(false)` forgets the session and what was not sent,
 *    `consent(true)` begins a new one; with `data-consent="wait"` on the tag nothing is done before it. Where `[data-isotherm-ignore]` is
 *    under the pointer no sample is taken. A browser that a program drives says so (`bot`).
 *
 * 8. *Dead clicks.* From a press on the page is observed for changes, until one second after the click; a change, a scroll, a navigation or what
 *    else a click may bring about ends it at once. If nothing did, the click is sent once more as `dead`. Nothing is observed otherwise.
 *
 * 9. *Anchors.* Beside its place in the document a sample says what it lay on (`data-heat-zone`, a link, an id, or a short way from one) and
 *    where in its box. 10. *Reactions.* What the server's rules say of the page is dispatched as `isotherm:hot` and `isotherm:cooled`.
 *
 * It never throws into the page (`guarded`), never blocks, touches no cookie, reads no text and no input, and of the query string only the
 * parameters that `data-query="a,b"` on the tag names, since they make a page.
 */
(() => {
  // Each of these two texts stands once in the built file, where the server puts other names in their place (see __init__.py).
  const NAME = "tracker.js";
  const INGEST = "/clickstream";

  const BEAT_MS = 250;
  const DEAD_MS = 1000; // a click that nothing has followed for so long is dead
  // What a click on these does need not show in the document. Links come first: of one whose own effect was prevented a script is to say more.
  const LINKS = "a[href],";
  const OWN_EFFECT = LINKS + "input,select,label,:read-write,[controls],canvas";
  const GATHER_MS = 1000; // until the server gives a pace
  const ACK_MS_MAX = 10000; // a socket that owes an answer for longer is dead
  const BACKOFF_MS_MAX = 30000;
  const AGE_MS_MAX = 590000; // the server takes 600,000; the rest is for the way
  const QUEUE_SAMPLES_MAX = 2000;
  const BATCH_SAMPLES_MAX = 500; // with an anchor of full length each they fit into a frame

  /** @typedef {[kind: number, x: number, y: number, taken_ms: number, ...Anchor]} Sample `kind` is a place in the wire's table of kinds */
  /** @typedef {[name: string, boxX: number, boxY: number]} Anchor what lies there, and the place in its box in thousandths */
  /** @typedef {{path: string, w: number, h: number, vw: number, vh: number}} Page as in docs/wire.md */
  /** @typedef {{seq: number, shown: string, samples: Sample[], sent_ms?: number}} Batch `shown` is a `Page` in JSON; `sent_ms` is none or NaN while it is not in flight */

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

  /** @param {() => unknown} work @param {number} [delay_ms] */
  const later = (work, delay_ms) => setTimeout(guarded(work), delay_ms);

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
    const host = new URL(from.includes("//") ? from : "//" + from, /** @type {any} */ (tag.src || location)).origin;
    const endpoint = host + INGEST;
    const query = "?site=" + encodeURIComponent(site);
    const named = tag.dataset.query?.split(",");
    const load = random();
    /** `token`: true where the tab's name alone tells. @type {any[]} */
    const [address, token = window.name == "isotherm="] = location.href.split("#isotherm=");

    /** @type {any} */
    let session; // none: nothing is taken
    /** @type {Batch[]} */
    let queue = [];
    /** @type {WebSocket | undefined} */
    let socket;
    let seq = 0;
    let gather_ms = GATHER_MS;
    let sent_ms = 0;
    /** @type {unknown} */
    let sentPath;
    let hold_ms = 0; // nothing is sent before: the server's wish, or the back-off
    let failures = 0;
    /** @type {number | undefined} */
    let timer;
    /** @type {any} */
    let beat; // the interval of the beats, while they run
    /** @type {unknown} */
    let pressed; // since the last click
    /** @type {Batch | undefined} */
    let open; // the batch at the queue's end that may still grow
    /** @type {PointerEvent | undefined} */
    let latest; // what the pointer did last, if it is over the page
    /** @type {PointerEvent | undefined} */
    let taken; // the same, as of the last beat
    /** @type {boolean | undefined} */
    let scrolled; // since then
    let away = document.hidden; // the page is hidden or left
    /** @type {any} */
    let seen; // the path whose view is open
    /** @type {unknown} */
    let url; // the address as of the last look
    /** @type {unknown} */
    let path; // the page that it is
    /** @type {(() => unknown)[]} */
    let suspects = []; // a judge of each click after which nothing has happened yet
    /** @type {number | void} */
    let doubt; // runs while the page is watched for what a press may bring about

    // Sampling

    /** The page that an address is, as the server is told it. @param {Location | URL} address */
    const pageOf = (address) => {
      const kept = address.search.slice(1).split("&").filter((pair) => named?.includes(pair.split("=")[0])).join("&");
      return address.pathname + (kept && "?" + kept);
    };

    /**
     * The zone, link or element with a name that lies there; else the way to it from an element that has an id.
     * @param {Element} element @param {number} x @param {number} y @returns {Anchor}
     */
    const anchorOf = (element, x, y) => {
      /** @type {any} */
      let box = element.closest("[data-heat-zone]") || element.closest("a[href]");
      let name = box && (box.dataset.heatZone || box.pathname);
      if (!box) {
        /** @type {Element[]} */
        const inwards = [];
        for (box = element; !(name = box.getAttribute("id")) && box.parentElement; box = box.parentElement) inwards.unshift(box);
        name = name ? "#" + name : "";
        for (const step of inwards.slice(0, 3)) {
          name += ">" + [].indexOf.call(/** @type {any} */ (step.parentElement).children, /** @type {never} */ (step));
          box = step;
        }
      }
      const rect = box.getBoundingClientRect();
      /** @param {number} at @param {number} size */
      const within = (at, size) => Math.min(1000, (1000 * at) / size) || 0;
      // Cut to whole characters: half of one is no JSON.
      return [
        [...(name || "")].slice(0, 64).join(""),
        within(x - rect.x, rect.width),
        within(y - rect.y, rect.height),
      ];
    };

    /** Of the path that is seen. @param {Sample} sample @returns {Sample | undefined} the sample, if it was put into a batch */
    const put = (sample) => {
      if (!session || away) return;
      const page = JSON.stringify(/** @type {Page} */ ({
        path: seen,
        w: Math.max(document.documentElement.scrollWidth, document.body.scrollWidth),
        h: Math.max(document.documentElement.scrollHeight, document.body.scrollHeight),
        vw: innerWidth,
        vh: innerHeight,
      }));
      const begins = open?.shown != page || /** @type {Batch} */ (open).samples[BATCH_SAMPLES_MAX - 1];
      if (begins) queue.push((open = { seq: seq++, shown: page, samples: [] }));
      /** @type {Batch} */ (open).samples.push(sample);
      if (queue.flatMap((batch) => batch.samples)[QUEUE_SAMPLES_MAX]) {
        queue[0].samples.shift();
        if (!queue[0].samples[0]) queue.shift();
      }
      if (begins) plan(); // what joins others goes with them
      return sample;
    };

    /**
     * @param {number} kind
     * @param {any} event where the pointer is; the page may have been scrolled since
     */
    const take = (kind, event, x = event.clientX, y = event.clientY) => {
      // What the browser found there spares asking again. But a press may be told to where it began.
      /** @type {Element | null} */
      const element = scrolled || kind || event.buttons || !event.target.isConnected ? document.elementFromPoint(x, y) : event.target;
      if (!element?.closest("[data-isotherm-ignore]"))
        return put([
          kind,
          x + scrollX,
          y + scrollY,
          now(),
          ...(element ? anchorOf(element, x, y) : /** @type {Anchor} */ (["", 0, 0])),
        ]);
    };

    /** Where the page is scrolled to. @param {number} kind */
    const see = (kind) => put([kind, 0, scrollY, now(), "", 0, 0]);

    /** Takes samples if the pointer, the page under it or its path has moved since the last. @returns {unknown} whether one has */
    const settle = () => {
      // Browsers repeat an event when the page moves under the pointer; `scroll` tells that better.
      const moved = latest && (scrolled || latest.clientX != taken?.clientX || latest.clientY != taken?.clientY);
      taken = latest;
      if (url != (url = document.URL)) path = pageOf(location); // `location` is slow to ask
      const looks = scrolled || seen != path;
      if (seen && seen != path) see(4);
      seen = path;
      if (looks) see(3);
      if (moved) take(0, latest);
      scrolled = false;
      return moved || looks;
    };

    /** Begins the beats, and at each of them: goes on with them or ends them. An interval costs a page less than a timer set anew each time. */
    const begin = () => {
      beat = settle() ? beat || setInterval(guarded(begin), BEAT_MS) : clearTimeout(beat);
    };

    // Dead clicks

    /** The page did what a click may have brought about, or there is nothing to wait for any more. */
    const reacted = () => {
      suspects = [];
      doubt = clearTimeout(/** @type {number} */ (doubt));
      observer.disconnect();
    };

    const observer = new MutationObserver(reacted);

    /** Each press and click begins the second anew: those of a burst are judged together. */
    const watch = () => {
      clearTimeout(/** @type {number} */ (doubt));
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      doubt = later(() => {
        const dead = suspects;
        reacted();
        dead.map((judge) => judge());
      }, DEAD_MS);
    };

    // Sending

    /** @param {Batch} batch @param {string} [who]  the session, where the address does not name it */
    const encode = (batch, who) => {
      const at_ms = now();
      const anchors = [...new Set(batch.samples.map((sample) => sample[4]))];
      /** What lies before the edge is on it. @param {0 | 1 | 2 | 5 | 6} field */
      const column = (field) => pack(batch.samples.map((sample) => Math.max(0, sample[field])));
      return JSON.stringify({
        v: 1,
        session: who,
        bot: navigator.webdriver || undefined,
        load,
        seq: batch.seq,
        ...JSON.parse(batch.shown),
        kind: batch.samples.some((sample) => sample[0]) ? column(0) : "move",
        x: column(1),
        y: column(2),
        age: pack(batch.samples.map((sample) => at_ms - sample[3])),
        anchors,
        anchor: pack(batch.samples.map((sample) => anchors.indexOf(sample[4]))),
        ax: column(5),
        ay: column(6),
      });
    };

    /** Closes the open batch and gives all that are not acknowledged, without what is too old to count. */
    const sealed = () => {
      open = undefined;
      return (queue = queue.filter(
        (batch) => (batch.samples = batch.samples.filter((sample) => now() - sample[3] < AGE_MS_MAX)).length,
      ));
    };

    /** Sees to it that what waits is sent when it is due. Without anything that waits, no timer runs. */
    const plan = () => {
      clearTimeout(timer);
      const waiting = queue.find((batch) => !batch.sent_ms);
      if (waiting) {
        const gathered_ms =
          seen != sentPath ? 0 : gather_ms + Math.max(sent_ms, waiting.samples[0][3] - BEAT_MS);
        timer = later(send, Math.max(hold_ms, gathered_ms) - now());
      }
    };

    const send = () => {
      if (away) return;
      if (now() < hold_ms) plan(); // a click; or the timer, which may fire a little early
      else if (!socket) {
        socket = new WebSocket(endpoint.replace("http", "ws") + "/" + session + query);
        socket.onopen = guarded(send);
        socket.onmessage = guarded(answered);
        socket.onclose = guarded(hangUp);
      } else if (now() - /** @type {number} */ (queue[0]?.sent_ms) > ACK_MS_MAX) hangUp();
      else if (socket.readyState == 1) {
        for (const batch of sealed()) {
          if (!batch.sent_ms) {
            socket.send(encode(batch));
            sent_ms = batch.sent_ms = now();
            sentPath = seen;
          }
        }
      }
    };

    /** @param {MessageEvent} event */
    const answered = (event) => {
      const answer = JSON.parse(event.data);
      failures = 0;
      gather_ms = answer.every || gather_ms;
      answer.react?.map((/** @type {{type: string}} */ detail) => dispatchEvent(new CustomEvent("isotherm:" + detail.type, { detail })));
      if (answer.retry_after_ms >= 0) postpone(answer.retry_after_ms);
      else {
        queue = queue.filter((batch) => batch.seq != (answer.ack ?? answer.seq));
        plan();
      }
    };

    /** Nothing is sent for so long; then all that is not acknowledged. Of what was on its way it is a repeat, if that is not heard of before. @param {number} ms */
    const postpone = (ms) => {
      queue.map((batch) => (batch.sent_ms = NaN));
      hold_ms = now() + ms;
      plan();
    };

    const hangUp = () => {
      if (socket) {
        socket.onclose = socket = /** @type {any} */ (socket.close()); // its own close is no news
      }
      sentPath = 0;
      postpone((1 + Math.random()) * Math.min(BACKOFF_MS_MAX, 500 * 2 ** failures++));
    };

    const leave = () => {
      if (away) return;
      reacted();
      settle();
      see(4);
      away = true;
      for (const batch of sealed()) navigator.sendBeacon(endpoint + query, encode(batch, session));
    };

    // Starting and stopping

    const appear = () => {
      if (document.hidden) leave();
      else {
        seen = away = false;
        settle();
      }
    };

    /** Called sixty times a second: it keeps the event, and the beat looks at the last one. Which is the last before a rest shows later. @param {PointerEvent} [event] */
    const point = (event) => {
      latest = event;
      if (!beat) begin();
    };

    /** What the page does is heard of before the page hears of it. @type {Record<string, (event: any) => unknown>} */
    const handlers = {
      pointermove: point,
      pointerdown(event) {
        point((pressed = event));
        watch();
      },
      pointerout({ relatedTarget }) {
        if (!relatedTarget) {
          settle(); // the place where it left
          latest = relatedTarget;
        }
      },
      scroll({ target }) {
        reacted();
        if (target == document) {
          scrolled = true;
          point(latest);
        }
      },
      toggle: reacted,
      click(event) {
        // Those made by a key or by a script have no place; a label's click comes once more, without a press, from the field that it is for.
        if (!event.detail || !pressed) return;
        pressed = false;
        settle();
        const sample = take(1, event);
        if (sample) {
          send();
          if (doubt) {
            const focus = document.activeElement;
            suspects.push(
              () =>
                document.hasFocus() && // no dialog, no other window
                focus == document.activeElement &&
                /** @type {any} */ (getSelection()) == "" && // nor a text to copy
                !event.target.closest(OWN_EFFECT.slice(event.defaultPrevented * LINKS.length)) &&
                put(/** @type {any} */ ([2, ...sample.slice(1)])),
            );
            watch();
          }
        }
      },
      // Where a browser tells before the path changes, the last place on the old one is still taken; else the next beat is on the new.
      navigate({ destination }) {
        reacted();
        if (pageOf(new URL(destination.url)) != seen) {
          settle();
          later(settle); // by then it is the new one
        }
      },
      visibilitychange: appear,
      pageshow: appear,
      pagehide() {
        leave();
        hangUp(); // an open socket would keep the page out of the back/forward cache
      },
    };

    for (const type in handlers) handlers[type] = guarded(handlers[type]);

    const stop = () => {
      session = open = undefined;
      queue = [];
      hangUp();
    };

    /** @param {boolean} given */
    const consent = (given) => {
      if (!given) {
        stop();
        delete sessionStorage.isotherm;
      } else if (!session && !token && !(/** @type {any} */ (navigator).doNotTrack == 1 || /** @type {any} */ (navigator).globalPrivacyControl)) {
        session = random();
        guarded(() => (session = sessionStorage.isotherm ??= session))(); // empty in a tab that shows the heat
        for (const type in handlers) {
          // Again is no second time. None of these is of the kinds that a browser waits for before it scrolls, so there is no need to say `passive`.
          addEventListener(type, handlers[type], true);
          /** @type {any} */ (window).navigation?.addEventListener(type, handlers[type]);
        }
        if (document.readyState == "complete") appear();
      }
    };

    // One tracker a page. (An element with this id would stand here too, so it is not enough that something does.)
    if (/** @type {any} */ (window).isotherm?.load) return;
    /** @type {any} */ (window).isotherm = {
      load,
      consent: guarded(consent),
      on: (/** @type {string} */ type, /** @type {(detail: any) => void} */ work) =>
        addEventListener("isotherm:" + type, (/** @type {any} */ event) => work(event.detail)),
    };

    if (token) {
      import(host + "/overlay/guest.js").then((guest) => guest.join(host, site, pageOf, token), random);
      history.replaceState(history.state, "", address); // at once: whatever becomes of the module, no bookmark has the token
    } else if (tag.dataset.consent != "wait") consent(true);
  })();
})();
