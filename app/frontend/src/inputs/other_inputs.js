/** hide, file, image, audio, video. */

import { h } from '../core/dom.js';
import { resolveUrl } from '../core/urls.js';
import { t } from '../core/i18n.js';
import { fileSource } from './file_source.js';
import { Input } from './input.js';
import { registerInput } from './registry.js';

class HiddenInput extends Input {
  makeControl() {
    return h('input', { type: 'hidden', name: this.field.name });
  }

  /** @param {unknown} value */
  setValue(value) {
    this.recordValue = value;
  }

  resultValue() {
    return this.recordValue;
  }

  problem() {
    return '';
  }
}

export class FileInput extends Input {
  makeControl() {
    const { accept, capture, multiple } = this.field;
    this.files = [];
    this.source = fileSource({
      id: this.controlId, name: this.field.name, accept, capture, multiple: Boolean(multiple),
    }, (files) => {
      this.files = files;
      this.changed();
    });
    this.chooser = this.source.chooser;
    return this.source.element;
  }

  get focusElement() {
    return this.chooser;
  }

  /** Told once the file is read, not when it is chosen. */
  get tellsItself() {
    return true;
  }

  setReadonly() {
    this.isReadonly = true;
    this.chooser.disabled = true;
  }

  /**
   * A browser never lets a page choose a file; what is stored stays unless another is chosen.
   * @param {unknown} value
   */
  setValue(value) {
    this.isStored = Boolean(value);
    if (value) return;
    this.files = [];
    this.source.clear();
  }

  isEmpty() {
    return !this.isStored && super.isEmpty();
  }

  resultValue() {
    if (!this.files.length) return undefined;
    return this.field.multiple ? this.files : this.files[0];
  }
}

export class MediaInput extends Input {
  /** @type {'audio'|'video'} */
  static kind = 'audio';

  makeControl() {
    return h(this.constructor.kind, { controls: true, 'aria-label': t(this.field.label) });
  }

  /** @param {unknown} value */
  setValue(value) {
    this.recordValue = value;
    if (value) this.control.src = resolveUrl(String(value), this.baseUri);
  }

  resultValue() {
    return this.recordValue;
  }
}

class VideoInput extends MediaInput {
  /** @type {'audio'|'video'} */
  static kind = 'video';
}

registerInput('hide', HiddenInput);
registerInput('file', FileInput, 'UiFile');
registerInput('image', class extends FileInput {});
registerInput('audio', MediaInput, 'UiAudio');
registerInput('video', VideoInput, 'UiVideo');
