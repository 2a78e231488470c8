// Numbers: how far the dataset is, and what was measured of a clip.

import { byId, count, make, shown, titled } from "./dom.js";

export function drawProgress({ clips, accepted, rejected, session }) {
  const share = (number) => `${clips ? (100 * number) / clips : 0}%`;
  byId("bar-accepted").style.width = share(accepted);
  byId("bar-rejected").style.width = share(rejected);
  byId("progress-text").textContent = `${count(accepted + rejected)} of ${count(clips)} decided`;
  byId("progress").title = `${count(accepted)} accepted, ${count(rejected)} rejected; ${count(session)} decisions in this session`;
  byId("progress").setAttribute("aria-valuemax", clips);
  byId("progress").setAttribute("aria-valuenow", accepted + rejected);
  byId("finish-text").textContent = `${count(session)} decisions were made in this session. They are brought into the dataset's files, and the server ends.`;
}

export function drawMeasures(clip, about) {
  const titles = new Map((about.measures || []).map((each) => [each.name, each]));
  const order = [...titles.keys()], place = (name) => (order.indexOf(name) + 1 || order.length + 1);
  const failed = new Set((about.gates || []).filter((each) => clip.reasons.includes(each.name)).map((each) => each.measure));
  const numbers = Object.entries(clip.qc).filter(([, value]) => typeof value === "number" || value === null);
  numbers.sort(([one], [other]) => place(one) - place(other));
  if (clip.speaker_score !== null) numbers.push(["speaker_score", clip.speaker_score]);
  byId("measures").classList.toggle("stale", Boolean(clip.qc.qc_stale));
  byId("measures").title = clip.qc.qc_stale ? "Measured before the clip was trimmed" : "";
  byId("measures").replaceChildren(...numbers.map(([name, value]) => {
    const { title, unit, definition } = titles.get(name) || titled(name);
    return make("div", { title: definition || "", className: failed.has(name) ? "failed" : "" }, make("dt", {}, title), make("dd", {}, `${shown(value)}${unit && value !== null ? ` ${unit}` : ""}`));
  }));
}
