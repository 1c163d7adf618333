/** A pipeline as its page needs it: the record, the draft's steps, what is wrong with them. */

import { dataOf } from '../../core/answer_data.js';
import { read, rowsOf, send } from '../common/answers.js';
import { ask } from '../../core/request.js';
import { layoutOf } from './layout.js';

const CORE = '/pipeline_core/api';

export class PipelineData {
  /**
   * @param {Widget} widget the page's
   * @param {string} id the pipeline's
   * @param {boolean} isEditor whether the person's role may change pipelines
   */
  constructor(widget, id, isEditor) {
    this.widget = widget;
    this.id = id;
    this.isEditor = isEditor;
  }

  /** @returns {Promise<boolean>} false when there is no such pipeline, or it may not be seen */
  async load() {
    const answer = await ask(this.widget.app, `${CORE}/pipeline_editor.dspy`, { params: { pipeline_id: this.id } });
    if (!answer.ok) {
      this.refusal = answer;
      return false;
    }
    const { line: pipeline, ...draft } = dataOf(answer);
    Object.assign(this, draft, { pipeline });
    this.steps = this.stages.flat();
    this.byKey = new Map(this.steps.map((step) => [step.step_key, step]));
    this.layout = layoutOf(this.steps);
    return true;
  }

  /** @param {string} key */
  problemsOf(key) {
    return this.step(key)?.problems ?? [];
  }

  /** Those of the pipeline as a whole first. */
  get allProblems() {
    return [...this.problems, ...this.steps.flatMap(({ problems }) => problems)];
  }

  /** @param {string} key @returns {Step|undefined} */
  step(key) {
    return this.byKey.get(key);
  }

  get mayEdit() {
    return this.isEditor && this.pipeline.status !== 'archived';
  }

  get isLive() {
    return this.live !== null;
  }

  /** @param {Layout} layout */
  reorder(layout) {
    return send(this.widget, `${CORE}/pipeline_steps_reorder.dspy`, {
      pipeline_id: this.id, lock_version: this.pipeline.lock_version, draft_changed_at: this.pipeline.draft_changed_at,
      order: JSON.stringify(layout),
    });
  }

  /** @param {Data} values */
  createStep(values) {
    return send(this.widget, `${CORE}/pipeline_steps_create.dspy`, { pipeline_id: this.id, ...values });
  }

  /** @param {StepKey} step @param {Values} values */
  updateStep(step, values) {
    return send(this.widget, `${CORE}/pipeline_steps_update.dspy`, { id: step.id, lock_version: step.lock_version, ...values });
  }

  /** @param {StepKey} step */
  duplicateStep(step) {
    return send(this.widget, `${CORE}/pipeline_steps_duplicate.dspy`, { id: step.id, lock_version: step.lock_version });
  }

  /** @param {StepKey} step @param {boolean} isOn */
  enableStep(step, isOn) {
    return send(this.widget, `${CORE}/pipeline_steps_enable.dspy`, { id: step.id, lock_version: step.lock_version, enabled: isOn ? 1 : 0 });
  }

  /** @param {StepKey} step */
  deleteStep(step) {
    return send(this.widget, `${CORE}/pipeline_steps_delete.dspy`, { id: step.id, lock_version: step.lock_version });
  }

  /** Put back a step that was just deleted. @param {StepKey} step */
  restoreStep(step) {
    return send(this.widget, `${CORE}/pipeline_steps_restore.dspy`, { id: step.id });
  }

  /** @param {string} from @param {string} to */
  difference(from, to) {
    return read(this.widget, `${CORE}/pipeline_diff.dspy`, { pipeline_id: this.id, from, to }, { exact: true });
  }

  /**
   * What a rollback would do: the difference, problems by today's rules, whether the draft follows.
   * @param {number} number
   */
  rollbackPreview(number) {
    return read(this.widget, `${CORE}/pipeline_rollback_preview.dspy`, { pipeline_id: this.id, version_no: number }, { exact: true });
  }

  /** @param {Values} values */
  publish(values) {
    return send(this.widget, `${CORE}/pipeline_publish.dspy`, { pipeline_id: this.id, ...values, state: this.state });
  }

  /** @param {Values} values */
  requestPublication(values) {
    return send(this.widget, `${CORE}/pipeline_publication_request.dspy`, { pipeline_id: this.id, state: this.state, ...values });
  }

  /** @param {Publication} publication */
  approvePublication({ id }) {
    return send(this.widget, `${CORE}/pipeline_publication_approve.dspy`, { id, state: this.state });
  }

  /** @param {Publication} publication */
  cancelPublication({ id }) {
    return send(this.widget, `${CORE}/pipeline_publication_cancel.dspy`, { id });
  }

  /** @param {boolean} isOn */
  setApproval(isOn) {
    return send(this.widget, `${CORE}/pipeline_approval_set.dspy`, { pipeline_id: this.id, state: this.state, needs_approval: isOn ? 1 : 0 });
  }

  /** @param {Values} values */
  loadVersion(values) {
    return send(this.widget, `${CORE}/pipeline_draft_load.dspy`, { pipeline_id: this.id, ...values, state: this.state });
  }

  /** @param {Values} values */
  rollBack(values) {
    return send(this.widget, `${CORE}/pipeline_rollback.dspy`, { pipeline_id: this.id, ...values });
  }

  versions() {
    return rowsOf(this.widget, '/pipeline_core/pipeline_versions/get_pipeline_versions.dspy', { pipeline_id: this.id, sort: 'version_no desc' });
  }
}
