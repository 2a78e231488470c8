// Questions and decisions. Whatever goes wrong is an Error with a `kind`: "gone", "key", "stale" or "refused".

class Trouble extends Error {
  constructor(kind, message, clip = null) {
    super(message);
    this.kind = kind;
    this.clip = clip;
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new Trouble("gone", "The server does not answer.");
  }
  if (answer.ok) return answer;
  if (answer.status === 401 || answer.status === 421) throw new Trouble("key", "This page's key is no longer valid.");
  const told = await answer.json().catch(() => ({ error: `The server answered ${answer.status}.` }));
  throw new Trouble(answer.status === 409 ? "stale" : "refused", told.error, told.clip);
}

async function send(path, value) {
  const headers = { "content-type": "application/json" };
  return (await ask(path, { method: "POST", headers, body: JSON.stringify(value) })).json();
}

export const dataset = async () => (await ask("/api/dataset")).json();
export const find = async (query) => new Int32Array(await (await ask(`/api/find?${query}`)).arrayBuffer());
export const clips = async (places) => (await ask(`/api/clips?at=${places.join(",")}`)).json();
export const decide = (wish) => send("/api/decide", wish);
export const undo = () => send("/api/undo", {});
export const finish = () => send("/api/finish", {});

export async function sound(clip) {
  const query = new URLSearchParams({ id: clip.id, sound: clip.sound });
  return (await ask(`/audio?${query}`, { cache: "default" })).arrayBuffer();
}
