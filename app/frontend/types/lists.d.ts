/** Lists: columns, conditions, views, rows. */

type Tabular = import('../src/tabular/tabular.js').Tabular;
type Grid = import('../src/tabular/grid.js').Grid;
type Marks = import('../src/tabular/marks.js').Marks;

/** `row_options` of a generated page. `default`: the columns that are in view at first; without it all that are not `exclouded`. */
interface RowOptions {
  idField?: string;
  checkField?: string;
  fields?: FieldDescription[];
  browserfields?: { exclouded?: string[]; alters?: Record<string, Partial<FieldDescription>>; cwidth?: Record<string, number>; default?: string[] };
  editexclouded?: string[];
}

/** A field that can be in view; `widthEm` is the width that it would like. */
interface Column extends Field {
  widthEm: number;
  /** What stands above it, where that is not its label. */
  heading?: string;
}

type RecordRow = HTMLTableRowElement & { record: Row };

interface Sort<C = Column> {
  column: C;
  isDescending: boolean;
}

type Operator = 'contains' | 'starts' | 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' | 'on' | 'before' | 'after' | 'empty' | 'filled';

type FieldKind = 'text' | 'number' | 'percent' | 'date' | 'datetime' | 'code' | 'check';

/** What tells the kind of a column, and its name. */
type FilterField = Pick<FieldDescription, 'name' | 'label' | 'data' | 'dataurl' | 'valueField'> & { uitype: string };

interface Condition<F = Column> {
  field: F;
  op: Operator;
  value?: any;
}

/** A condition as it stands in an address, where anybody may have written anything. */
interface AddressCondition {
  field?: FilterField;
  op?: any;
  value?: any;
}

/** A condition of a view that the list cannot ask, and why. */
interface Misfit {
  source: any;
  reason: string;
  label?: string;
}

/** `data_filter`, as the server reads it. */
type ServerFilter = { field: string; op: string; const?: any } | { AND: ServerFilter[] } | { or: ServerFilter[] };

/** What a view says of a list; what it does not say is as at first. */
interface View {
  searchText?: string;
  conditions?: Condition[];
  misfits?: Misfit[];
  sort?: Sort | null;
  columns?: string[] | null;
  pageRows?: number | null;
  /** The name of a quick filter. */
  quick?: string | null;
  page?: number | null;
}

/** A view as it stands in an address and in the browser's memory. */
interface ShortView {
  q?: string;
  f?: any[];
  s?: string;
  c?: string[];
  r?: number;
  k?: string;
  p?: number;
}

/** A filter of one press; `${day}`, `${month_start}` and their like stand for now (core/zones.js). */
interface QuickFilter {
  name: string;
  label: string;
  filter: ServerFilter;
}

/** `isCapped`: there are at least `total`. A long list tells how it goes on from its rows; null: it does not. */
interface ListPage {
  total: number;
  rows: Row[];
  isCapped?: boolean;
  next?: string | null;
  previous?: string | null;
}

/** How a page is asked for: by its number, or behind or before a row, or from the end. */
interface PagePlace {
  page: number;
  after?: string;
  before?: string;
  isLast?: boolean;
}

/** So many rows, and whether a failure is passed over: what is shown stays, and nobody asked. */
interface ReadAgain {
  rows: number;
  isQuiet: boolean;
}

interface PageEnds {
  place: PagePlace;
  next?: string | null;
  previous?: string | null;
}

/** What the server says of a list with very many records. */
interface LargeWords {
  limit: number;
  /** Columns that may be sorted by; null: all. */
  sortable: string[] | null;
  searchable: string[];
  order: string;
}

interface PagerParts {
  go: (page: number) => unknown;
  goLast: () => unknown;
  resize: (rows: number) => unknown;
  pageRows: number;
}

/** `count` rows of a page of at most `pageRows`, whose number counts from the end where it is negative. */
interface PagerState {
  page: number;
  pageRows: number;
  pageCount: number;
  count: number;
  total: number;
  isCapped: boolean;
  hasPrevious: boolean;
  hasNext: boolean;
}

