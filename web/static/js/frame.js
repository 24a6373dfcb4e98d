// What every page does: keys that lead elsewhere, times in the reader's zone, trouble said in words.
import { showTimes } from "./times.js";

const trouble = document.querySelector("[data-trouble]");

export function isTyping(event) {
  return event.target.closest("input:not([type=checkbox], [type=radio], [type=range], [type=file]), textarea, select, dialog") !== null;
}

export function sayTrouble(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

// Goes as the header X-CSRF-Token with each request that changes something.
export function csrfToken() {
  return document.querySelector("meta[name=csrf-token]")?.content ?? "";
}

let awaitsPage = false;

function followKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
  if (awaitsPage) {
    awaitsPage = false;
    const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  if (event.key === "g") {
    awaitsPage = true;
    setTimeout(() => { awaitsPage = false; }, 1500);
  } else if (event.key === "?") {
    event.preventDefault();
    document.getElementById("keys").showModal();
  }
}

function openDialog(event) {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
}

function confirmFirst(event) {
  const asked = event.target.closest("[data-confirm]");
  if (asked && !confirm(asked.dataset.confirm)) event.preventDefault();
}

function reloadLater() {
  const waiting = document.querySelector("[data-reload-seconds]");
  if (waiting) setTimeout(() => location.reload(), 1000 * waiting.dataset.reloadSeconds);
}

addEventListener("keydown", followKey);
addEventListener("click", openDialog);
addEventListener("submit", confirmFirst);
document.addEventListener("htmx:sendError", () => sayTrouble(trouble.dataset.lost));
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.assign("/sign-in");
  else sayTrouble(saidBy(event.detail.xhr) || trouble.dataset.refused);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) sayTrouble("");
});
// Of what was swapped out of band htmx tells no place.
document.addEventListener("htmx:afterSettle", () => showTimes(document));
showTimes(document);
reloadLater();

function saidBy(request) {
  try {
    return JSON.parse(request.responseText).detail;
  } catch {
    return "";
  }
}
