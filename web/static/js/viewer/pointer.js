// Fingers and mouse on a pane: pan, window or mark by the tool chosen, right button or Shift for the window.
import { Gestures } from "./gestures.js";
import { boxAt, boxBetween } from "./marks.js";

// A drag this long, in CSS pixels, shifts the window by its own width or makes it e times as wide.
const WINDOW_DRAG = 300;

function windowBy(pane, [dx, dy]) {
  const length = WINDOW_DRAG * pane.surface.pixelRatio;
  pane.adjust({ brighter: -dy / length, wider: Math.exp(dx / length) });
}

function between(pane, from, to) {
  return boxBetween(pane.placement.toImage(...from), pane.placement.toImage(...to), pane.placement);
}

export function followPointer(pane, desk) {
  const isShown = () => pane.frame !== null && pane.placement !== null;
  const drags = {
    pan: (_from, _to, step) => pane.move((placement) => placement.pan(...step)),
    window: (_from, _to, step) => windowBy(pane, step),
    mark: (from, to) => pane.draw(between(pane, from, to)),
  };
  new Gestures(pane.canvas, {
    toolOf: (event) => (event.button === 2 || event.shiftKey ? "window" : desk.tool),
    drag: (tool, from, to, step) => isShown() && drags[tool](from, to, step),
    end: (tool, from, to) => {
      if (tool !== "mark" || !isShown()) return;
      desk.keepDraft(pane, from && between(pane, from, to));
    },
    click: (place) => {
      if (!isShown() || !desk.layers.boxes || !pane.showsMarks) return;
      const box = boxAt(pane.placement, pane.image.boxes, place, pane.surface.pixelRatio);
      if (box === null) return;
      pane.choose(box);
      desk.tellChosen(pane, box);
    },
    zoom: (factor, [x, y], step) => pane.move((placement) => {
      placement.pan(...step);
      placement.zoomBy(factor, x, y);
    }),
    turn: (place) => isShown() && (pane.placement.isFitted ? pane.actual(...place) : pane.fit()),
    over: (place) => pane.words.showPoint(pane, place),
  });
}
