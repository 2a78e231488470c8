// The list beside the clip: one page of the choice.

import { byId, clock, count, make } from "./dom.js";
import { PAGE } from "./clips.js";

const MARKS = { "": "", accepted: "✓", rejected: "✗" };

export class List {
  constructor(clips, go) {
    this.clips = clips;
    this.go = go;
    this.page = -1;
    this.items = [];
    this.wanted = 0;
    byId("page-back").addEventListener("click", () => this.turn(this.page - 1));
    byId("page-on").addEventListener("click", () => this.turn(this.page + 1));
    byId("list").addEventListener("click", (event) => {
      const item = event.target.closest("button");
      if (item) go(Number(item.dataset.at));
    });
  }

  get pages() { return Math.max(1, Math.ceil(this.clips.length / PAGE)); }

  /** Show the page with a clip of the choice; `anew` when the choice is another one. */
  async show(at, anew = false) {
    const page = Math.floor(Math.max(0, at) / PAGE);
    if (page !== this.page || anew) await this.turn(page);
    this.mark(at);
  }

  async turn(page) {
    if (page < 0 || page >= this.pages) return;
    const wanted = ++this.wanted;
    const [from, to] = [page * PAGE, Math.min((page + 1) * PAGE, this.clips.length)];
    await this.clips.fetch(from, to);
    if (wanted !== this.wanted) return;
    this.page = page;
    this.items = [];
    for (let at = from; at < to; at++) this.items.push(this.#item(at));
    byId("list").replaceChildren(...this.items);
    byId("list").scrollTop = 0;
    byId("page").textContent = `${count(page + 1)} of ${count(this.pages)}`;
    byId("page-back").disabled = page === 0;
    byId("page-on").disabled = page + 1 >= this.pages;
    this.mark(this.current ?? 0);
  }

  mark(at) {
    this.current = at;
    document.querySelector("#list [aria-current]")?.removeAttribute("aria-current");
    const item = this.items[at - this.page * PAGE]?.firstChild;
    if (!item) return;
    item.setAttribute("aria-current", "true");
    const [box, own] = [byId("list").getBoundingClientRect(), item.getBoundingClientRect()];
    if (own.top < box.top || own.bottom > box.bottom) byId("list").scrollTop += own.top - box.top - box.height / 3;
  }

  /** Write a clip's line anew. */
  update(at) {
    const place = at - this.page * PAGE;
    if (!this.items[place]) return;
    const item = this.#item(at);
    this.items[place].replaceWith(item);
    this.items[place] = item;
    if (at === this.current) item.firstChild.setAttribute("aria-current", "true");
  }

  #item(at) {
    const clip = this.clips.peek(at);
    const told = clip.review || "undecided";
    const button = make("button", { type: "button", className: told, dataset: { at } },
      make("i", { ariaHidden: "true" }, MARKS[clip.review]),
      make("span", { className: "sr" }, `${told}: `),
      make("span", { className: "snippet" }, clip.text || "(no text)"),
      make("small", {}, clip.reasons.length && !clip.review ? clip.reasons[0] : clock(clip.duration_s, 1)));
    return make("li", {}, button);
  }
}
