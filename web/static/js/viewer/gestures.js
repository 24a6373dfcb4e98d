// What fingers and the mouse do on a canvas, told in device pixels of it.
const CLICK_REACH = 4; // CSS pixels a pointer may stray and still click
const WHEEL_STEP = 0.0016;
const PIXELS_OF_LINE = 16;

export class Gestures {
  #canvas;
  #acts;
  #pointers = new Map();
  #drag = null;
  #pinch = null;

  // `acts`: toolOf(event), drag(tool, from, to, step), end(tool, from, to), click(place), zoom(factor,
  // place, step), turn(place) for a double click, over(place) where the pointer is, or null.
  constructor(canvas, acts) {
    this.#canvas = canvas;
    this.#acts = acts;
    const on = (name, act, options) => canvas.addEventListener(name, act.bind(this), options);
    on("pointerdown", this.#down);
    on("pointermove", this.#move);
    on("pointerup", this.#up);
    on("pointercancel", this.#cancel);
    on("pointerleave", () => acts.over(null));
    on("wheel", this.#wheel, { passive: false });
    on("dblclick", (event) => acts.turn(this.#place(event)));
    on("contextmenu", (event) => event.preventDefault());
  }

  get #pixelRatio() {
    return this.#canvas.width / (this.#canvas.clientWidth || 1);
  }

  #place(event) {
    const edge = this.#canvas.getBoundingClientRect();
    return [(event.clientX - edge.left) * this.#pixelRatio, (event.clientY - edge.top) * this.#pixelRatio];
  }

  #down(event) {
    if (event.button > 2 || event.button === 1) return;
    this.#canvas.focus({ preventScroll: true });
    this.#canvas.setPointerCapture(event.pointerId);
    const place = this.#place(event);
    this.#pointers.set(event.pointerId, place);
    if (this.#pointers.size === 2) {
      this.#giveUp();
      this.#pinch = this.#pair();
    } else if (this.#pointers.size === 1) {
      this.#drag = { tool: this.#acts.toolOf(event), from: place, last: place, moved: false };
    }
  }

  #move(event) {
    const place = this.#place(event);
    this.#acts.over(place);
    if (!this.#pointers.has(event.pointerId)) return;
    this.#pointers.set(event.pointerId, place);
    if (this.#pinch) this.#pinchOn();
    else if (this.#drag) this.#dragOn(place);
  }

  #dragOn(place) {
    const drag = this.#drag;
    const strayed = Math.hypot(place[0] - drag.from[0], place[1] - drag.from[1]);
    if (!drag.moved && strayed < CLICK_REACH * this.#pixelRatio) return;
    drag.moved = true;
    this.#acts.drag(drag.tool, drag.from, place, [place[0] - drag.last[0], place[1] - drag.last[1]]);
    drag.last = place;
  }

  #pair() {
    const [one, other] = this.#pointers.values();
    return {
      middle: [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2],
      apart: Math.max(Math.hypot(one[0] - other[0], one[1] - other[1]), 1),
    };
  }

  #pinchOn() {
    const now = this.#pair();
    const { middle, apart } = this.#pinch;
    this.#acts.zoom(now.apart / apart, now.middle, [now.middle[0] - middle[0], now.middle[1] - middle[1]]);
    this.#pinch = now;
  }

  #up(event) {
    const drag = this.#drag;
    this.#forget(event);
    if (!drag) return;
    this.#drag = null;
    if (drag.moved) this.#acts.end(drag.tool, drag.from, drag.last);
    else if (event.button === 0) this.#acts.click(drag.from);
  }

  #cancel(event) {
    this.#giveUp();
    this.#forget(event);
  }

  #forget(event) {
    this.#pointers.delete(event.pointerId);
    if (this.#pointers.size < 2) this.#pinch = null;
  }

  #giveUp() {
    if (this.#drag?.moved) this.#acts.end(this.#drag.tool, null, null);
    this.#drag = null;
  }

  #wheel(event) {
    event.preventDefault();
    const turned = event.deltaY * (event.deltaMode === 1 ? PIXELS_OF_LINE : 1);
    this.#acts.zoom(Math.exp(-turned * WHEEL_STEP), this.#place(event), [0, 0]);
  }
}
