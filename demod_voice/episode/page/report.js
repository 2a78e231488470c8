"use strict";
(() => {
  const audio = document.getElementById("audio");
  const timeline = document.getElementById("timeline");
  const playhead = document.getElementById("playhead");
  const now = document.getElementById("now");
  const body = document.querySelector("#takes tbody");
  const rows = [...body.rows].map((element) => ({
    element,
    start: Number(element.dataset.start),
    end: Number(element.dataset.end),
    text: element.querySelector(".text").textContent,
    speaker: element.querySelector(".speaker").textContent,
    odd: element.classList.contains("odd-line"),
  }));
  const inOrder = rows.slice();
  const duration = Number(timeline.dataset.duration);

  function clock(seconds) {
    const whole = Math.floor(seconds), two = (value) => String(value).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  }

  function lineAt(seconds) {
    let low = 0, high = inOrder.length - 1, found = null;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (inOrder[middle].start <= seconds + 0.01) { found = inOrder[middle]; low = middle + 1; } else { high = middle - 1; }
    }
    return found && seconds < found.end ? found : null;
  }

  let current = null;
  function show(seconds) {
    const place = `${Math.min(100, 100 * seconds / duration)}%`;
    playhead.setAttribute("x1", place);
    playhead.setAttribute("x2", place);
    playhead.removeAttribute("visibility");
    timeline.setAttribute("aria-valuenow", Math.round(seconds));
    timeline.setAttribute("aria-valuetext", clock(seconds));
    const line = lineAt(seconds);
    if (line === current) return;
    if (current) current.element.classList.remove("current");
    if (line) line.element.classList.add("current");
    current = line;
    now.textContent = line ? `${line.speaker}: ${line.text}` : "";
  }

  function seek(seconds, play) {
    const at = Math.max(0, Math.min(duration, seconds));
    show(at);
    if (!audio) return;
    audio.currentTime = at;
    if (play) audio.play().catch(() => {});
  }

  if (audio) {
    const failed = () => { document.getElementById("no-audio").hidden = false; };
    audio.addEventListener("error", failed);
    if (audio.error) failed();
    audio.addEventListener("seeked", () => show(audio.currentTime));
    const follow = () => { show(audio.currentTime); if (!audio.paused) requestAnimationFrame(follow); };
    audio.addEventListener("play", follow);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.play");
    const row = event.target.closest("#takes tbody tr");
    if (button) seek(Number(button.dataset.at), true);
    else if (row && !String(getSelection())) seek(Number(row.dataset.start), true);
  });

  timeline.addEventListener("click", (event) => {
    const box = timeline.getBoundingClientRect();
    seek(duration * (event.clientX - box.left) / box.width, true);
  });
  timeline.addEventListener("keydown", (event) => {
    const at = audio ? audio.currentTime : 0;
    const places = { ArrowLeft: at - 5, ArrowRight: at + 5, Home: 0, End: duration, Enter: at };
    if (!(event.key in places)) return;
    event.preventDefault();
    seek(places[event.key], event.key === "Enter");
  });

  const words = document.getElementById("words");
  const who = document.getElementById("who");
  const odd = document.getElementById("odd");
  function filter() {
    const wanted = words.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = (!odd.checked || row.odd) && (!who.value || row.speaker === who.value)
        && (!wanted || row.element.textContent.toLowerCase().includes(wanted));
      row.element.hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length} lines`;
  }
  const form = document.getElementById("filter");
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  const numbers = {
    n: (row) => row.start, start: (row) => row.start, length: (row) => row.end - row.start,
    level: (row) => (row.element.dataset.level === "-" ? -1000 : Number(row.element.dataset.level)),
  };
  const value = (row, key) => (numbers[key] ? numbers[key](row) : row.element.querySelector(`.${key}`).textContent);
  for (const button of document.querySelectorAll("#takes th button")) {
    button.addEventListener("click", () => {
      const head = button.parentElement, key = button.dataset.key;
      const falling = head.getAttribute("aria-sort") === "ascending" || (key === "faults" && !head.hasAttribute("aria-sort"));
      for (const each of head.parentElement.children) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const sorted = inOrder.map((row) => [value(row, key), row]);
      sorted.sort(([a], [b]) => (typeof a === "number" ? a - b : a.localeCompare(b)));
      if (falling) sorted.reverse();
      body.append(...sorted.map(([, row]) => row.element));
    });
  }

  for (const link of document.querySelectorAll('a[href^="#t"]')) {
    link.addEventListener("click", () => {
      words.value = ""; who.value = ""; odd.checked = false;
      filter();
      seek(Number(document.querySelector(link.getAttribute("href")).dataset.start), false);
    });
  }
})();
