// Before the page is drawn, so that a reading room never flashes white.
"use strict";
(() => {
  const root = document.documentElement;
  const chosen = localStorage.getItem("osteon-theme");
  root.dataset.theme = chosen === "light" ? "light" : "dark";
  addEventListener("DOMContentLoaded", () => {
    document.querySelector("[data-theme-switch]").addEventListener("click", () => {
      root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
      localStorage.setItem("osteon-theme", root.dataset.theme);
    });
  });
})();
