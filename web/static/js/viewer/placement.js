// Where an image lies on its canvas. Lengths of the canvas are device pixels, of the image its columns.
const LARGEST = 64;
const SMALLEST_OF_FIT = 0.25;

export class Placement {
  scale = 1; // device pixels per column
  isFitted = true;

  // `aspect`: height of a pixel over its width.
  constructor(columns, rows, aspect) {
    this.columns = columns;
    this.rows = rows;
    this.aspect = aspect;
    this.width = 1;
    this.height = 1;
    this.x = columns / 2; // the place in the image that lies in the middle of the canvas
    this.y = rows / 2;
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
    if (this.isFitted) this.fit();
  }

  get fitScale() {
    return Math.min(this.width / this.columns, this.height / (this.rows * this.aspect));
  }

  // Whole device pixels, so that at 1:1 nothing is smoothed.
  get left() {
    return Math.round(this.width / 2 - this.x * this.scale);
  }

  get top() {
    return Math.round(this.height / 2 - this.y * this.scale * this.aspect);
  }

  fit() {
    this.isFitted = true;
    this.scale = this.fitScale;
    this.x = this.columns / 2;
    this.y = this.rows / 2;
  }

  toImage(x, y) {
    return [(x - this.left) / this.scale, (y - this.top) / (this.scale * this.aspect)];
  }

  toCanvas(x, y) {
    return [this.left + x * this.scale, this.top + y * this.scale * this.aspect];
  }

  // The place under (x, y) of the canvas stays there; reckoned from the middle, which is never rounded.
  zoomTo(scale, x = this.width / 2, y = this.height / 2) {
    const smallest = Math.min(this.fitScale, 1) * SMALLEST_OF_FIT;
    const zoomed = Math.min(Math.max(scale, smallest), Math.max(LARGEST, this.fitScale));
    const share = 1 / this.scale - 1 / zoomed;
    this.scale = zoomed;
    this.lookAt(
      this.x + (x - this.width / 2) * share,
      this.y + ((y - this.height / 2) * share) / this.aspect,
    );
  }

  zoomBy(factor, x, y) {
    this.zoomTo(this.scale * factor, x, y);
  }

  pan(dx, dy) {
    this.lookAt(this.x - dx / this.scale, this.y - dy / (this.scale * this.aspect));
  }

  // The middle of the canvas always shows a place in the image, so that it is never lost.
  lookAt(x, y) {
    this.isFitted = false;
    this.x = Math.min(Math.max(x, 0), this.columns);
    this.y = Math.min(Math.max(y, 0), this.rows);
  }

  shows(box) {
    const [left, top] = this.toCanvas(box.x0, box.y0);
    const [right, bottom] = this.toCanvas(box.x1, box.y1);
    return left >= 0 && top >= 0 && right <= this.width && bottom <= this.height;
  }
}
