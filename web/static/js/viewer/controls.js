// The buttons above the panes and the keys that do the same.
import { isTyping } from "../frame.js";
import { told, viewName, windowText, zoomText } from "./readout.js";

const ZOOM = 1.25;
const PAN = 60; // CSS pixels
const BRIGHTER = 0.05; // of the window's width
const WIDER = 1.1;
const DRAFT_STEP = 8; // CSS pixels
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS = {
  "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", 1: "actual", f: "fit", w: "window", m: "mark",
  i: "invert", r: "reset", "[": "darker", "]": "brighter", "{": "flatter", "}": "steeper",
  h: "heat", b: "boxes", j: "next", k: "previous", ".": "nextMark", Escape: "pan",
};
const CANVAS_KEYS = { Enter: "enlarge", PageDown: "nextFrame", PageUp: "previousFrame" };

function actionsOf(desk) {
  const pane = () => desk.active;
  const zoomed = (change) => {
    change();
    if (pane().placement) desk.say(zoomText(pane().placement.scale));
  };
  const windowed = (change) => {
    pane().adjust(change);
    desk.say(windowText(pane().view, desk.texts));
  };
  const layer = (name, on, off) => {
    desk.setLayers({ [name]: !desk.layers[name] });
    desk.say(desk.layers[name] ? on : off);
  };
  const framed = (step) => {
    pane().stepFrame(step);
    desk.say(told(desk.texts.frame, { n: pane().asked }));
  };
  const { texts } = desk;
  return {
    pan: () => desk.choose("pan"),
    window: () => desk.choose(desk.tool === "window" ? "pan" : "window"),
    mark: () => beginMark(desk),
    zoomIn: () => zoomed(() => pane().move((placement) => placement.zoomBy(ZOOM))),
    zoomOut: () => zoomed(() => pane().move((placement) => placement.zoomBy(1 / ZOOM))),
    fit: () => zoomed(() => pane().fit()),
    actual: () => zoomed(() => pane().actual()),
    invert: () => {
      pane().invert();
      desk.say(pane().inverted ? texts.inverted : texts.notInverted);
    },
    reset: () => {
      pane().reset();
      desk.say(texts.wasReset);
    },
    darker: () => windowed({ brighter: -BRIGHTER }),
    brighter: () => windowed({ brighter: BRIGHTER }),
    flatter: () => windowed({ wider: WIDER }),
    steeper: () => windowed({ wider: 1 / WIDER }),
    boxes: () => layer("boxes", texts.boxesOn, texts.boxesOff),
    heat: () => layer("heat", texts.heatOn, texts.heatOff),
    next: () => desk.step(1),
    previous: () => desk.step(-1),
    nextMark: () => desk.nextMark(),
    enlarge: () => desk.enlarge(),
    nextFrame: () => framed(1),
    previousFrame: () => framed(-1),
  };
}

function beginMark(desk) {
  if (desk.tool === "mark") return desk.choose("pan");
  desk.choose("mark");
  desk.active.canvas.focus({ preventScroll: true });
  desk.active.beginDraft();
  desk.say(desk.texts.marking);
  return undefined;
}

function moveDraft(pane, [dx, dy], resizes) {
  const step = (DRAFT_STEP * pane.surface.pixelRatio) / pane.placement.scale;
  const { x0, y0, x1, y1 } = pane.draft;
  const [right, down] = [dx * step, (dy * step) / pane.placement.aspect];
  const moved = resizes
    ? { x0, y0, x1: Math.max(x1 + right, x0 + 1), y1: Math.max(y1 + down, y0 + 1) }
    : { x0: x0 + right, y0: y0 + down, x1: x1 + right, y1: y1 + down };
  pane.draw(moved);
}

// Keys that mean something on a picture alone; whether it was one.
function followOnCanvas(event, desk, actions) {
  const pane = desk.active;
  const arrow = ARROWS[event.key];
  if (pane.draft && arrow) moveDraft(pane, arrow, event.shiftKey);
  else if (pane.draft && event.key === "Enter") desk.keepDraft(pane, pane.draftBox());
  else if (arrow) pane.move((placement) => placement.pan(...arrow.map((way) => -way * PAN * pane.surface.pixelRatio)));
  else if (CANVAS_KEYS[event.key]) actions[CANVAS_KEYS[event.key]]();
  else return false;
  return true;
}

function followKeys(desk, actions) {
  addEventListener("keydown", (event) => {
    const isComposed = event.getModifierState("AltGraph"); // so are brackets on many keyboards
    if (((event.ctrlKey || event.altKey) && !isComposed) || event.metaKey) return;
    const isMeant = desk.element.contains(event.target) || event.target === document.body;
    if (!isMeant || event.defaultPrevented || isTyping(event)) return;
    const onCanvas = event.target.matches("canvas") && followOnCanvas(event, desk, actions);
    if (!onCanvas && !KEYS[event.key]) return;
    event.preventDefault();
    if (!onCanvas) actions[KEYS[event.key]]();
  });
}

function showState(desk) {
  const { element, active, layers, tool } = desk;
  const pressed = {
    pan: tool === "pan", window: tool === "window", mark: tool === "mark", invert: active.inverted,
    boxes: layers.boxes, heat: layers.heat, enlarge: desk.isEnlarged,
  };
  for (const [name, is] of Object.entries(pressed)) {
    element.querySelector(`[data-do=${name}]`).setAttribute("aria-pressed", is);
  }
  showViews(element.querySelector("[data-views]"), desk);
}

function showViews(select, { active, texts }) {
  const { views, view } = active;
  const offered = view && !views.some((one) => isSame(one, view)) ? [...views, view] : views;
  select.disabled = offered.length === 0;
  select.replaceChildren(...offered.map((one) => new Option(viewName(one, texts), "", false, isSame(one, view))));
}

function isSame(one, other) {
  return one.from === other.from && one.place === other.place;
}

export function addControls(desk) {
  const actions = actionsOf(desk);
  desk.element.addEventListener("click", (event) => {
    const name = event.target.closest("[data-do]")?.dataset.do;
    if (name) actions[name]();
  });
  const views = desk.element.querySelector("[data-views]");
  views.addEventListener("change", () => {
    const view = desk.active.views[views.selectedIndex];
    if (view) desk.active.use(view);
  });
  desk.element.querySelector("[data-strength]").addEventListener("input", (event) =>
    desk.setLayers({ strength: event.target.valueAsNumber }));
  desk.addEventListener("change", () => showState(desk));
  followKeys(desk, actions);
  showState(desk);
}
