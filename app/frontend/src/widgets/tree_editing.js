/** Adding, changing and deleting nodes of a tree. */

import { ask } from '../core/request.js';
import { buildOverlay } from '../core/build.js';
import { t } from '../core/i18n.js';
import { isEditable, normaliseField } from '../inputs/fields.js';

export class TreeEditing {
  /** @param {Tree} tree */
  constructor(tree) {
    this.tree = tree;
    /** @type {TreeUrls} */
    this.urls = tree.opts.select_only ? {} : tree.opts.editable ?? {};
  }

  get canAdd() {
    return Boolean(this.urls.add_url);
  }

  get canUpdate() {
    return Boolean(this.urls.update_url);
  }

  get canDelete() {
    return Boolean(this.urls.delete_url);
  }

  /** A new node below the selected one; without a selection at the root, then without a parent. */
  async add() {
    const { tree } = this;
    const parent = tree.selectedItem;
    const { parentField, newdata_params: fixed = {} } = tree.opts;
    const key = parent && parentField ? { [parentField]: parent.record[tree.idField] } : {};
    const box = await this.form('Add', null, this.urls.add_url, { ...fixed, ...key });
    box.form.bind('submitted', (event) => tree.addNode(event.params, parent));
  }

  async update() {
    const { tree } = this;
    const item = this.needSelected();
    if (!item) return;
    const box = await this.form('Edit', item.record, this.urls.update_url, this.key(item.record));
    box.form.bind('submitted', (event) => {
      Object.assign(item.record, box.form.getValue(), event.params);
      const text = item.querySelector('.tree-text');
      if (text) text.textContent = tree.textOf(item.record);
    });
  }

  async remove() {
    const { tree } = this;
    const item = this.needSelected();
    if (!item) return;
    const isSure = await tree.app.confirm({
      title: 'Delete', message: t('Delete "${name}"?', { name: tree.textOf(item.record) }), yes_label: 'Delete', danger: true,
    });
    if (!isSure) return;
    const answer = await ask(tree.app, this.urls.delete_url, {
      method: 'POST', params: this.key(item.record), baseUri: tree.baseUri,
    });
    await tree.app.showAnswer(answer);
    if (!answer.ok) return;
    tree.removeNode(item);
  }

  needSelected() {
    if (!this.tree.selectedItem) this.tree.app.show_message({ title: 'Please select a row first.' });
    return this.tree.selectedItem;
  }

  /** @param {Row} record */
  key(record) {
    const { idField } = this.tree;
    const key = /** @type {Data} */ ({ id: record.id ?? record[idField] });
    if (idField !== 'id') key[idField] = record[idField];
    if (record.lock_version !== undefined) key.lock_version = record.lock_version;
    return key;
  }

  /** @param {string} title @param {Row | null} record @param {string | undefined} url @param {Data} more */
  async form(title, record, url, more) {
    const { tree } = this;
    const fields = (this.urls.fields ?? []).map(normaliseField).filter(isEditable);
    const box = await buildOverlay({
      widgettype: 'ModalForm',
      options: {
        title, fields, record, mode: record ? 'update' : 'add',
        save: async (/** @type {Values} */ values) => {
          const answer = await ask(tree.app, url, { method: 'POST', params: { ...values, ...more }, baseUri: tree.baseUri });
          if (answer.ok) await tree.app.showAnswer(answer);
          return answer;
        },
      },
    }, tree);
    return /** @type {ModalForm} */ (box);
  }
}
