/** RefreshWidget: a page by URL that loads itself anew every `period_seconds`. */

import { ask } from '../core/request.js';
import { fillNode, h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { pageOf } from '../core/build.js';
import { place } from '../core/placing.js';
import { register } from '../core/registry.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';

class RefreshWidget extends Widget {
  async built() {
    await this.render();
    const seconds = Number(this.opts.period_seconds);
    if (seconds > 0) this.timer = setInterval(() => this.refresh(), Math.max(2, seconds) * 1000);
  }

  /** A page nobody looks at asks for nothing. */
  refresh() {
    if (!document.hidden && this.dom_element.isConnected) this.render();
  }

  async render() {
    const answer = await ask(this.app, this.opts.url, { params: this.opts.params, baseUri: this.baseUri });
    if (answer.ok) {
      this.hasContent = true;
      await place(pageOf(answer), this, { owner: this, app: this.app, baseUri: answer.url });
    } else if (!this.hasContent) this.showFailure(answer);
  }

  /** What is there already stays until the next time; where nothing is, the reason stands. @param {Answer} answer */
  showFailure({ error }) {
    const again = h('button', { type: 'button', on: { click: () => this.render() } }, icon('refresh'), t('Try again'));
    fillNode(this.dom_element, h('div', { class: 'empty-note', role: 'alert' }, icon('alert'),
      h('p', {}, t('This could not be loaded.'), ' ', t(error?.options?.message ?? '')), again));
  }

  released() {
    clearInterval(this.timer);
    super.released();
  }
}

register('RefreshWidget', RefreshWidget);
