// The waveform with its two handles. Everything is in samples of the clip's sound.

import { byId, clock } from "./dom.js";

export const NUDGE_S = 0.01, NUDGE_FAR_S = 0.1, SHORTEST_S = 0.1;

export class Wave {
  /** `seek(sample)` is called for a click; `trim(bounds, edge)` for a moved edge: `bounds()` is [first, last] or null. */
  constructor(seek, trim) {
    this.box = byId("wave");
    this.canvas = byId("canvas");
    this.handles = { start: byId("handle-start"), end: byId("handle-end") };
    this.outs = { start: byId("out-start"), end: byId("out-end") };
    this.playhead = byId("playhead");
    this.seek = seek;
    this.trim = trim;
    this.edge = "end";
    this.buffer = null;
    this.first = this.last = 0;
    new ResizeObserver(() => this.draw()).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.box.addEventListener("pointerdown", (event) => this.#pointed(event));
    for (const edge of ["start", "end"]) this.#wire(edge, this.handles[edge]);
  }

  show(buffer, first, count) {
    const other = buffer !== this.buffer;
    this.buffer = buffer;
    this.first = first;
    this.last = Math.min(first + count, buffer.length);
    if (other) this.draw();
    this.place();
  }

  clear() {
    this.buffer = null;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.playhead.hidden = true;
  }

  get rate() { return this.buffer ? this.buffer.sampleRate : 1; }

  /** Put handles and shades where the bounds are. */
  place() {
    if (!this.buffer) return;
    const share = (sample) => (100 * sample) / this.buffer.length;
    this.outs.start.style.width = `${share(this.first)}%`;
    this.outs.end.style.width = `${100 - share(this.last)}%`;
    for (const [edge, sample] of [["start", this.first], ["end", this.last]]) {
      const handle = this.handles[edge];
      handle.style.left = `${share(sample)}%`;
      handle.setAttribute("aria-valuemin", 0);
      handle.setAttribute("aria-valuemax", Math.round((1000 * this.buffer.length) / this.rate));
      handle.setAttribute("aria-valuenow", Math.round((1000 * sample) / this.rate));
      handle.setAttribute("aria-valuetext", `${clock(sample / this.rate, 3)} of ${clock(this.buffer.length / this.rate, 3)}`);
      handle.classList.toggle("active", edge === this.edge);
    }
  }

  head(seconds) {
    this.playhead.hidden = !this.buffer;
    if (this.buffer) this.playhead.style.left = `${Math.min(100, (100 * seconds * this.rate) / this.buffer.length)}%`;
  }

  /** Bounds with an edge at a sample, or null when they would be too near. */
  moved(edge, sample) {
    const least = Math.min(this.buffer.length, Math.ceil(SHORTEST_S * this.rate));
    const at = Math.round(Math.max(0, Math.min(this.buffer.length, sample)));
    const [first, last] = edge === "start" ? [at, this.last] : [this.first, at];
    return last - first >= least ? [first, last] : null;
  }

  draw() {
    const scale = devicePixelRatio || 1;
    const width = Math.round(this.canvas.clientWidth * scale), height = Math.round(this.canvas.clientHeight * scale);
    if (!this.buffer || !width || !height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    const style = getComputedStyle(this.canvas), pen = this.canvas.getContext("2d");
    const middle = height / 2, samples = this.buffer.getChannelData(0), step = samples.length / width;
    pen.fillStyle = style.getPropertyValue("--grid");
    for (let second = 0; second * this.rate < samples.length; second++) {
      pen.fillRect(Math.round((width * second * this.rate) / samples.length), 0, 1, height);
    }
    pen.fillRect(0, Math.round(middle), width, 1);
    const peaks = style.getPropertyValue("--peak"), levels = style.getPropertyValue("--rms");
    for (let column = 0; column < width; column++) {
      const end = Math.max(Math.floor((column + 1) * step), Math.floor(column * step) + 1);
      let low = 0, high = 0, sum = 0, number = 0;
      for (let place = Math.floor(column * step); place < end; place++, number++) {
        const value = samples[place];
        if (value < low) low = value; else if (value > high) high = value;
        sum += value * value;
      }
      const level = Math.sqrt(sum / number) * middle;
      pen.fillStyle = peaks;
      pen.fillRect(column, middle - high * middle, 1, Math.max(1, (high - low) * middle));
      pen.fillStyle = levels;
      pen.fillRect(column, middle - level, 1, 2 * level);
    }
    this.place();
  }

  #sampleAt(event) {
    const box = this.box.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * this.buffer.length;
  }

  #pointed(event) {
    if (!this.buffer || event.button !== 0 || event.target.classList.contains("handle")) return;
    this.seek(this.#sampleAt(event));
  }

  #wire(edge, handle) {
    let before = null;
    handle.addEventListener("pointerdown", (event) => {
      if (!this.buffer || event.button !== 0) return;
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
      this.edge = edge;
      before = [this.first, this.last];
    });
    handle.addEventListener("pointermove", (event) => {
      const bounds = before && this.moved(edge, this.#sampleAt(event));
      if (bounds) [this.first, this.last] = bounds;
      this.place();
    });
    handle.addEventListener("pointerup", () => {
      const bounds = [this.first, this.last];
      if (before && (bounds[0] !== before[0] || bounds[1] !== before[1])) {
        [this.first, this.last] = before;
        this.trim(() => bounds, edge);
      }
      before = null;
    });
    handle.addEventListener("pointercancel", () => {
      if (before) [this.first, this.last] = before;
      before = null;
      this.place();
    });
    handle.addEventListener("focus", () => { this.edge = edge; this.place(); });
    handle.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
      if (!(event.key in steps) || !this.buffer) return;
      event.preventDefault();
      event.stopPropagation();
      this.nudge(steps[event.key] * (event.shiftKey ? NUDGE_FAR_S : NUDGE_S));
    });
  }

  /** Ask for the active edge to be moved by seconds. */
  nudge(seconds) {
    const edge = this.edge;
    return this.trim(() => this.moved(edge, (edge === "start" ? this.first : this.last) + seconds * this.rate), edge);
  }

  /** Ask for an edge to be put at a sample. */
  set(edge, sample) {
    this.edge = edge;
    return this.trim(() => this.moved(edge, sample), edge);
  }
}
