/** Doing something again and again while it is looked at. */

export class Repeat {
  /**
   * @param {Element} element what is not in view is not refreshed
   * @param {number} seconds
   * @param {() => Promise<void>} work
   * @param {{keepsFocus?: boolean}} [how] `keepsFocus`: *work* leaves the focus where it is
   */
  constructor(element, seconds, work, { keepsFocus = false } = {}) {
    this.element = element;
    this.seconds = seconds;
    this.work = work;
    this.keepsFocus = keepsFocus;
    this.look = () => {
      if (!document.hidden && this.isLate) this.due();
    };
  }

  /** Count anew from now. */
  start() {
    this.stop();
    if (this.seconds <= 0) return;
    this.isLate = false;
    this.timer = setTimeout(() => this.due(), this.seconds * 1000);
    document.addEventListener('visibilitychange', this.look);
  }

  async due() {
    this.stop();
    if (!this.element.isConnected) return;
    if (document.hidden) {
      // What was hidden is brought up to date as soon as it is looked at again.
      this.isLate = true;
      document.addEventListener('visibilitychange', this.look);
      return;
    }
    // A table that somebody reads or types in stays as it is.
    const isBusy = document.querySelector('dialog:modal') || (!this.keepsFocus && this.element.contains(document.activeElement));
    if (!isBusy) await this.work();
    this.start();
  }

  stop() {
    clearTimeout(this.timer);
    document.removeEventListener('visibilitychange', this.look);
  }
}
