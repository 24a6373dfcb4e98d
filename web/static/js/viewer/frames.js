// Frames as the server sends them (web/study/frame_answer.py), and the few that are kept.
const CELLS = { u1: Uint8Array, u2: Uint16Array, i2: Int16Array };
const MOST_KEPT = 4;
const AT_ONCE = 2;

// What a person reads when there is no picture; `again` where asking again may help.
export class NoPicture extends Error {
  constructor(reason, again) {
    super(reason);
    this.again = again;
  }
}

export function parseFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const pixels = new CELLS[head.cells](buffer, 4 + length);
  return { ...head.frame, pixels };
}

// The first picture alone, those after it few at once: it should not wait for them.
class Turns {
  #free = 1;
  #waiting = [];
  #isLater = false;

  async take(act) {
    if (this.#free === 0) await new Promise((go) => this.#waiting.push(go));
    else this.#free -= 1;
    try {
      return await act();
    } finally {
      const turns = this.#isLater ? 1 : AT_ONCE;
      this.#isLater = true;
      for (let turn = 0; turn < turns; turn += 1) this.#giveOn();
    }
  }

  #giveOn() {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }
}

const turns = new Turns();

export async function ask(url) {
  let answer;
  try {
    answer = await fetch(url); // the first was asked for by the page already
  } catch {
    throw new NoPicture("", true);
  }
  if (answer.ok) return answer;
  if (answer.status === 401) location.assign("/sign-in");
  const said = await answer.json().catch(() => ({}));
  throw new NoPicture(typeof said.detail === "string" ? said.detail : "", answer.status >= 500);
}

// Frames by address and number, the latest used last. Memory alone: nothing of them is stored.
export class KeptFrames {
  #frames = new Map();

  async get(url, number) {
    const address = `${url}${url.includes("?") ? "&" : "?"}number=${number}`;
    const kept = this.#frames.get(address);
    if (kept) {
      this.#frames.delete(address);
      this.#frames.set(address, kept);
      return kept;
    }
    const frame = await turns.take(async () => parseFrame(await (await ask(address)).arrayBuffer()));
    this.#frames.set(address, frame);
    return frame;
  }

  // Forget the least used until few are left, those on show last.
  trim(shown) {
    for (const [address, frame] of this.#frames) {
      if (this.#frames.size <= MOST_KEPT) return;
      if (!shown.has(frame)) this.#frames.delete(address);
    }
  }

  get size() {
    return this.#frames.size;
  }
}
