/** How the pipeline goes: its calls, amounts, failures, by whom and by which models; refreshes itself. */

import { FiguresView } from '../figures/figures_view.js';
import { Repeat } from '../common/repeat.js';

const SECONDS = 30;

export class OverviewTab {
  /** @param {PipelinePage} page */
  constructor(page) {
    const { owner, data } = page;
    this.view = new FiguresView(owner, { groups: ['distributor', 'model'], pipelineId: data.id, mayOpenDistributor: owner.opts.may_open_distributor === true });
    this.element = this.view.element;
    this.repeat = new Repeat(this.element, SECONDS, () => this.load(true), { keepsFocus: true });
  }

  render() {
    return this.load(false);
  }

  /** @param {boolean} isAgain */
  async load(isAgain) {
    await this.view.load(isAgain);
    this.repeat.start();
  }

  stop() {
    this.repeat.stop();
  }
}
