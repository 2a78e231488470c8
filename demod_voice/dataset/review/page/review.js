// The review: one clip at a time. A key is answered when its decision is on the server's disk.

import { byId, clock, count, make } from "./dom.js";
import { Clips, PAGE } from "./clips.js";
import { drawMeasures, drawProgress } from "./facts.js";
import { Filters } from "./filters.js";
import { listen, writeHelp } from "./keys.js";
import { List } from "./list.js";
import { Player } from "./player.js";
import * as server from "./server.js";
import { NUDGE_FAR_S, NUDGE_S, Wave } from "./wave.js";

const AUDITION_S = 0.7, RETRY_MS = 1000, SAID_MS = 2500;
const DONE = { accept: "Accepted", reject: "Rejected", clear: "Undecided again", text: "Text saved", trim: "Trimmed" };
const MARKS = { "": "undecided", accepted: "✓ accepted", rejected: "✗ rejected" };

class Review {
  constructor(about) {
    this.about = about;
    this.clips = new Clips();
    this.player = new Player(about.sample_rate, () => this.drawTransport());
    this.wave = new Wave((sample) => this.hear(sample / this.wave.rate), (bounds, edge) => this.run(() => this.trim(bounds, edge)));
    this.list = new List(this.clips, (at) => this.run(() => this.go(at)));
    this.filters = new Filters(about, () => this.run(() => this.choose()));
    this.queue = Promise.resolve();
    this.turn = 0;
    this.at = 0;
    this.clip = this.buffer = null;
    this.loop = localStorage.getItem("loop") === "yes";
    this.auto = localStorage.getItem("auto") !== "no";
  }

  /** One thing after the other: a second key waits for the first one's answer. */
  run(work) {
    this.queue = this.queue.then(work).catch((trouble) => this.tell(trouble));
    return this.queue;
  }

  begin() {
    document.title = `${this.about.name} · review`;
    byId("name").textContent = this.about.name;
    byId("name").title = this.about.folder;
    drawProgress(this.about.progress);
    this.wire();
    this.drawSwitches();
    return this.run(() => this.choose());
  }

  async choose() {
    const before = this.clip;
    await this.saveText();
    await this.clips.choose(this.filters.query());
    const at = before ? this.clips.at(before) : -1;
    this.drawChoice();
    if (this.clips.length) await this.go(Math.max(0, at), false);
    await this.list.show(this.at, true);
  }

  async go(at, play = this.auto) {
    await this.saveText();
    if (at < 0 || at >= this.clips.length) return this.say(at < 0 ? "This is the first clip." : "That was the last clip of this choice.");
    const clip = this.clips.peek(at) || (await this.clips.get(at));
    this.at = at;
    return this.open(clip, play);
  }

  /** Show a clip and play it; its sound is usually there already. */
  async open(clip, play) {
    const turn = ++this.turn;
    this.clip = clip;
    this.buffer = this.player.ready(clip);
    if (this.buffer) this.start(play);
    else this.player.stop();
    this.draw();
    if (!this.buffer) {
      const loading = this.player.load(clip);
      this.ahead();
      const buffer = await loading;
      if (turn !== this.turn) return;
      this.buffer = buffer;
      this.start(play);
      this.drawWave();
    } else this.ahead();
    this.list.show(this.at).catch(() => {});
  }

  start(play) {
    this.player.stop();
    this.player.place = this.from;
    if (play) this.hear(this.from);
  }

  /** Rows and sounds of the clips that come next. */
  ahead() {
    this.clips.prefetch(this.at);
    for (const at of [this.at - 1, this.at + 3, this.at + 2, this.at + 1]) {
      const clip = at >= 0 && this.clips.peek(at);
      if (clip) this.player.load(clip).catch(() => {});
    }
    if (this.clip) this.player.load(this.clip).catch(() => {});
  }

  get rate() { return this.about.sample_rate; }
  get from() { return this.clip.first_sample / this.rate; }
  get to() { return Math.min(this.buffer.duration, (this.clip.first_sample + this.clip.num_samples) / this.rate); }

