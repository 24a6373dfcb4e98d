// Asking the node: the file is the body of the request, and its name is told to nobody.
import { csrfToken } from "../frame.js";

// What a person reads when there is no answer; `again` where asking again may help.
export class NoAnswer extends Error {
  constructor(reason, again) {
    super(reason);
    this.again = again;
  }
}

export async function post(path, body, texts, signal) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      body,
      signal,
      headers: { "X-CSRF-Token": csrfToken(), "Content-Type": "application/octet-stream" },
    });
  } catch (trouble) {
    if (signal?.aborted) throw trouble;
    throw new NoAnswer(await isReadable(body) ? texts.noAnswer : texts.unreadable, true);
  }
  if (answer.status === 401 || answer.redirected) location.assign("/sign-in");
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  const reason = typeof said.detail === "string" ? said.detail : texts.refused;
  throw new NoAnswer(reason, answer.status >= 500 || answer.status === 408);
}

// A file that was moved or changed since it was chosen fails as if the network did.
async function isReadable(body) {
  try {
    await body.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

// Base64 as the node writes it.
export function pngOf(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}
