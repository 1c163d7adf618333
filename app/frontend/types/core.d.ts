/** Page descriptions, requests and answers: what core, widgets, lists and pages have in common. */

type App = import('../src/core/app.js').App;
type Widget = import('../src/core/widget.js').Widget;
type WidgetClass = typeof import('../src/core/widget.js').Widget;
type Overlay = import('../src/widgets/overlay.js').Overlay;

/** An object that came as JSON, or goes as parameters: what is in it is for the other side to say. */
type Data = Record<string, any>;

/** A record of a table, by column. */
type Row = Data;

/** `${key}` in a description is filled from the data at the time of use. */
interface Description {
  widgettype?: string;
  id?: string;
  css?: string;
  options?: Data;
  subwidgets?: Description[];
  binds?: Bind[];
}

/** One description or several. */
type Page = Description | Description[];

type ActionType = 'urlwidget' | 'bricks' | 'blocks' | 'method' | 'script' | 'registerfunction' | 'registedfunction'
  | 'event' | 'urldata' | 'multiple';

interface ParamsMapping {
  mapping?: Record<string, string>;
  need_other?: boolean;
}

/** What a bind does, and what an `action` of a button is. Section 4 of the page contract. */
interface Action {
  actiontype: ActionType | string;
  target?: WidgetPath;
  mode?: 'replace' | 'insert' | 'append' | string;
  /** Whether a refusal takes away what an earlier answer left there. */
  empty_on_refusal?: boolean;
  options?: Data;
  popup_options?: Data;
  conform?: Description & Data;
  datawidget?: WidgetPath;
  datamethod?: string;
  datascript?: string;
  dataparams?: Data;
  params_mapping?: ParamsMapping;
  rtdata?: Data;
  params?: any;
  method?: string;
  script?: string;
  rfname?: string;
  dispatch_event?: string;
  actions?: Action[];
}

interface Bind extends Action {
  event: string;
  wid?: WidgetPath;
}

/** Names a widget, or is one. */
type WidgetPath = string | Widget;

/** The names of windows to make for what has no target of its own. */
type WindowKind = 'PopupWindow' | 'Popup';

/** What an action knows of the event that it runs on, and tells whoever fired it. */
interface Trigger {
  params: Data;
  /** An action was refused. */
  failed?: boolean;
  /** An action has changed something. */
  changed?: boolean;
}

/** An event of a widget; `work` is what the actions on it have begun. */
type WidgetEvent = Event & Trigger & { work: Promise<unknown>[] };

/** An action on its way. */
interface Call {
  bind: Action;
  owner: Widget;
  event: Trigger | undefined;
  data: Data;
  app: App;
}

interface WidgetContext {
  app: App;
  baseUri: string;
  parent: Widget | null;
}

/** What `build` does with one description. */
interface BuildJob {
  app: App;
  overlays: Overlay[];
}

/** RFC 9457, as this server writes it. */
interface ProblemDocument {
  detail?: string;
  code?: string;
  request_id?: string;
  retry_after?: number;
  setup?: FactorSetup;
}

interface ErrorOptions {
  title?: string;
  message?: string;
  code?: string;
  status?: number;
  request_id?: string;
  retry_after?: number;
  /** What is wrong, by field. */
  fields?: Record<string, string>;
  referrers?: (string | Data)[];
  /** One more word that would do, see tabular/question.js. */
  ask?: { name: string; kind: 'datetime' | 'bool'; default: string | number; field?: string; choices?: string[]; instead?: Data };
  /** Of work on many prices: the one that is refused. */
  price?: Data;
  problems?: (string | Data)[];
  /** Of an edit conflict: the record as it is now, and who changed it. */
  current?: Row;
  changed_by?: string;
  changed_by_name?: string;
  changed_at?: string;
}

/** Description of an Error widget. */
interface ErrorDescription extends Description {
  options: ErrorOptions;
}

interface Answer {
  /** A 2xx answer that could be read and is no error widget. */
  ok: boolean;
  /** HTTP status, 0 when nothing came back. */
  status: number;
  /** What the server sent, parsed. */
  value?: any;
  /** Says what went wrong. */
  error?: ErrorDescription;
  /** The address that answered, the base of relative addresses in it. */
  url: string;
  /** Given up by the one who asked. */
  aborted?: boolean;
  problem?: ProblemDocument;
  retryAfterSeconds?: number | null;
}

interface AskOptions {
  method?: string;
  params?: Data;
  baseUri?: string;
  contentType?: string;
  /** Takes the answer as it is. */
  text?: boolean;
  /** Keeps the digits of its numbers, see exact_json. */
  exact?: boolean;
  signal?: AbortSignal;
  /** Asks for no sign-in when the answer is 401. */
  anonymous?: boolean;
}

interface AppOptions {
  widget: Page;
  login_url?: string;
  charsize?: number;
  language?: string;
  i18nUrls?: Record<string, string | undefined>;
  allow_scripts?: boolean;
}

/** Who is signed in. */
interface User {
  username?: string;
  roles?: string[];
}

/** Makes an address absolute. */
type Resolve = (url: string) => string;

interface MessageOptions {
  title?: string;
  message?: string;
  timeout?: number;
  action?: { label: string; run: () => unknown };
}

interface ConfirmOptions {
  title: string;
  message: string;
  yes_label?: string;
  no_label?: string;
  danger?: boolean;
}

/** A bind with the widget whose description it stands in. */
interface BoundAction {
  owner: Widget;
  bind: Bind;
}

interface PlaceOptions {
  owner: Widget;
  app: App;
  baseUri: string;
  mode?: string;
  popupOptions?: Data;
  /** Whether the target still waits for this. */
  isCurrent?: () => boolean;
}

/** What `registerfunction` binds call; `this` is the target. */
type NamedFunction = (this: Widget | null, params: any) => unknown;

/** How far the server is with a file. */
interface Progress {
  step: 'sending' | 'reading' | 'checking' | 'keeping';
  done: number;
  total: number;
}

interface UploadOptions {
  params: Data;
  baseUri?: string;
  signal?: AbortSignal;
  onProgress: (progress: Progress) => void;
}

interface UploadAnswer {
  ok: boolean;
  status: number;
  data?: any;
  message?: string;
  aborted?: boolean;
  problem?: ProblemDocument;
}

/** The global `bricks`, for scripts of pages, the console and tests. Section 6 of the page contract. */
interface Bricks {
  app: App;
  getWidgetById: (id: WidgetPath, from?: Widget) => Widget | null;
  widgetBuild: (description: Page, from?: Widget) => Promise<Widget | Widget[] | null>;
  buildUrlwidgetHandler: (
    from: Widget, target: WidgetPath, rtdata: Data, description: Omit<Action, 'actiontype'>) => (event: Trigger) => Promise<void>;
  show_error: (options: ErrorOptions) => Promise<Overlay>;
  show_message: (options: MessageOptions) => Promise<Overlay>;
  absurl: (url: string, widget?: Widget) => string;
  ask: (url: string, how?: AskOptions) => Promise<Answer>;
  registerFunction: (name: string, work: NamedFunction) => void;
  t: (text: unknown, data?: Data) => string;
  untranslated: () => string[];
  Factory: {
    register: (names: string | string[], widgetClass: WidgetClass) => void;
    get: (name: string) => WidgetClass | undefined;
    names: () => string[];
  };
}
