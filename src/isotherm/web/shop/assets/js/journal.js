// @ts-check
/** The journal, a single-page application: its links change the address by `pushState`, no document is loaded. */

import { make, onClick, picture } from "./dom.js";

/** @typedef {{slug: string, title: string, product: string, tint: string, minutes: number, lead: string, parts: [string, string][]}} Article */

const ROOT = "/shop/journal";

export async function journal() {
  const place = document.querySelector("[data-journal]");
  if (!place) return;
  /** @type {{articles: Article[]}} */
  const { articles } = await (await fetch(new URL("../journal.json", import.meta.url))).json();

  const show = () => {
    const article = articles.find((one) => location.pathname === `${ROOT}/${one.slug}`);
    document.title = `${article?.title ?? "Journal"} – Kestrel`;
    place.replaceChildren(...(article ? [reading(article, articles)] : overview(articles)));
  };
  onClick(`a[href^="${ROOT}"]`, (link, event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    history.pushState(null, "", link.getAttribute("href"));
    show();
    scrollTo(0, 0);
    document.getElementById("main")?.focus({ preventScroll: true });
  });
  addEventListener("popstate", show);
  show();
}

/** @param {Article[]} articles */
function overview(articles) {
  return [
    make(
      "header",
      { class: "journal-head" },
      make("h1", { "data-heat-zone": "title" }, "The journal"),
      make("p", { class: "lead", "data-heat-zone": "lead" }, "On rooms, records, repairs, and the light in November."),
    ),
    make("ul", { class: "journal-list" }, ...articles.map((article) => make("li", {}, teaser(article)))),
  ];
}

/** @param {Article} article */
function teaser(article) {
  return make(
    "a",
    { class: "story", href: `${ROOT}/${article.slug}`, "data-heat-zone": `story-${article.slug}` },
    make("span", { class: `story-picture tint-${article.tint}` }, picture(article.product)),
    make("span", { class: "story-title" }, article.title),
    make("span", { class: "story-lead" }, article.lead),
  );
}

/**
 * @param {Article} article
 * @param {Article[]} articles
 */
function reading(article, articles) {
  const next = articles[(articles.indexOf(article) + 1) % articles.length];
  return make(
    "article",
    { class: "article" },
    make("p", { class: "meta" }, make("a", { href: ROOT, "data-heat-zone": "back" }, "Journal"), ` · ${article.minutes} minutes`),
    make("h1", { "data-heat-zone": "title" }, article.title),
    make("p", { class: "lead", "data-heat-zone": "lead" }, article.lead),
    make("div", { class: `cover tint-${article.tint}`, "data-heat-zone": "cover" }, picture(article.product)),
    ...article.parts.flatMap(([title, text]) => [
      make("h2", { "data-heat-zone": "part" }, title),
      make("p", { "data-heat-zone": "text" }, text),
    ]),
    make(
      "p",
      { class: "article-end" },
      make("a", { class: "button", href: `/shop/p/${article.product}`, "data-heat-zone": "to-product" }, "See what it is about"),
      make("a", { class: "button button-quiet", href: `${ROOT}/${next.slug}`, "data-heat-zone": "next" }, `Next: ${next.title}`),
    ),
  );
}
