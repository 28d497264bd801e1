// @ts-check
/** The question where a site lives, for pages whose origin the operator never named: no browser said it, or one did, as anybody can. */
import { icon } from "../shared/icon.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";

/**
 * @param {{site: string, path: string, claimed: string | null, wrong: boolean}} model
 * @param {{answer: (typed: string) => void, close: () => void}} actions
 */
export function addressView({ site, path, claimed, wrong }, actions) {
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
      ${claimed
        ? html`<p>
            Somebody’s browser said that the site <b>${site}</b> is at <b>${claimed}</b>; anybody can say so, and the page that opens is handed a key to this
            site’s heat. Open it only if it is yours. An origin that you gave with <code>--origin</code> or <code>isotherm site add</code> is not asked about.
          </p>`
        : html`<p>
            No browser has said from where the site <b>${site}</b> is served. Its address is needed to open <b>${path}</b> with the overlay on it; it is kept
            in this browser only.
          </p>`}
      <label class="field">
        ${icon("globe")}<span class="unseen">Address of the site</span>
        <input name="address" .value=${claimed ?? ""} inputmode="url" placeholder="https://shop.example" autocomplete="url" spellcheck="false" aria-describedby="address-wrong" autofocus />
      </label>
      <p class="wrong" id="address-wrong" role="alert">${wrong ? "This is no address of a web site. It looks like https://shop.example" : nothing}</p>
      <div class="actions"><button class="button main">Open overlay ${icon("arrow-up-right")}</button></div>
    </form>
  `;
}
