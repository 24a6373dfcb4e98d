// Moving among the studies by keys, and asking for the rows anew when the ledger has news.
import { isTyping } from "./frame.js";
import { followNews } from "./news.js";

const live = document.querySelector("[data-live]");
const filters = document.querySelector("[data-filters]");

function links() {
  return [...document.querySelectorAll("a[data-study]")];
}

function move(step) {
  const all = links();
  const here = all.indexOf(document.activeElement?.closest("tr")?.querySelector("a[data-study]"));
  const next = all[here < 0 ? 0 : Math.min(Math.max(here + step, 0), all.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function turnOrder() {
  const order = filters.elements.order;
  order.value = order.value === "urgent" ? "newest" : "urgent";
  order.dispatchEvent(new Event("change", { bubbles: true }));
}

const keys = {
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
  n: () => document.querySelector("a[rel=next]")?.click(),
  p: () => document.querySelector("a[rel=prev]")?.click(),
  s: turnOrder,
  "/": () => { filters.elements.search.focus(); filters.elements.search.select(); },
};

addEventListener("keydown", (event) => {
  if (event.target === filters.elements.search && event.key === "ArrowDown") move(1);
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event) || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

function say(state) {
  live.dataset.state = state;
  live.textContent = live.dataset[state];
}

function refresh() {
  if (document.hidden) return;
  const address = location.pathname + location.search;
  window.htmx.ajax("GET", address, {
    target: "#rows", swap: "morph:outerHTML", headers: { "X-Osteon-Background": "1" },
  });
}

followNews((event) => {
  say("on");
  if (document.getElementById("rows").dataset.version !== event.data) refresh();
}, () => say("off"));
document.addEventListener("visibilitychange", refresh);
addEventListener("popstate", () => location.reload());
