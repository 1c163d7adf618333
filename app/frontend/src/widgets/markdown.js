/** MarkdownViewer shows a Markdown page and follows its links inside; MdText shows a text. */

import { ask } from '../core/request.js';
import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { markdownNodes } from '../core/markdown.js';
import { register } from '../core/registry.js';
import { resolveUrl, sameOrigin } from '../core/urls.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';

class MdText extends Widget {
  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('markdown');
    this.set_text(opts.mdtext ?? opts.text ?? '');
  }

  /** @param {string} text */
  set_text(text) {
    this.dom_element.replaceChildren(...markdownNodes(text, (url) => resolveUrl(url, this.baseUri)));
  }
}

class MarkdownViewer extends Widget {
  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.history = /** @type {string[]} */ ([]);
    this.back = h('button', {
      type: 'button', class: 'icon-button', 'aria-label': t('Back'), hidden: true, on: { click: () => this.goBack() },
    }, icon('left'));
    this.page = h('div', { class: 'markdown', on: { click: (event) => this.followed(event) } });
    this.dom_element.append(this.back, this.page);
  }

  built() {
    return this.load(this.opts.md_url);
  }

  /** @param {string} url */
  async load(url) {
    const answer = await ask(this.app, url, {
      method: this.opts.method, params: this.opts.params, baseUri: this.baseUri, text: true,
    });
    if (!answer.ok) {
      await this.app.showAnswer(answer);
      return;
    }
    this.history.push(answer.url);
    this.back.hidden = !this.opts.navigator || this.history.length < 2;
    this.page.replaceChildren(...markdownNodes(answer.value, (link) => new URL(link, answer.url).href));
    this.dispatch('loaded', { url: answer.url });
  }

  /** @param {At<MouseEvent>} event */
  followed(event) {
    const link = event.target.closest('a');
    if (!link || !sameOrigin(link.href) || !/\.md($|[?#])/.test(link.href)) return;
    event.preventDefault();
    this.load(link.href);
  }

  goBack() {
    this.history.pop();
    this.load(this.history.pop() ?? this.opts.md_url);
  }
}

register('MdText', MdText);
register('MarkdownViewer', MarkdownViewer);