/** What a form saves upon; `words`: what it sends along, since a refusal asked for it. */
type SaveRecord = { lockVersion?: number; current?: Row | null; words?: () => Data };

/** What an import says of a file. */
interface ImportOutcome {
  total: number;
  done: number;
  kept: boolean;
  ignored: string[];
  failed: FailedRow[];
  failed_file?: string;
  preview: { row: number; values: Row }[];
}

interface FailedRow {
  row: number;
  problems: { column: string; value: string; message: string; ask?: string }[];
}

interface ListOptions {
  title?: string;
  description?: string;
  data_url: string;
  data_method?: string;
  data_params?: Data;
  row_options?: RowOptions;
  page_rows?: number | string;
  cache_limit?: number | string;
  nofilter?: boolean;
  /** The table of a list of ours, and its views on the server. */
  list?: string;
  views?: import('../src/tabular/named_views.js').ViewsOfList;
  searchable?: boolean;
  exportable?: boolean;
  import_url?: string;
  import_table?: string;
  content_view?: Page;
  /** `delete`: what the list does where others delete. `bulk`: registered functions for marked rows. */
  toolbar?: { tools?: Tool[]; bulk?: { label: string; rfname: string }[]; quick?: QuickFilter[]; delete?: { label?: string; rfname?: string } };
  editable?: { new_data_url?: string; update_data_url?: string; delete_data_url?: string };
  editor?: { binds?: Bind[] };
}

interface GridOptions {
  idField: string;
  checkField?: string;
  isSortable: boolean;
  canSort: (column: Column) => boolean;
  isExpandable: boolean;
  /** Whether each row has a button for its menu. */
  hasMenu: boolean;
  /** Where a cell leads to, or null. */
  hrefOf: (record: Row, column: Column) => string | null;
  label: string;
  marks: Marks;
  widths: Record<string, number>;
}

/** What a table tells of. */
interface GridEvents {
  sort: (column: Column) => void;
  select: (record: Row, row: RecordRow) => void;
  /** Double click or Enter. */
  open: (record: Row) => void;
  check: (record: Row, isChecked: boolean, box: HTMLInputElement) => void;
  expand: (record: Row, row: RecordRow) => void;
  menu: (record: Row, button: HTMLElement) => void;
  /** Edit in its place; false: it cannot be. */
  edit: (row: RecordRow, cell?: HTMLTableCellElement | null) => boolean;
  /** Insert or Delete on a row; F2 where nothing can be edited. */
  key: (key: string) => void;
  resize: (column: Column, px: number) => void;
  /** To another place among the columns. */
  move: (column: Column, at: number) => void;
}

/** What shows a record anew after a conflict: a list, or whoever opened the form. */
interface Reloadable {
  render: (params: Data) => unknown;
}

interface PagesParts {
  scroller: HTMLElement;
  grid: Grid;
  cacheLimit: number;
  /** Nothing stops what was begun. */
  fetchPage: (place: PagePlace, how?: Partial<ReadAgain>) => Promise<ListPage | null>;
  /** Told after each change. */
  onChange: () => void;
  /** Told while others are asked for in their place. */
  setBusy: (isBusy: boolean) => void;
  /** Waits while the rows in view may not go; whether they could have changed since. */
  isHeldBack: () => Promise<boolean>;
  /** Told before the rows in view are taken away. */
  beforeReset: () => void;
}

/** A cell that somebody writes in, or whose value is being saved. */
interface CellEditor {
  row: RecordRow;
  cell: HTMLTableCellElement;
  field: Field;
  input: Input;
  error: HTMLElement;
  end: AbortController;
  /** The value that it began with, as JSON. */
  start: string;
  isSaving?: boolean;
}

type FileKind = 'csv' | 'xlsx';

interface ProgressWindow {
  close: () => void;
  show: (rows: number, total: number) => void;
}

/** A field that differs between a form and the record as somebody else left it. */
interface ConflictChoice {
  field: Field;
  input: Input;
  theirs: HTMLInputElement;
  mine: HTMLInputElement;
  current: Row;
}

interface ToolLook {
  css?: string;
  isSmall?: boolean;
  iconNode?: Element | null;
  /** Translates the label. */
  say?: (label: string) => string;
}