  hear(from, to = null) {
    if (!this.buffer) return;
    const inside = from >= this.from - 1e-6 && from < this.to;
    const end = to ?? (inside ? this.to : this.buffer.duration);
    if (from >= end) return;
    this.player.play(this.buffer, from, end, this.loop && inside && to === null ? this.from : null);
    this.drawTransport();
  }

  toggle() {
    if (this.player.playing) this.player.stop();
    else this.hear(this.player.place < this.to - 0.01 && this.player.place >= this.from ? this.player.place : this.from);
    this.drawTransport();
  }

  async decide(action) {
    await this.saveText();
    if (!this.clip) return;
    this.took(await server.decide({ clip: this.clip.id, action, revision: this.clip.revision }));
    this.say(DONE[action]);
    if (action !== "clear") await this.step(1);
    else this.draw();
  }

  async step(by) { await this.go(this.at + by); }

  async trim(bounds, edge) {
    const found = this.clip && this.buffer && bounds();
    if (!found) return this.wave.place();
    const [first, last] = found;
    const wish = { clip: this.clip.id, action: "trim", revision: this.clip.revision };
    this.took(await server.decide({ ...wish, first_sample: first, num_samples: last - first }));
    this.say(`${DONE.trim}: ${clock((last - first) / this.rate, 3)}`);
    this.draw();
    if (edge && this.auto) this.hear(...(edge === "start" ? [this.from, Math.min(this.to, this.from + AUDITION_S)] : [Math.max(this.from, this.to - AUDITION_S), this.to]));
  }

  async saveText() {
    const box = byId("text"), clip = this.clip;
    if (!clip || box.value.trim() === clip.text.trim() || box.disabled) return;
    this.took(await server.decide({ clip: clip.id, action: "text", revision: clip.revision, text: box.value }));
    this.say(DONE.text);
    this.drawText();
  }

  async undo() {
    const told = await server.undo();
    if (!told.clip) return this.say("There is nothing to undo.");
    this.took(told);
    byId("text").value = told.clip.id === this.clip?.id ? told.clip.text : byId("text").value;
    this.say("Undone");
    const at = this.clips.at(told.clip);
    if (at >= 0) await this.go(at);
    else await this.open(told.clip, this.auto);
  }

  /** What the server says of a clip after a decision. */
  took(told) {
    this.calm();
    this.clips.put(told.clip);
    if (told.clip.id === this.clip?.id) this.clip = told.clip;
    requestAnimationFrame(() => {
      drawProgress(told.progress);
      this.list.update(this.clips.at(told.clip));
    });
  }

