// Sound: decoded ahead, started at once. Positions are seconds in the clip's sound.

import * as server from "./server.js";

const KEPT = 10;

export class Player {
  constructor(sampleRate, ended) {
    this.context = new AudioContext({ sampleRate, latencyHint: "interactive" });
    this.ended = ended;
    this.sounds = new Map();
    this.source = null;
    this.place = 0;
    this.from = this.to = this.started = 0;
    this.again = null;
  }

  /** The decoded sound of a clip, when it is there already. */
  ready(clip) {
    return this.sounds.get(clip.sound)?.buffer || null;
  }

  /** Fetch and decode a clip's sound; it is kept while a few others are asked for. */
  load(clip) {
    let entry = this.sounds.get(clip.sound);
    this.sounds.delete(clip.sound);
    if (!entry) {
      entry = { buffer: null };
      entry.promise = server.sound(clip).then((data) => this.context.decodeAudioData(data)).then((buffer) => {
        entry.buffer = buffer;
        return buffer;
      });
      entry.promise.catch(() => this.sounds.delete(clip.sound));
    }
    this.sounds.set(clip.sound, entry);
    for (const key of this.sounds.keys()) if (this.sounds.size > KEPT) this.sounds.delete(key);
    return entry.promise;
  }

  get playing() { return this.source !== null; }

  /** Play from one second to another; with `again`, from that second to the end over and over. */
  play(buffer, from, to, again = null) {
    this.stop();
    if (this.context.state === "suspended") this.context.resume();
    const loop = again !== null;
    const source = new AudioBufferSourceNode(this.context, { buffer, loop, loopStart: again ?? 0, loopEnd: loop ? to : 0 });
    source.connect(this.context.destination);
    source.start(0, from, loop ? undefined : Math.max(0, to - from));
    Object.assign(this, { source, from, to, again, started: this.context.currentTime });
    source.onended = () => {
      if (this.source !== source) return;
      this.source = null;
      this.place = to;
      this.ended();
    };
  }

  stop() {
    if (!this.source) return;
    this.place = this.position();
    const source = this.source;
    this.source = null;
    source.onended = null;
    source.stop();
    source.disconnect();
  }

  /** What is heard now: the device is a little behind. */
  position() {
    if (!this.source) return this.place;
    const behind = this.context.outputLatency || 0;
    const passed = this.from + Math.max(0, this.context.currentTime - this.started - behind);
    if (passed < this.to) return passed;
    return this.again === null ? this.to : this.again + ((passed - this.to) % Math.max(0.01, this.to - this.again));
  }
}
