// Figures that refresh by themselves, and never in the way: what is open stays open, and a page that
// nobody looks at asks nothing.

// The server does not know which <details> a reader has opened.
window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
  !(name === "open" && element.tagName === "DETAILS");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.matches("[data-pulse]")) event.preventDefault();
});

// A button that led away the row it was in leaves the keyboard nowhere: go on at what was said.
document.addEventListener("htmx:afterSettle", () => {
  if (document.activeElement === document.body && wasPressed) document.getElementById("said")?.focus();
  wasPressed = false;
});

let wasPressed = false;
addEventListener("submit", () => { wasPressed = true; });

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && document.getElementById("now")) {
    window.htmx.ajax("GET", "/operations", {
      target: "#now", swap: "morph:outerHTML", headers: { "X-Osteon-Background": "1" },
    });
  }
});
