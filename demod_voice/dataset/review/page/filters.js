// The filters: chips and fields, and the words after # in the address that say the same.

import { byId, count, make, titled } from "./dom.js";

const STATES = [["undecided", "Undecided"], ["accepted", "Accepted"], ["rejected", "Rejected"], ["edited", "Edited"]];

export class Filters {
  constructor(about, changed) {
    this.changed = changed;
    this.numbers = about.numbers;
    this.chosen = { state: new Set(), reason: new Set(), split: new Set() };
    this.reasons = about.reasons.map(([name]) => name);
    this.#chips("state", STATES.map(([name, words]) => [name, words, null]));
    const gates = new Map((about.gates || []).map((each) => [each.name, each.sentence]));
    const reasons = about.reasons.map(([name, number]) => [name, name, number, gates.get(name)]);
    if (about.reasons.length) reasons.push(["none", "passed", about.passed]);
    byId("reasons").hidden = !reasons.length;
    this.#chips("reason", reasons);
    this.#chips("split", about.splits.map(([name, number]) => [name, name, number]));
    const speakers = about.speakers.map(([name, number]) => new Option(`${name || "(none)"} · ${count(number)}`, `=${name}`));
    byId("by-speaker").append(new Option("Any", ""), ...speakers);
    const titles = new Map((about.measures || []).map((each) => [each.name, each]));
    const named = (name) => { const { title, unit } = titles.get(name) || titled(name); return unit ? `${title}, ${unit}` : title; };
    byId("score").append(new Option("–", ""), ...about.numbers.map((name) => new Option(named(name), name)));
    byId("order").append(new Option("As recorded", ""));
    for (const name of about.numbers) {
      byId("order").append(new Option(`${named(name)} ↑`, name), new Option(`${named(name)} ↓`, `-${name}`));
    }
    for (const id of ["by-speaker", "score", "lowest", "highest", "order"]) byId(id).addEventListener("change", () => this.#said());
    byId("search").addEventListener("input", () => { clearTimeout(this.typing); this.typing = setTimeout(() => this.#said(), 250); });
    byId("clear-filters").addEventListener("click", () => this.clear());
    addEventListener("hashchange", () => { if (location.hash.slice(1) !== this.query()) this.#read(), this.changed(); });
    this.#read();
  }

  query() {
    const pairs = new URLSearchParams();
    for (const [name, words] of Object.entries(this.chosen)) for (const word of words) pairs.append(name, word);
    const speaker = byId("by-speaker").value;
    if (speaker) pairs.append("speaker", speaker.slice(1));
    const score = byId("score").value, [low, high] = [byId("lowest").value, byId("highest").value];
    if (score && (low || high)) pairs.append(score, `${low}..${high}`);
    if (byId("search").value.trim()) pairs.append("text", byId("search").value.trim());
    if (byId("order").value) pairs.append("order", byId("order").value);
    return String(pairs);
  }

  /** How many conditions there are, the order left out. */
  get conditions() { return [...new URLSearchParams(this.query()).keys()].filter((name) => name !== "order").length; }

  toggle(name, word) {
    const words = this.chosen[name];
    if (!words.delete(word)) words.add(word);
    this.#said();
  }

  clear() {
    history.replaceState(null, "", location.pathname);
    this.#read();
    this.changed();
  }

  #said() {
    this.#press();
    history.replaceState(null, "", `${location.pathname}${this.query() ? "#" : ""}${this.query()}`);
    this.changed();
  }

  #read() {
    const pairs = new URLSearchParams(location.hash.slice(1));
    for (const [name, words] of Object.entries(this.chosen)) {
      words.clear();
      for (const word of pairs.getAll(name)) words.add(word);
    }
    byId("by-speaker").value = pairs.has("speaker") ? `=${pairs.get("speaker")}` : "";
    const score = this.numbers.find((name) => pairs.has(name)) || "";
    byId("score").value = score;
    [byId("lowest").value, byId("highest").value] = score ? [...pairs.get(score).split(".."), ""] : ["", ""];
    byId("search").value = pairs.get("text") || "";
    byId("order").value = pairs.get("order") || "";
    this.#press();
  }

  #press() {
    for (const chip of document.querySelectorAll(".chip")) {
      chip.setAttribute("aria-pressed", this.chosen[chip.dataset.name].has(chip.dataset.word));
    }
    byId("filters-button").classList.toggle("on", this.conditions > 0);
  }

  #chips(name, words) {
    byId(`by-${name}`).append(...words.map(([word, told, number, title], place) => {
      const chip = make("button", { type: "button", className: "chip", dataset: { name, word }, title: title || "" }, told);
      if (number !== null) chip.append(make("small", {}, count(number)));
      if (name === "reason" && place < 9) chip.append(make("kbd", {}, String(place + 1)));
      chip.addEventListener("click", () => this.toggle(name, word));
      return chip;
    }));
  }
}
