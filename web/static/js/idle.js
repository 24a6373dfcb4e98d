// Names do not stay on a screen that nobody looks at: when the session has run out, the page goes.
const idle = 1000 * document.querySelector("meta[name=idle-seconds]").content;
const OFTEN = 30_000;
let touchedAt = Date.now();

for (const sign of ["pointerdown", "keydown", "wheel"]) {
  addEventListener(sign, () => { touchedAt = Date.now(); }, { passive: true });
}

// To ask whether the session goes on is no sign of life itself.
async function look() {
  try {
    const answer = await fetch("/account/session", { headers: { "X-Osteon-Background": "1" } });
    if (answer.status === 401) {
      location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
      return;
    }
  } catch {
    // The node is away, and the page says so; whose session ran out meanwhile nobody can tell.
    if (Date.now() - touchedAt > idle) {
      location.replace("/sign-in");
      return;
    }
  }
  setTimeout(look, Math.min(idle / 4, OFTEN));
}

setTimeout(look, idle + 200);
