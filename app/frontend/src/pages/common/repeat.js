/** Doing something again and again while it is looked at. */

export class Repeat {
  /**
   * @param {Element} element what is not in view is not refreshed
   * @param {number} seconds
   * @param {() => Promise<void>} work
   */
  constructor(element, seconds, work) {
    this.element = element;
    this.seconds = seconds;
    this.work = work;
  }

  /** Count anew from now. */
  start() {
    this.stop();
    if (this.seconds > 0) this.timer = setTimeout(() => this.due(), this.seconds * 1000);
  }

  async due() {
    if (!this.element.isConnected) return;
    // A table that somebody reads or types in stays as it is.
    const isBusy = document.hidden || document.querySelector('dialog:modal') || this.element.contains(document.activeElement);
    if (!isBusy) await this.work();
    this.start();
  }

  stop() {
    clearTimeout(this.timer);
  }
}
