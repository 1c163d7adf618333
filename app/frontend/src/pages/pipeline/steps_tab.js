/** The draft's steps: the board, the flow as a picture, and what is wrong with the pipeline as a whole. */

import { fillNode, h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { sayDeleted } from '../../tabular/undo.js';
import { tell } from '../common/answers.js';
import { openWindow } from '../common/window.js';
import { Board } from './board.js';
import { flowPicture } from './flow_picture.js';
import { problemLine } from './step_card.js';
import { editStep } from './step_dialog.js';

export class StepsTab {
  /** @param {PipelinePage} page */
  constructor(page) {
    this.page = page;
    this.data = page.data;
    this.queue = Promise.resolve();
    this.waiting = 0;
    this.round = 0;
    this.board = new Board(this.data, {
      edit: (step) => this.data.mayEdit && this.edit({ step }), add: (place) => this.edit({ place: this.placeFor(place) }),
      duplicate: (step) => this.changed(() => this.data.duplicateStep(this.asNow(step)), (copy) => copy.step_key),
      toggle: (step) => this.changed(() => this.data.enableStep(this.asNow(step), Number(this.asNow(step).enabled) !== 1), () => step.step_key),
      remove: (step) => this.remove(step), settled: () => this.render(), reorder: (layout, key) => this.changed(() => this.data.reorder(layout), () => key, true),
    });
    this.problems = h('ul', { class: 'step-problems boxed', 'aria-label': t('Problems of the line') });
    this.picture = h('div', { class: 'scroll-x flow', tabindex: '0', role: 'region', 'aria-label': t('Flow') });
    this.observer = new IntersectionObserver(([entry]) => {
      this.isInView = entry.isIntersecting;
      if (this.isInView) this.drawPicture();
    });
    this.observer.observe(this.picture);
    this.element = h('div', { class: 'steps-tab' }, this.problems, this.board.element,
      h('section', { class: 'card page-card' }, h('h2', {}, icon('lines'), t('Flow')), this.picture));
  }

  /** A step as it is after the changes before: each raises its version. @param {Step} step */
  asNow(step) {
    return this.data.step(step.step_key) ?? step;
  }

  /** At the end a stage is made by not naming one. @param {{stage?: number}} place */
  placeFor({ stage }) {
    return stage && stage <= this.data.layout.length ? { stage } : {};
  }

  render() {
    // What is being moved, or waits to be sent, is not drawn back to what the server has so far.
    if (!this.board.moving.pickup && this.waiting <= 0) this.board.draw();
    fillNode(this.problems, this.data.problems.map(problemLine));
    this.problems.hidden = !this.data.problems.length;
    this.isStale = true;
    if (this.isInView) this.drawPicture();
  }

  /** Drawn when it comes into view: it takes time for a large pipeline. */
  drawPicture() {
    if (!this.isStale) return;
    this.isStale = false;
    /** @param {string} key */
    const tone = (key) => {
      const problems = this.data.problemsOf(key);
      return problems.some(({ severity }) => severity === 'error') ? 'error' : problems.length ? 'warning' : '';
    };
    fillNode(this.picture, flowPicture(this.data.stages, tone));
  }

  stop() {
    this.observer.disconnect();
  }

  /** @param {{step?: Step, place?: {stage?: number}}} what */
  async edit(what) {
    const { key, references } = await editStep(this.page.owner, this.data, what);
    if (key) await this.showAgain(key);
    else this.board.focus(this.board.focusKey);
    if (references.length) this.showReferences(references);
  }

  /** What a new code of a step changed in others. @param {ChangedReference[]} references */
  showReferences(references) {
    openWindow(this.page.owner, { title: 'References that followed' }, h('ul', { class: 'difference-lines' }, references.map((one) => h('li', {},
      h('code', {}, one.step_key), h('span', { class: 'muted' }, one.field), h('span', {}, h('code', {}, one.from), ' → ', h('code', {}, one.to))))));
  }

  /** @param {Step} step */
  async remove(step) {
    const place = this.data.layout.flat().indexOf(step.step_key);
    const isSure = await this.page.owner.app.confirm({
      title: 'Delete the step', message: t('Delete the step ${key} from the draft?', { key: step.step_key }), yes_label: 'Delete', danger: true,
    });
    if (!isSure) {
      this.board.focus(step.step_key);
      return;
    }
    const others = this.data.layout.flat().filter((key) => key !== step.step_key);
    const remove = async () => {
      const answer = await this.data.deleteStep(this.asNow(step));
      if (answer.ok) sayDeleted(this.page.owner.app, step.name || step.step_key, () => this.changed(() => this.data.restoreStep(step), () => step.step_key));
      return answer;
    };
    await this.changed(remove, () => others[Math.min(place, others.length - 1)], true);
  }

  /**
   * Send one change after the other and show the draft as it is then, also when one was refused.
   * @param {() => Promise<Answer>} work
   * @param {(record: Row) => string} focusOf the step that has the focus afterwards
   */
  changed(work, focusOf, isQuiet = false) {
    const { round } = this;
    this.waiting += 1;
    // What was waiting behind a refused change meant a draft that is not there: it is dropped.
    this.queue = this.queue.then(async () => {
      if (round === this.round) await this.change(work, focusOf, isQuiet);
      else this.waiting -= 1;
    });
    return this.queue;
  }

  /** @param {() => Promise<Answer>} work @param {(record: Row) => string} focusOf @param {boolean} isQuiet */
  async change(work, focusOf, isQuiet) {
    const focusBefore = this.board.focusKey;
    const answer = await work();
    this.waiting -= 1;
    if (!answer.ok) {
      this.round += 1;
      this.board.moving.abandon();
      await this.refused(answer);
    }
    await this.page.reload();
    if (!answer.ok) return;
    if (!isQuiet) this.board.say(t('Saved.'));
    // Whoever has gone on meanwhile stays where he is.
    const active = document.activeElement;
    const isHere = active === document.body || this.board.lanes.contains(active);
    if (isHere && !this.board.moving.pickup && this.board.focusKey === focusBefore) this.board.focus(focusOf(answer.value?.options?.user_data ?? {}));
  }

  /** Somebody else was faster: say who, and show the draft as it is now. @param {Answer} answer */
  async refused(answer) {
    const { code, changed_by: who } = answer.error?.options ?? {};
    if (code !== 'edit_conflict') await tell(this.page.owner, answer);
    else {
      await this.page.owner.app.show_error({
        title: 'Somebody else was faster',
        message: t('${who} changed the line meanwhile. It is shown as it is now; please do your change again.', { who: who || t('Somebody') }),
      });
    }
  }

  /** @param {string} key */
  async showAgain(key) {
    this.board.focusKey = key;
    await this.page.reload();
    this.board.focus(key);
  }
}
