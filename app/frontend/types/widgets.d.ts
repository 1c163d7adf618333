/** Fields, forms and the parts of widgets that descriptions name. */

type Form = import('../src/widgets/form.js').Form;
type FormField = import('../src/widgets/form_field.js').FormField;
type ModalForm = import('../src/widgets/modal_form.js').ModalForm;
type Input = import('../src/inputs/input.js').Input;
type InputClass = typeof import('../src/inputs/input.js').Input;

/** A choice of a code field: a plain value, or a record under names that the field tells. */
type Option = string | number | Data;

/** A choice as the inputs show it. */
interface Choice {
  value: string;
  text: string;
}

/** A field as pages describe it: by hand, or from a table's definition. */
interface FieldDescription {
  name: string;
  label?: string;
  Label?: string;
  title?: string;
  uitype?: string;
  type?: string;
  datatype?: string;
  required?: boolean | 'true' | 'false';
  nullable?: 'yes' | 'no' | string;
  set_by?: 'server' | string;
  boolean?: boolean;
  json?: boolean;
  value?: any;
  default?: any;
  defaultvalue?: any;
  defaultValue?: any;
  dec?: number;
  dec_len?: number;
  dec_length?: number;
  length?: number | string;
  minlength?: number;
  min?: number | string;
  max?: number | string;
  minimum?: number | string;
  maximum?: number | string;
  min_date?: string;
  max_date?: string;
  data?: Option[];
  codes?: Option[];
  choices?: Option[];
  suggestions?: Option[];
  dataurl?: string;
  method?: string;
  params?: Data;
  search?: boolean;
  valueField?: string;
  textField?: string;
  textFeild?: string;
  /** In a list: the words that say several of the record's columns (tabular/cells.js), and the two columns from when to when. */
  words?: string;
  span?: string[];
  /** The table whose record the value names. */
  references?: string;
  /** What an empty value of a code is called. */
  empty_text?: string;
  tip?: string;
  /** Shown, checked and sent only while other fields have these values. */
  applies?: Record<string, string>;
  /** What its value comes to, said below it: a name in widgets/field_notes.js. */
  note?: string;
  /** Where to ask for what exists already: `list` of what `url` answers to the fields `by`. */
  suggest?: { url: string; list: string; by?: string[] };
  placeholder?: string;
  pattern?: string;
  hint?: string;
  currency?: string;
  rows?: number;
  cwidth?: number;
  wide?: boolean;
  multiple?: boolean;
  accept?: string;
  capture?: string;
  from_file?: string;
  readonly?: boolean;
  not_sent?: boolean;
  write_once?: boolean;
}

/** A field brought to one shape by `normaliseField`. */
interface Field extends FieldDescription {
  /** The original text, not translated. */
  label: string;
  /** The name of the input, see `inputs/`. */
  uitype: string;
  required: boolean;
  /** 0 = no limit. */
  maxLength: number;
  decimals: number | undefined;
  tip: string;
}

/** What an input has the focus in; some cannot be read-only, some have no text to select. */
type FocusElement = HTMLElement & { readOnly?: boolean; disabled?: boolean; select?: () => void };

interface FieldNote {
  element: HTMLElement;
  /** Say it anew. */
  show: () => unknown;
}

type Values = Data;

interface FormOptions {
  fields?: FieldDescription[];
  title?: string;
  description?: string;
  record?: Row | null;
  mode?: 'add' | 'update';
  cols?: number;
  show_label?: boolean;
  notoolbar?: boolean;
  toolbar?: { tools?: Tool[] };
  submit_label?: string;
  submit_css?: string;
  submit_url?: string;
  method?: string;
  params?: Data;
  content_type?: string;
  dataurl?: string;
  referer_widget?: string;
  keep_open?: boolean;
  /** Saves in place of a request to `submit_url`. */
  /** Null: it was not sent, and said why. */
  save?: (values: Values) => Promise<Answer | null>;
  /** Shows a refusal in its own way; false leaves it to the form. */
  refused?: (answer: Answer) => boolean | Promise<boolean>;
}

interface Tool {
  name: string;
  label?: string;
  icon?: string;
  css?: string;
  tip?: string;
  action?: Action;
  removable?: boolean;
  selected_row?: boolean | 'true';
  selected_node?: boolean | 'true';
  selected_data?: boolean | 'true';
  more?: boolean | 'true';
}

interface MenuItem {
  name?: string;
  label?: string;
  icon?: string;
  url?: string;
  method?: string;
  params?: Data;
  target?: WidgetPath;
  popup_options?: Data;
  items?: MenuItem[];
  submenu?: MenuItem[];
  /** The page of one record of the list, and the parameter that names the record there (default `id`). */
  record_page?: string;
  record_key?: string;
}

/** A tab of a TabPanel, or a section of an Accordion. */
interface TabItem {
  name: string;
  label?: string;
  text?: string;
  icon?: string;
  content?: Page;
  refresh?: boolean;
  removable?: boolean;
}

interface Tab {
  item: TabItem;
  button: HTMLButtonElement;
  widgets: Widget[];
  building: Promise<void> | null;
}

/** A node of a tree. */
type TreeItem = HTMLLIElement & { record: Row; level: number; opening?: Promise<HTMLElement | null> | null };

interface Popover {
  box: HTMLElement;
  close: () => void;
}

/** A chooser of files, see inputs/file_source.js. */
interface FileSource {
  element: HTMLElement;
  chooser: HTMLInputElement;
  clear: () => void;
}

type LoginWindow = import('../src/shell/login_page.js').LoginWindow;
type Tree = import('../src/widgets/tree.js').Tree;

/** What a field holds, as its kind wants it: a text, a number, a list, a file, or nothing. */
type FieldValue = any;

/** What of a field tells how its choices are read. */
type ChoiceField = Pick<FieldDescription, 'name' | 'data' | 'dataurl' | 'valueField' | 'textField' | 'textFeild' | 'search'>;

interface ShellOptions {
  menu?: MenuItem[];
  home?: string;
  who_url?: string;
  /** The zone of quota days. */
  time_zone?: string;
  version?: string;
  /** What the palette offers to add: a list's address, where its form is opened. */
  actions?: MenuItem[];
  search_url?: string;
}

/** What the palette offers. */
interface PaletteEntry {
  group: string;
  text: string;
  url: string;
  icon?: string;
  detail?: string;
  /** The list's form for a new record is opened too. */
  isAdding?: boolean;
}

/** Records of one kind that the server finds. */
interface SearchAnswer {
  name: string;
  hits: { url: string; text: string; detail: string; at: string }[];
}

/** Addresses and fields of a tree's `editable`. */
interface TreeUrls {
  add_url?: string;
  update_url?: string;
  delete_url?: string;
  fields?: FieldDescription[];
}

type AppShell = import('../src/shell/app_shell.js').AppShell;
