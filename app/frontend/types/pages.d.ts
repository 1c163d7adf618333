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

interface NearLimit {
  id: string;
  name: string;
  scope: string;
  used: Decimal;
  limit: Decimal;
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

interface EndingPrice {
  pipeline_id: string;
  name: string;
  unit: string;
  step_key: string;
  model: string;
  effective_to: string;
  is_own: number;
}

interface ExpiringKey {
  id: string;
  name: string;
  key_name: string;
  prefix: string;
  expires_at: string;
}

interface OpenMonth {
  id: string;
  name: string;
  month: string;
}

/** The answers of `usage_concerns` and `distributor_concerns` together, as far as the reader may have them. */
interface Concerns {
  since?: string;
  near_limit?: NearLimit[];
  failing_lines?: FailingPipeline[];
  slow_lines?: SlowPipeline[];
  prices_ending?: EndingPrice[];
  keys_expiring?: ExpiringKey[];
  statements_to_close?: OpenMonth[];
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

interface DashboardOptions {
  refresh_seconds?: number;
  may_see_figures?: boolean;
  may_open_distributor?: boolean;
  concerns?: { data_url: string }[];
  counts?: { name: string; data_url: string; params?: Data }[];
  first_steps?: FirstStep[];
}

/** How many records lists have, by name; null of one that cannot be read. */
type RecordCounts = Record<string, number | null>;

/** `count` names the list that is not empty when the step is done. */
interface FirstStep {
  count: string;
  url: string;
  label: string;
  help: string;
}

type FigureStep = 'hour' | 'day' | 'month';
type FigureGroupBy = 'distributor' | 'pipeline' | 'model';

/** Quota days; `until`: where the time ends within the last of them. */
interface FigureDays {
  first_day: string;
  last_day: string;
  until?: string | null;
}

/** `failed` is null where it is not known. */
interface FigureSums {
  calls: number;
  failed: number | null;
  amounts: Amounts;
}

interface FigureBar extends FigureSums {
  start: string;
}

interface FigureGroup extends FigureSums {
  id: string;
  name: string;
  before: FigureSums;
}

/** The answer of `usage_figures`. */
interface UsageFigures {
  now: string;
  period: FigureDays;
  before: FigureDays;
  total: Period;
  total_before: Period;
  step: FigureStep;
  bars: FigureBar[];
  group_by: FigureGroupBy;
  groups: FigureGroup[];
  others: FigureGroup | null;
  group_count: number;
}
