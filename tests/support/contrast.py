"""What of a page cannot be read well: JavaScript that names every text whose contrast is under 4.5 (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

CONTRAST = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = (colour) => { const [r, g, b] = rgba(colour).map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (node) => { for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor; if (rgba(colour)[3] > 250) return colour; } return '#fff'; };
  const poor = [];
  for (const node of document.querySelectorAll('h1, h2, p, small, dt, b, td, th, caption, summary, .pass, .fail, a, label')) {
    if (!node.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(node.tagName + '.' + node.className + ' ' + node.textContent.slice(0, 30));
  }
  return poor;
})()"""
