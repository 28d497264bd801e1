// @ts-check
/** The question where a site lives, for pages whose visitors' browsers never said. */
import { icon } from "../shared/icon.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";

/**
 * @param {{site: string, path: string, wrong: boolean}} model
 * @param {{answer: (typed: string) => void, close: () => void}} actions
 */
export function addressView({ site, path, wrong }, actions) {
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    actions.answer(String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("address") ?? ""));
  };
  return html`
    <form class="dialog-body" @submit=${submit} novalidate>
      <div class="dialog-head">
        <h2 id="address-title">Where does this site live?</h2>
        <button type="button" class="button bare square" aria-label="Close" @click=${actions.close}>${icon("x")}</button>
      </div>
      <p>
        No browser has said from where the site <b>${site}</b> is served. Its address is needed to open <b>${path}</b> with the overlay on it; it is kept in
        this browser only.
      </p>
      <label class="field">
        ${icon("globe")}<span class="unseen">Address of the site</span>
        <input name="address" inputmode="url" placeholder="https://shop.example" autocomplete="url" spellcheck="false" aria-describedby="address-wrong" autofocus />
      </label>
      <p class="wrong" id="address-wrong" role="alert">${wrong ? "This is no address of a web site. It looks like https://shop.example" : nothing}</p>
      <div class="actions"><button class="button main">Open overlay ${icon("arrow-up-right")}</button></div>
    </form>
  `;
}
