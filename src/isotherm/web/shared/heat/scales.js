// @ts-check
/**
 * Colour scales: from how hot, 0 … 1, to a colour.
 *
 * All three are perceptually even (equal steps of heat look equally large), monotone in lightness (they read in grey, and
 * for every kind of colour vision) and well known, so that nobody has to learn them:
 *
 * - inferno, viridis: S. van der Walt, N. Smith, E. Firing, matplotlib (CC0), https://bids.github.io/colormap/
 * - cividis: J. Nuñez, C. Anderton, R. Renslow, PLOS ONE 2018, made to look the same with and without red-green deficiency
 *
 * Rainbows (jet, also turbo) are not here: their lightness goes up and down, so they invent edges that the counts do not have.
 *
 * One idea makes them work on any page: **heat moves away from the ground.** On a dark page the hottest is the brightest, as
 * published; on a light page the scale is turned round and the hottest is the darkest. Otherwise the hottest spot of a white shop
 * would be a pale yellow that nobody sees, and the coldest the loudest thing on it. Each scale is used between two bounds a
 * ground, so that the coldest shade is still to be told from the page, and the hottest still has a colour.
 */

/** Each table is every eighth of the published 256 colours (0, 8, 16 … 255); between them linear, at most 6/255 off. */
const TABLES = {
  inferno:
    "0000040403120b0724150b37210c4a2f0a5b3d09654a0c6b57106e64156e71196e7d1e6d8a226a972766a32c61b0315bbc3754c63d4dd04545" +
    "da4e3ce35933eb6429f1711ff67e14f98c0afb9b06fcaa0ffbba1ff9c932f5d949f2e865f3f586fcffa4",
  viridis:
    "440154470d6048186a482374472d7b4537814240863e49893b528b375b8d33638d2f6b8e2c728e297a8e26828e23898e21918c1f978b1f9f88" +
    "21a68527ad8131b57b3dbc744cc26c5cc8636ece5881d34d95d840aadc32c0df25d5e21aeae51afde725",
  cividis:
    "00224e00285b002e6a0533711a386f273e6e32436d3b496c434e6c4b546c535a6d5a5f6e61656f686a716f70737676767d7c788381798b8778" +
    "928d789a9376a29975aaa073b3a670bbad6dc3b369ccba64d4c15fddc858e6d051efd748f8df3cfee838",
};

/**
 * @typedef {keyof typeof TABLES} ScaleName
 * @typedef {"light" | "dark"} Ground  what lies under the heat
 */

/** @type {{name: ScaleName, title: string}[]} */
export const SCALES = [
  { name: "inferno", title: "Inferno" },
  { name: "viridis", title: "Viridis" },
  { name: "cividis", title: "Cividis" },
];

/** Which part of a table a ground takes, from cold to hot: `[cold, hot]` on the published scale. */
const BOUNDS = {
  inferno: { light: [0.93, 0.22], dark: [0.3, 0.97] },
  viridis: { light: [0.97, 0.05], dark: [0.15, 1] },
  cividis: { light: [0.97, 0.02], dark: [0.12, 1] },
};

/**
 * A scale on a ground: a closure from 0 (cold) … 1 (hottest) to `[red, green, blue]`, each 0 … 255.
 * @param {ScaleName} name @param {Ground} ground
 * @returns {(heat: number) => [number, number, number]}
 */
export function colourScale(name, ground) {
  const table = TABLES[name];
  const last = table.length / 6 - 1;
  const [cold, hot] = BOUNDS[name][ground];
  /** @param {number} stop @param {number} channel */
  const read = (stop, channel) => parseInt(table.slice(6 * stop + 2 * channel, 6 * stop + 2 * channel + 2), 16);
  return (heat) => {
    const at = (cold + (hot - cold) * Math.min(1, Math.max(0, heat))) * last;
    const stop = Math.min(last - 1, Math.floor(at));
    const part = at - stop;
    /** @param {number} channel */
    const mix = (channel) => Math.round(read(stop, channel) * (1 - part) + read(stop + 1, channel) * part);
    return [mix(0), mix(1), mix(2)];
  };
}
