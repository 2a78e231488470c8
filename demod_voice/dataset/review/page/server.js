// Questions and decisions. Whatever goes wrong is an Error with a `kind`: "gone", "key", "stale" or "refused".

class Trouble extends Error {
  constructor(kind, message, clip = null) {
    super(message);
    this.kind = kind;
    this.clip = clip;
  }
}

/** Ask, and read the whole answer as `kind` ("json", "arrayBuffer"): a server may end in the middle of one. */
async function ask(path, kind, options = {}) {
  let answer, told;
  try {
    answer = await fetch(path, { cache: "no-store", ...options });
    told = await (answer.ok ? answer[kind]() : answer.json().catch(() => ({})));
  } catch {
    throw new Trouble("gone", "The server does not answer.");
  }
  if (answer.ok) return told;
  if (answer.status === 401 || answer.status === 421) throw new Trouble("key", "This page's key is no longer valid.");
  const words = told.error || `The server answered ${answer.status}.`;
  throw new Trouble(answer.status === 409 ? "stale" : "refused", words, told.clip);
}

function send(path, value) {
  const headers = { "content-type": "application/json" };
  return ask(path, "json", { method: "POST", headers, body: JSON.stringify(value) });
}

export const dataset = () => ask("/api/dataset", "json");
export const find = async (query) => new Int32Array(await ask(`/api/find?${query}`, "arrayBuffer"));
export const clips = (places) => ask(`/api/clips?at=${places.join(",")}`, "json");
export const decide = (wish) => send("/api/decide", wish);
export const undo = () => send("/api/undo", {});
export const finish = () => send("/api/finish", {});

export function sound(clip) {
  const query = new URLSearchParams({ id: clip.id, sound: clip.sound });
  return ask(`/audio?${query}`, "arrayBuffer", { cache: "default" });
}
