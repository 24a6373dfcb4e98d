// Copying a UID, paging by keys, and days whose fields were left empty kept out of the address.
import { isTyping, sayTrouble } from "./frame.js";

const said = document.querySelector("[data-said]");
const form = document.querySelector("form.query");

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    // Over plain HTTP from another machine there is no clipboard: mark it, to be copied by hand.
    const shown = button.closest("td").querySelector(".uid");
    shown.textContent = button.dataset.copy;
    getSelection().selectAllChildren(shown);
    return;
  }
  said.textContent = button.dataset.copied;
  sayTrouble("");
}

function leaveOutEmpty() {
  for (const field of form.elements) field.disabled = field.name !== "" && field.value === "";
}

const keys = {
  n: () => document.querySelector("a[rel=next]")?.click(),
  p: () => document.querySelector("a[rel=prev]")?.click(),
  "/": () => form.elements[0].focus(),
};

addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
form.addEventListener("submit", leaveOutEmpty);
addEventListener("pageshow", () => {
  for (const field of form.elements) field.disabled = false;
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event) || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