  say(words) {
    byId("said").textContent = words;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { byId("said").textContent = ""; }, SAID_MS);
  }

  /** Show what went wrong, whatever it is: the next key finds the queue as it was. */
  tell(trouble) {
    if (!trouble.kind) console.error(trouble);
    const lost = trouble.kind === "gone" ? " Your last key may not be on the disk. Start it again: demod-voice dataset review" : "";
    const key = trouble.kind === "key" ? " Open the address that the server printed when it was last started." : "";
    const box = byId("trouble");
    box.textContent = `${trouble.message}${lost}${key}`;
    box.hidden = false;
    this.wave.place();
    if (trouble.kind === "gone") this.wait();
    if (trouble.clip) {
      this.clips.put(trouble.clip);
      this.list.update(this.clips.at(trouble.clip));
      if (trouble.clip.id === this.clip?.id) this.newer(trouble.clip);
    }
  }

  /** Somebody else's version of the clip that is shown; what is being typed stays. */
  newer(clip) {
    const box = byId("text"), typed = box.value === this.clip.text ? null : box.value;
    this.clip = clip;
    this.draw();
    if (typed !== null) box.value = typed;
  }

  /** Ask until the server answers again. */
  wait() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(async () => {
      try {
        await server.dataset();
        byId("trouble").textContent = "The server is back. Decide about this clip again.";
      } catch (trouble) {
        if (trouble.kind === "gone") this.wait();
        else this.tell(trouble);
      }
    }, RETRY_MS);
  }

  calm() {
    clearTimeout(this.waiting);
    byId("trouble").hidden = true;
  }

  drawChoice() {
    const none = !this.clips.length;
    byId("count").textContent = `${count(this.clips.length)} ${this.clips.length === 1 ? "clip" : "clips"}`;
    byId("main").hidden = none;
    byId("empty").hidden = !none;
    byId("empty").textContent = this.filters.conditions ? "No clip fits these filters. 0 clears them." : "This dataset has no clips.";
    if (none) { this.player.stop(); this.clip = null; byId("list").replaceChildren(); }
  }

  draw() {
    const { clip } = this, outside = this.clips.at(clip) < 0;
    byId("title").textContent = outside ? "Outside this choice" : `${count(this.at + 1)} of ${count(this.clips.length)}`;
    byId("title").title = clip.id;
    byId("state").textContent = MARKS[clip.review];
    byId("state").className = `mark ${clip.review || "undecided"}`;
    byId("facts").textContent = [clip.recording, `${clock(clip.start_s, 1)}–${clock(clip.end_s, 1)}`, clip.split, clip.speaker || clip.label].filter(Boolean).join(" · ");
    const gates = new Map((this.about.gates || []).map((each) => [each.name, each.sentence]));
    byId("why").replaceChildren(...clip.reasons.map((name) => make("li", {}, make("b", {}, name), gates.has(name) ? ` ${gates.get(name)}` : "")));
    byId("why").hidden = !clip.reasons.length;
    this.drawText();
    this.drawWave();
    drawMeasures(this.clip, this.about);
  }

  drawText() {
    const box = byId("text");
    box.value = this.clip.text;
    const from = { none: this.clip.text ? "" : "no text", review: `edited${this.clip.who ? ` by ${this.clip.who}` : ""}` }[this.clip.text_source];
    byId("text-note").textContent = from ?? `from ${this.clip.text_source}`;
  }

  drawWave() {
    if (this.buffer) this.wave.show(this.buffer, this.clip.first_sample, this.clip.num_samples);
    else this.wave.clear();
    byId("kept").textContent = clock(this.clip.num_samples / this.rate);
    const whole = this.buffer && this.clip.first_sample === 0 && this.clip.num_samples >= this.buffer.length;
    byId("untrim").disabled = !this.buffer || whole;
    this.drawTransport();
  }

  drawTransport() {
    const { playing } = this.player;
    byId("play").textContent = playing ? "❚❚" : "▶";
    byId("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    this.drawHead();
    if (playing && !this.following) {
      this.following = true;
      const follow = () => {
        this.drawHead();
        this.following = this.player.playing;
        if (this.following) requestAnimationFrame(follow);
      };
      requestAnimationFrame(follow);
    }
  }

  drawHead() {
    const at = this.player.position();
    this.wave.head(at);
    byId("clock").textContent = this.buffer ? `${clock(at)} / ${clock(this.buffer.duration)}` : "";
  }

  drawSwitches() {
    byId("loop").checked = this.loop;
    byId("auto").checked = this.auto;
  }

  flip(name) {
    this[name] = !this[name];
    localStorage.setItem(name, this[name] ? "yes" : "no");
    this.drawSwitches();
    if (name === "loop" && this.player.playing) this.hear(this.player.position());
    this.say(name === "loop" ? `Loop ${this.loop ? "on" : "off"}` : `Clips ${this.auto ? "play" : "wait"} when they come up`);
  }

  showFilters(open = byId("filters").hidden) {
    byId("filters").hidden = !open;
    byId("filters-button").setAttribute("aria-expanded", open);
    if (open) byId("filters").querySelector("button, select, input").focus();
  }

  goTo() {
    byId("goto-number").max = this.clips.length;
    byId("goto-number").value = this.at + 1;
    byId("goto").returnValue = "";
    byId("goto").showModal();
    byId("goto-number").select();
  }

  async finish() {
    await this.saveText();
    await server.finish();
    this.player.stop();
    document.body.replaceChildren(make("main", { className: "finished" },
      make("h1", {}, "Finished"),
      make("p", {}, "The decisions are being brought into the dataset's files; the terminal says when. This page can be closed.")));
    this.ended = true;
  }

  /** What a key or a button does, by its name. */
  actions() {
    const { wave } = this, now = (work) => () => this.run(work);
    return {
      play: () => this.toggle(),
      loop: () => this.flip("loop"),
      auto: () => this.flip("auto"),
      accept: now(() => this.decide("accept")),
      reject: now(() => this.decide("reject")),
      clear: now(() => this.decide("clear")),
      undo: now(() => this.undo()),
      skip: now(() => this.step(1)),
      back: now(() => this.step(-1)),
      first: now(() => this.go(0)),
      last: now(() => this.go(this.clips.length - 1)),
      pageOn: now(() => this.go(Math.min(this.clips.length - 1, this.at + PAGE))),
      pageBack: now(() => this.go(Math.max(0, this.at - PAGE))),
      edit: () => { byId("text").focus(); },
      trimStart: () => wave.buffer && wave.set("start", this.player.position() * wave.rate),
      trimEnd: () => wave.buffer && wave.set("end", this.player.position() * wave.rate),
      earlier: () => wave.buffer && wave.nudge(-NUDGE_S),
      later: () => wave.buffer && wave.nudge(NUDGE_S),
      muchEarlier: () => wave.buffer && wave.nudge(-NUDGE_FAR_S),
      muchLater: () => wave.buffer && wave.nudge(NUDGE_FAR_S),
      untrim: now(() => this.trim(() => (this.buffer ? [0, this.buffer.length] : null), "")),
      goTo: () => this.goTo(),
      search: () => byId("search").focus(),
      filters: () => this.showFilters(),
      clearFilters: () => this.filters.clear(),
      reason: (number) => { if (this.filters.reasons[number - 1]) this.filters.toggle("reason", this.filters.reasons[number - 1]); },
      help: () => byId("help").showModal(),
    };
  }

  wire() {
    const actions = this.actions();
    writeHelp(byId("keys"));
    listen(actions);
    const buttons = {
      play: "play", accept: "accept", reject: "reject", undo: "undo", skip: "skip", back: "back", untrim: "untrim",
      "trim-start": "trimStart", "trim-end": "trimEnd", "help-button": "help", "filters-button": "filters", "goto-button": "goTo",
    };
    for (const [id, name] of Object.entries(buttons)) byId(id).addEventListener("click", () => actions[name]());
    byId("loop").addEventListener("change", () => this.flip("loop"));
    byId("auto").addEventListener("change", () => this.flip("auto"));
    byId("text").addEventListener("blur", () => this.run(() => this.saveText()));
    byId("text").addEventListener("keydown", (event) => this.typed(event));
    byId("search").addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); byId("search").blur(); } });
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    byId("filters").addEventListener("keydown", (event) => { if (event.key === "Escape") { this.showFilters(false); byId("main").focus(); } });
    byId("goto").addEventListener("close", () => { const at = Number(byId("goto-number").value); if (byId("goto").returnValue !== "no" && at) this.run(() => this.go(Math.min(this.clips.length, at) - 1)); });
    byId("goto").addEventListener("cancel", () => { byId("goto").returnValue = "no"; });
    byId("finish-button").addEventListener("click", () => { byId("finish").returnValue = ""; byId("finish").showModal(); });
    byId("finish").addEventListener("close", () => { if (byId("finish").returnValue === "finish") this.run(() => this.finish()); });
    addEventListener("beforeunload", (event) => { if (!this.ended && this.clip && byId("text").value.trim() !== this.clip.text.trim()) event.preventDefault(); });
  }

  typed(event) {
    if (event.key === "Escape") byId("text").value = this.clip.text;
    if (event.key === "Escape" || (event.key === "Enter" && !event.isComposing)) {
      event.preventDefault();
      byId("text").blur();
    }
  }
}

if (new URLSearchParams(location.search).has("token")) history.replaceState(null, "", `${location.pathname}${location.hash}`);
try {
  await new Review(await server.dataset()).begin();
} catch (trouble) {
  byId("trouble").textContent = trouble.message;
  byId("trouble").hidden = false;
  throw trouble;
}
