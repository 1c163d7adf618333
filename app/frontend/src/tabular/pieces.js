/** A file in pieces, each with the number of rows that are done after it (app/endpoints/export.py). */

const HEAD_BYTES = 8;

/** Put the pieces together, however the network cuts them. */
export class Pieces {
  constructor() {
    this.rows = 0;
    this.parts = /** @type {Uint8Array<ArrayBuffer>[]} */ ([]);
    this.rest = 0; // bytes of this piece that are still to come
    this.head = /** @type {number[]} */ ([]);
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes what came next */
  add(bytes) {
    let at = 0;
    while (at < bytes.length) {
      if (this.rest) {
        const part = bytes.subarray(at, at + this.rest);
        this.parts.push(part);
        this.rest -= part.length;
        at += part.length;
      } else {
        this.head.push(bytes[at]);
        at += 1;
        if (this.head.length === HEAD_BYTES) this.begin();
      }
    }
  }

  begin() {
    const view = new DataView(Uint8Array.from(this.head).buffer);
    this.rows = view.getUint32(0);
    this.rest = view.getUint32(4);
    this.head = [];
  }

  /** @returns {boolean} false when the file broke off inside a piece */
  get isWhole() {
    return !this.rest && !this.head.length;
  }
}
