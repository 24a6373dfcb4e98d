// Files dragged over the page: anywhere on it, for one dropped beside the place would make the browser leave it.
import { dropped, isOfFiles } from "./picked.js";

export function watchDrags(take) {
  let depth = 0;
  const move = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("is-dragged", depth > 0);
  };
  const onFiles = (name, act) => addEventListener(name, (event) => {
    if (isOfFiles(event.dataTransfer)) act(event);
  });
  onFiles("dragenter", () => move(1));
  onFiles("dragleave", () => move(-1));
  onFiles("dragover", (event) => {
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  onFiles("drop", async (event) => {
    event.preventDefault();
    move(-depth);
    take(await dropped(event.dataTransfer));
  });
}
