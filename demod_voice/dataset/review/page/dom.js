// Small words for the page's parts. Text is always set as text, never as markup.

export const byId = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const node = Object.assign(document.createElement(tag), rest);
  Object.assign(node.dataset, dataset || {});
  node.append(...children);
  return node;
}

export function clock(seconds, digits = 2) {
  const whole = Math.floor(seconds / 60);
  const rest = (seconds - 60 * whole).toFixed(digits);
  return `${whole}:${rest.padStart(digits ? digits + 3 : 2, "0")}`;
}

export const count = (number) => number.toLocaleString("en");

export function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 1 ? value.toFixed(1) : value.toPrecision(2);
}

const UNITS = { dbfs: "dBFS", db: "dB", hz: "Hz", s: "s", ratio: "" };

export function titled(name) {
  const words = name.split("_");
  const unit = UNITS[words.at(-1)];
  const title = (unit === undefined ? words : words.slice(0, -1)).join(" ");
  return { title: title.charAt(0).toUpperCase() + title.slice(1), unit: unit || "" };
}
