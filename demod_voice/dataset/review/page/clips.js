// The clips of a choice: which ones, in which order, and their rows, fetched a few dozen at a time.

import * as server from "./server.js";

export const PAGE = 50;
const AHEAD = 40, MOST_KEPT = 3000;

export class Clips {
  constructor() {
    this.order = new Int32Array(0);
    this.rows = new Map();
    this.asked = new Map();
  }

  get length() { return this.order.length; }

  async choose(query) {
    const order = await server.find(query);
    this.order = order;
    if (this.rows.size > MOST_KEPT) this.rows.clear();
  }

  /** The row at a place of the choice, when it is there already. */
  peek(at) { return this.rows.get(this.order[at]) || null; }

  put(clip) { this.rows.set(clip.place, clip); }

  /** Where a clip is in the choice; -1 = it is not in it. */
  at(clip) { return this.order.indexOf(clip.place); }

  async get(at) {
    if (!this.peek(at)) await this.fetch(at - 5, at + AHEAD);
    return this.peek(at);
  }

  /** Have rows from one place of the choice to another; each is asked for once. */
  async fetch(from, to) {
    const wanted = [], waiting = [];
    for (let at = Math.max(0, from); at < Math.min(to, this.length); at++) {
      const place = this.order[at];
      if (this.rows.has(place)) continue;
      if (this.asked.has(place)) waiting.push(this.asked.get(place));
      else wanted.push(place);
    }
    if (wanted.length) {
      const answer = server.clips(wanted).then((rows) => {
        for (const row of rows) if (!this.rows.has(row.place)) this.rows.set(row.place, row);
      });
      for (const place of wanted) this.asked.set(place, answer);
      const done = () => { for (const place of wanted) this.asked.delete(place); };
      answer.then(done, done);
      waiting.push(answer);
    }
    await Promise.all(waiting);
  }

  /** Rows for the next clips, before they run out. */
  prefetch(at) {
    const near = Math.min(at + 10, this.length - 1);
    if (this.length && !this.peek(near)) this.fetch(at, at + AHEAD).catch(() => {});
  }
}
