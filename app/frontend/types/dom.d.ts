/** What the runtime adds to the browser's own types. Ambient: no import is needed to use a name. */

/** An event on a page of ours: what it comes from is always HTML. */
type At<E extends Event = Event> = E & { target: HTMLElement; currentTarget: HTMLElement };

type Handlers = { [K in keyof HTMLElementEventMap]?: (event: At<HTMLElementEventMap[K]>) => unknown }
  /** Of a search box in some browsers. */
  & { search?: (event: At) => unknown };

/** What `h` takes for children; the falsy ones are left out. */
type Child = Node | string | number | boolean | null | undefined | Child[];

interface Element {
  /** The widget that the element belongs to. */
  bricks_widget?: Widget;
}

interface ParentNode {
  querySelector<K extends keyof HTMLElementTagNameMap>(selectors: K): HTMLElementTagNameMap[K] | null;
  querySelector(selectors: '[role=treeitem]'): TreeItem | null;
  querySelector(selectors: string): HTMLElement | null;
  querySelectorAll<K extends keyof HTMLElementTagNameMap>(selectors: K): NodeListOf<HTMLElementTagNameMap[K]>;
  querySelectorAll(selectors: '[role=treeitem]'): NodeListOf<TreeItem>;
  querySelectorAll(selectors: 'tbody > tr'): NodeListOf<RecordRow>;
  querySelectorAll(selectors: string): NodeListOf<HTMLElement>;
}

interface Element {
  closest<K extends keyof HTMLElementTagNameMap>(selector: K): HTMLElementTagNameMap[K] | null;
  closest(selector: '[role=treeitem]'): TreeItem | null;
  closest(selector: string): HTMLElement | null;
}

/** Every interface of an element says anew what it can listen to. */
interface HTMLElement {
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K, listener: (event: At<HTMLElementEventMap[K]>) => unknown, options?: boolean | AddEventListenerOptions): void;
}

interface HTMLDivElement {
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K, listener: (event: At<HTMLElementEventMap[K]>) => unknown, options?: boolean | AddEventListenerOptions): void;
}

interface HTMLOListElement {
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K, listener: (event: At<HTMLElementEventMap[K]>) => unknown, options?: boolean | AddEventListenerOptions): void;
}

interface HTMLTableCellElement {
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K, listener: (event: At<HTMLElementEventMap[K]>) => unknown, options?: boolean | AddEventListenerOptions): void;
}

interface Document {
  addEventListener<K extends keyof DocumentEventMap>(
    type: K, listener: (event: At<DocumentEventMap[K]>) => unknown, options?: boolean | AddEventListenerOptions): void;
}

interface HTMLTableRowElement {
  /** What the row of a list shows. */
  record?: Row;
}

interface Window {
  bricks: Bricks;
}

/** Attributes and a few properties of an element, its classes and its handlers. */
type Props = { on?: Handlers; class?: Child } & Record<string, unknown>;
