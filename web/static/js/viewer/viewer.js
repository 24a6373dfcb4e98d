// The viewer on the study's page: docs/viewer.md says what it does with pixels and which keys it knows.
import { addControls } from "./controls.js";
import { Desk } from "./desk.js";

function partOf(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

// `osteon:show-mark` {sop_instance_uid, box}: an image, and one of its boxes or null, wanted in sight.
// `osteon:reader-marks` {sop_instance_uid, boxes}: what of the reader's marks is to be shown from now on.
function followPage(desk) {
  const paneOf = (event) => desk.paneOf(event.detail.sop_instance_uid);
  document.addEventListener("osteon:show-mark", (event) => {
    const pane = paneOf(event);
    if (pane) desk.showMark(pane, event.detail.box ?? null);
  });
  document.addEventListener("osteon:reader-marks", (event) => {
    const pane = paneOf(event);
    if (!pane) return;
    pane.own = event.detail.boxes;
    pane.surface.redraw();
  });
}

const element = document.querySelector("[data-viewer]");
if (element) {
  const desk = new Desk(element, partOf("study-images"), partOf("viewer-texts"));
  addControls(desk);
  followPage(desk);
}
