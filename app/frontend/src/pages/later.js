/**
 * The pages with a look of their own. Their code is fetched when the first of them is opened, so
 * that the lists need not wait for it.
 */

import { h } from '../core/dom.js';
import { pageHash } from '../core/page_link.js';
import { register } from '../core/registry.js';
import { registerFunction } from '../core/scripts.js';
import { language, t } from '../core/i18n.js';
import { printDocument } from '../core/print.js';
import { Widget } from '../core/widget.js';

/**
 * Register a widget whose content is made by a class in a part of the bundle of its own.
 * @param {string} name
 * @param {() => Promise<{Page: new (owner: Widget) => OwnPage}>} load the class gets the widget, makes `element`, and may
 *   have `start()`, `render()` and `stop()`
 */
function registerLater(name, load) {
  class Later extends Widget {
    async built() {
      this.dom_element.classList.add('own-page');
      this.dom_element.dataset.uid = this.uid;
      this.dom_element.setAttribute('aria-busy', 'true');
      const loading = h('div', { class: 'loading' }, t('Loading …'));
      this.dom_element.append(loading);
      const part = await load().catch((error) => this.failed(error));
      if (this.isGone || !part) return;
      const { Page } = part;
      this.page = new Page(this);
      this.dom_element.replaceChildren(this.page.element, loading);
      await this.page.start?.();
      loading.remove();
      this.dom_element.removeAttribute('aria-busy');
    }

    /** The part has another name since the server was renewed, or the connection broke. @param {unknown} error */
    failed(error) {
      console.error(error);
      const again = h('button', { type: 'button', on: { click: () => location.reload() } }, t('Load the page again'));
      this.dom_element.removeAttribute('aria-busy');
      this.dom_element.replaceChildren(h('div', { class: 'empty-note', role: 'alert' }, h('p', {}, t('A part of the page could not be loaded. The application may have been renewed.')), again));
    }

    render() {
      return this.page?.render?.();
    }

    released() {
      this.isGone = true;
      this.page?.stop?.();
      super.released();
    }
  }
  register(name, Later);
  return Later;
}

registerLater('Dashboard', () => import('./dashboard/dashboard.js'));
registerLater('PipelinePage', () => import('./pipeline/pipeline_page.js'));
registerLater('CallsPage', () => import('./calls/calls_page.js'));
registerLater('PipelineExport', () => import('./pipeline/export_box.js'));
registerLater('AuditEntry', () => import('./audit/audit_entry.js'));
registerLater('AccountPage', () => import('./account/account_page.js'));
registerLater('UsersPage', () => import('./account/users_page.js'));
registerLater('RoleMatrix', () => import('./account/role_matrix.js'));
registerLater('DistributorPage', () => import('./distributor/distributor_page.js'));

/** For `registerfunction` binds: opens what `url` answers to the other values beside this page, or has it kept as a file; `print` prints it. */
registerFunction('open_document', ({ url, print, ...params }) => {
  const href = `${url}?${new URLSearchParams({ ...params, _lang: language() })}`;
  if (!print || !printDocument(href)) window.open(href, '_blank', 'noopener');
});

/** For `toolbar.delete` of the ledger's list: asks, and voids the calls that the rows belong to. */
registerFunction('void_calls', async function voidRows({ records }) {
  const { voidCalls } = await import('./calls/void_dialog.js');
  return voidCalls(/** @type {Widget} */ (this), [...new Set(/** @type {Row[]} */ (records).map(({ call_no: callNo }) => callNo))]);
});

/** For `registerfunction` binds: the own prices of the distributor for the pipeline that a row names. */
registerFunction('open_own_prices', async function open(params) {
  const { openOwnPrices } = await import('./distributor/own_prices.js');
  if (this) await openOwnPrices(this, params);
});

/** For what a list does with marked rows: prices changed by a percentage. */
registerFunction('change_by_percent', async function change({ records }) {
  const { openPercent } = await import('./prices/price_percent.js');
  return this ? openPercent(this, records) : false;
});

/** For `registerfunction` binds: shows the page `url` with the record's id as `param`, and the other values, in the shell. */
registerFunction('open_page', (values) => {
  location.hash = pageHash(values);
});

