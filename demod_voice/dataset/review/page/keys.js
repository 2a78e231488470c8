// Every key: what it does, and the words of the help. A key that is typed into a field belongs to the field.

import { make } from "./dom.js";

const KEYS = [
  ["Decide", [
    [["a"], "accept", "Accept, and go on"],
    [["r"], "reject", "Reject, and go on"],
    [["s", "ArrowRight"], "skip", "Skip: go on without a decision"],
    [["ArrowLeft"], "back", "The clip before"],
    [["u"], "undo", "Undo the last decision"],
    [["c"], "clear", "Undecided again"],
  ]],
  ["Listen", [
    [[" "], "play", "Play or pause"],
    [["l"], "loop", "Loop"],
    [["p"], "auto", "Play each clip as it comes up"],
  ]],
  ["Edit", [
    [["e"], "edit", "Edit the text"],
    [["Enter"], null, "In the text: save (Ctrl-Enter too)"],
    [["Escape"], null, "In the text: leave it as it was"],
    [["["], "trimStart", "The clip starts at the playhead"],
    [["]"], "trimEnd", "The clip ends at the playhead"],
    [[","], "earlier", "Move that edge 10 ms back"],
    [["."], "later", "Move that edge 10 ms on"],
    [["<"], "muchEarlier", "100 ms back"],
    [[">"], "muchLater", "100 ms on"],
    [["x"], "untrim", "The whole clip again"],
  ]],
  ["Find", [
    [["/"], "search", "Search in the texts"],
    [["f"], "filters", "Filters"],
    [["1–9"], null, "Only clips with that reason"],
    [["0"], "clearFilters", "Clear all filters"],
    [["g"], "goTo", "Go to a number"],
    [["Home"], "first", "First clip"],
    [["End"], "last", "Last clip"],
    [["PageUp"], "pageBack", "50 clips back"],
    [["PageDown"], "pageOn", "50 clips on"],
    [["?"], "help", "This help"],
  ]],
];
const NAMES = { " ": "Space", ArrowRight: "→", ArrowLeft: "←", Escape: "Esc", PageUp: "Page ↑", PageDown: "Page ↓" };
const HELD = new Set(["earlier", "later", "muchEarlier", "muchLater", "back", "skip"]);
const PRESSED = new Set([" ", "Enter"]);

export function writeHelp(box) {
  box.replaceChildren(...KEYS.map(([title, rows]) => make("section", {}, make("h3", {}, title), make("dl", {}, ...rows.flatMap(
    ([keys, , words]) => [make("dt", {}, ...keys.map((key) => make("kbd", {}, NAMES[key] || key))), make("dd", {}, words)])))));
}

/** Call `actions[name]()` for its key, wherever the focus is, but in fields and dialogs. */
export function listen(actions) {
  const names = new Map(KEYS.flatMap(([, rows]) => rows.flatMap(([keys, name]) => keys.map((key) => [key, name]))));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { target } = event;
    // A field of a dialog that was just closed keeps the focus for a moment.
    const field = target.closest("textarea, select, input:not([type=checkbox])");
    if (document.querySelector("dialog[open]") || field?.checkVisibility()) return;
    if (PRESSED.has(event.key) && target.closest("button, input, [role=button]")) return;
    const number = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
    const name = number ? "reason" : names.get(event.key) || names.get(event.key.toLowerCase());
    if (!name || (event.repeat && !HELD.has(name))) return;
    event.preventDefault();
    actions[name](number);
  });
  // A button that was clicked lets go of the focus, so that the next space plays and does not press it again.
  document.addEventListener("click", (event) => {
    if (event.detail > 0) event.target.closest("button, input[type=checkbox]")?.blur();
  });
}
