/** What the pages with a look of their own have in common, and the overview's figures. */

/** A decimal number as text, or as a number where it is small. */
type Decimal = string | number;

/** Amounts by currency; those of different currencies are never added. */
type Amounts = Record<string, Decimal>;

interface GaugeFigures {
  label: string;
  used: Decimal;
  limit: Decimal | null;
  resets_at?: string | null;
  unit?: string;
  isMoney?: boolean;
  help?: string;
}

/** A limit as the server tells it. */
interface Gauge extends Omit<GaugeFigures, 'label'> {
  scope: string;
  currency?: string;
  /** Of money: what is reserved for calls that run. */
  reserved?: Decimal;
}

interface Period {
  calls: number;
  failed: number;
  succeeded: number;
  running: number;
  success_rate: Decimal | null;
  amounts: Amounts;
}

/** A bar of a chart: `words` is more about it, translated; `height` is drawn in place of `calls`. */
interface Bar {
  key: string;
  label: string;
  calls: number;
  failed?: number;
  words?: string;
  height?: number;
  /** Makes a link of it. */
  href?: string;
}

interface Chart {
  title: string;
  groupLabel: string;
  bars: Bar[];
  /** Makes buttons of the bars. */
  choose?: (bar: Bar) => void;
  chosenKey?: string;
}

interface HourFigures extends Period {
  hour: string;
}

interface DayPeriod extends Period {
  day: string;
}

interface NearLimit {
  id: string;
  name: string;
  scope: string;
  used: Decimal;
  limit: Decimal;
}

interface Busy {
  id: string;
  name: string;
  calls: number;
  amounts: Amounts;
}

interface FailingPipeline {
  id: string;
  name: string;
  calls: number;
  failed: number;
  success_rate: Decimal | null;
}

interface SlowPipeline {
  id: string;
  name: string;
  calls: number;
  mean_ms: number;
  longest_ms: number;
}

/** The answer of the overview's figures. */
interface Stats {
  now: string;
  today: Period;
  month: Period;
  by_hour: HourFigures[];
  by_day: DayPeriod[];
  near_limit: NearLimit[];
  top_pipelines: Busy[];
  top_distributors: Busy[];
  failing_lines: FailingPipeline[];
  slow_lines: SlowPipeline[];
}

/** A part of a page: made when first shown. */
interface Part {
  element: HTMLElement;
  render?: () => unknown;
  stop?: () => void;
}

/** A page with a look of its own, in a part of the bundle of its own. */
interface OwnPage extends Part {
  start?: () => unknown;
}

/** A part of PageTabs with its button; `content` once it has been shown. */
interface TabPart {
  name: string;
  label: string;
  make: () => Part;
  button: HTMLButtonElement;
  content: Part | null;
}

/** A column of a plain table. */
interface PlainColumn {
  label: string;
  isNumber?: boolean;
}

/** What of the overview's options its tables heed. */
interface TableOptions {
  may_open_distributor?: boolean;
}

interface DashboardOptions extends TableOptions {
  stats_url: string;
  refresh_seconds?: number;
  counts?: { name: string; data_url: string; params?: Data; label?: string; url?: string; icon: string }[];
  first_steps?: FirstStep[];
}

/** How many records lists have, by name; of one that `isCapped` at least so many, null of one that cannot be read. */
type RecordCounts = Record<string, { total: number; isCapped: boolean } | null>;

/** `count` names the list that is not empty when the step is done. */
interface FirstStep {
  count: string;
  url: string;
  label: string;
  help: string;
}
