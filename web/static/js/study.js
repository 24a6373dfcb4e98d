// The study page: choosing a finding, giving a verdict, and showing what is new without touching either.
import { isTyping, sayTrouble } from "./frame.js";
import { followNews } from "./news.js";

const news = document.querySelector("[data-news]");
const marks = new Map(); // the reader's marks by SOP Instance UID
let chosen = { sop_instance_uid: null, box: null };

function form() {
  return document.getElementById("verdict-form");
}

function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

// ——— findings ———

function highlight() {
  for (const part of document.querySelectorAll("[data-finding-of]")) {
    part.classList.toggle("chosen", part.dataset.findingOf === chosen.sop_instance_uid);
  }
  for (const button of document.querySelectorAll("#findings [data-show]")) {
    const box = button.dataset.box === undefined ? null : Number(button.dataset.box);
    const isChosen = button.dataset.show === chosen.sop_instance_uid && box === chosen.box;
    if (isChosen) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

function choose(detail) {
  chosen = { sop_instance_uid: detail.sop_instance_uid, box: detail.box ?? null };
  highlight();
  judgeImage(chosen.sop_instance_uid);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("#findings [data-show]");
  if (button) {
    const box = button.dataset.box === undefined ? null : Number(button.dataset.box);
    choose({ sop_instance_uid: button.dataset.show, box });
    tell("osteon:show-mark", { ...chosen });
  }
  const remove = event.target.closest("[data-remove-mark]");
  if (remove) removeMark(Number(remove.dataset.removeMark));
});
document.addEventListener("osteon:mark-chosen", (event) => {
  choose(event.detail);
  document.querySelector("[data-finding-of].chosen")?.scrollIntoView({ block: "nearest" });
});

// ——— the verdict ———

function judgedImage() {
  return form()?.elements.image.selectedOptions[0]?.dataset.image ?? null;
}

// Until something is said, the verdict is on what is being looked at.
function judgeImage(uid) {
  const fields = form()?.elements;
  if (!fields || fields.opinion.value || fields.comment.value) return;
  const option = [...fields.image.options].find((one) => one.dataset.image === uid);
  if (option) option.selected = true;
  showMarks();
}

function showMarks() {
  const place = form()?.querySelector("[data-own-marks]");
  if (!place) return;
  const uid = judgedImage();
  const boxes = marks.get(uid) ?? [];
  form().elements.boxes.value = JSON.stringify(boxes);
  place.querySelector("[data-hint]").hidden = boxes.length > 0;
  place.querySelector("ol").replaceChildren(...boxes.map((box, index) => markItem(place, box, index)));
  if (uid) tell("osteon:reader-marks", { sop_instance_uid: uid, boxes });
}

function markItem(place, box, index) {
  const item = document.createElement("li");
  const corners = ["x0", "y0", "x1", "y1"].map((name) => Math.round(box[name]));
  item.append(`${place.dataset.mark.replace("{n}", index + 1)}: ${corners[0]}, ${corners[1]} – ${corners[2]}, ${corners[3]} `);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.dataset.removeMark = index;
  button.textContent = place.dataset.remove;
  button.setAttribute("aria-label", `${place.dataset.remove}: ${place.dataset.mark.replace("{n}", index + 1)}`);
  item.append(button);
  return item;
}

function removeMark(index) {
  const uid = judgedImage();
  marks.set(uid, (marks.get(uid) ?? []).filter((_, place) => place !== index));
  showMarks();
  form().elements.comment.focus();
}

// A mark says where the reader sees something: it is of the image, and corrects what was found.
document.addEventListener("osteon:marked", (event) => {
  if (!form()) return;
  const { sop_instance_uid: uid, box } = event.detail;
  marks.set(uid, [...(marks.get(uid) ?? []), box]);
  const option = [...form().elements.image.options].find((one) => one.dataset.image === uid);
  if (option) option.selected = true;
  if (!form().elements.opinion.value || form().elements.opinion.value === "agree") {
    form().elements.opinion.value = "partly";
  }
  showMarks();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("#verdict-form [name=image]")) showMarks();
  if (event.target.matches("#verdict-form [name=opinion]")) askWhatIsSeen();
});

// Whoever disagrees says what they see: the browser asks for it before anything is sent.
function askWhatIsSeen() {
  const fields = form().elements;
  for (const radio of fields.finding) radio.required = fields.opinion.value === "disagree";
}

function beginVerdict() {
  const first = form()?.querySelector("[name=opinion]:checked") ?? form()?.querySelector("[name=opinion]");
  first?.focus();
  first?.scrollIntoView({ block: "nearest" });
}

function agree() {
  if (!form()) return;
  form().elements.opinion.value = "agree";
  askWhatIsSeen();
  form().querySelector("[data-save]").focus();
}

function sayWrong(text) {
  const place = form()?.querySelector("[data-wrong]");
  if (!place) return;
  place.textContent = text;
  place.hidden = !text;
}

document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.elt !== form() || event.detail.xhr.status !== 422) return;
  try {
    const { detail } = JSON.parse(event.detail.xhr.responseText);
    sayWrong(detail);
    sayTrouble("");
  } catch {
    // The frame has said what it can.
  }
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt === form()) sayWrong("");
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt.id !== "verdict-form" || !event.detail.successful) return;
  for (const uid of marks.keys()) tell("osteon:reader-marks", { sop_instance_uid: uid, boxes: [] });
  marks.clear();
});
addEventListener("keydown", (event) => {
  const isSave = event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest("#verdict-form");
  if (isSave) form().requestSubmit();
});

// ——— keys ———

const keys = {
  v: beginVerdict,
  a: agree,
  n: () => document.querySelector("#study-head a[rel=next]")?.click(),
  p: () => document.querySelector("#study-head a[rel=prev]")?.click(),
  u: () => document.querySelector("[data-list]").click(),
};

addEventListener("keydown", (event) => {
  const isOurs = !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented && !isTyping(event);
  if (!isOurs || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

// ——— news ———

// What a reader has opened stays open.
window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.matches("details"));

let isAsking = false;
let hasMissedNews = false;

async function refresh() {
  hasMissedNews = isAsking;
  if (document.hidden || isAsking) return;
  isAsking = true;
  const seen = document.getElementById("study-head").dataset.version;
  const address = `${location.pathname}?${new URLSearchParams([...new URLSearchParams(location.search), ["seen", seen]])}`;
  try {
    await window.htmx.ajax("GET", address, { source: news, target: news, swap: "none", headers: { "X-Osteon-Background": "1" } });
    highlight();
  } finally {
    isAsking = false;
    if (hasMissedNews) refresh();
  }
}

followNews(refresh);
showMarks();
