/** What the pages of lines, distributors and the overview get from the server. */

type LinePage = import('../src/pages/line/line_page.js').LinePage;
type LineData = import('../src/pages/line/line_data.js').LineData;
type Board = import('../src/pages/line/board.js').Board;
type DistributorPage = import('../src/pages/distributor/distributor_page.js').DistributorPage;

/** A decimal number as text, or as a number where it is small. */
type Decimal = string | number;

/** Amounts by currency; those of different currencies are never added. */
type Amounts = Record<string, Decimal>;

interface Problem {
  severity: 'error' | 'warning';
  code: string;
  message: string;
  field?: string;
  step_key?: string;
}

/** What of a step stands in a definition, be it the draft or a version. */
interface StepDefinition {
  step_key: string;
  name: string;
  step_type: StepType;
  model: string;
  enabled: number;
  stage: number;
  step_no: number;
}

type StepType = 'model' | 'http' | 'script' | 'manual';

/** A step of the draft. */
interface Step extends StepDefinition {
  id: string;
  lock_version: number;
  config: any;
  problems: Problem[];
  timeout_seconds?: number;
  retry_limit?: number;
}

/** A step as a form has it. */
type StepValues = Partial<Omit<Step, 'step_type' | 'enabled'>> & { step_type: string; enabled?: number };

/** Stages, each a list of step keys. */
type Layout = string[][];

/** Where a step stands, from 0. */
interface StepPlace {
  stage: number;
  place: number;
}

/** Where a step is put; with `isNew` a stage of its own before `stage`. */
interface StepTarget {
  stage: number;
  place?: number;
  isNew?: boolean;
}

type Direction = 'up' | 'down' | 'left' | 'right';

interface BoardActions {
  edit: (step: Step) => unknown;
  /** `stage` counts from 1. */
  add: (place: { stage?: number }) => unknown;
  duplicate: (step: Step) => unknown;
  toggle: (step: Step) => unknown;
  remove: (step: Step) => unknown;
  reorder: (layout: Layout, key: string) => Promise<unknown>;
  /** What was picked up lies where it was. */
  settled: () => unknown;
}

/** The words of JSON Schema that step types use. */
interface ConfigKey {
  type?: string;
  title?: string;
  widget?: string;
  default?: any;
  enum?: Option[];
  choices?: Option[];
  references?: boolean;
  additionalProperties?: { type?: string };
}

type ConfigSchema = { type?: string; properties?: Record<string, ConfigKey> } & Record<string, any>;

/** The answer of `pipeline_editor`. */
interface LineDraft {
  line: Line;
  live: { version_no: number } | null;
  draft_differs: boolean;
  stages: Step[][];
  problems: Problem[];
  publishable: boolean;
  contributors: Contributor[];
  types: Record<string, ConfigSchema>;
  models: string[];
  functions: string[];
}

interface Line {
  code: string;
  name: string;
  description: string;
  status: string;
  lock_version: number;
  draft_changed_at: string | null;
  updated_at: string;
}

interface Contributor {
  username: string;
  changes: number;
  last_change: string;
}

/** The answer of `pipeline_diff`, its numbers exact. */
interface Difference {
  pipeline: Change[];
  steps: {
    added: StepDefinition[];
    removed: StepDefinition[];
    moved: (StepDefinition & { from: StepDefinition; to: StepDefinition })[];
    parallel_changed: (StepDefinition & { to: string })[];
    changed: Change[];
  };
}

interface Change {
  step_key: string;
  field: string;
  from: any;
  to: any;
}

interface Version {
  version_no: number;
  status: string;
  notes: string | null;
  checksum: string;
  created_at: string;
  snapshot: string;
  event_log: string | null;
  contributors: string | Data[] | null;
}

interface Price {
  unit: string;
  step_key: string;
  model: string;
  pricing_type: string;
  currency: string;
  unit_price: Decimal;
  unit_size: Decimal;
  package_price: Decimal;
  package_size: Decimal;
  enabled: number;
  effective_from: string;
  effective_to: string | null;
}

/** What a price in words needs. */
type PriceWords = Pick<Price, 'pricing_type' | 'currency' | 'unit_price' | 'unit_size' | 'package_price' | 'package_size'>;

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
}

interface Period {
  calls: number;
  failed: number;
  succeeded: number;
  running: number;
  success_rate: Decimal | null;
  amounts: Amounts;
}

interface Capacity {
  id: string;
  lock_version: number;
  enabled: number;
  daily_quota: number | null;
  monthly_quota: number | null;
  max_concurrency: number | null;
}

interface RunningCall {
  call_no: string;
  distributor: string | null;
  started_at: string;
  lease_expires_at: string;
}

/** The answer of `line_figures`. */
interface LineFigures {
  now: string;
  capacity: Capacity | null;
  gauges: Gauge[];
  prices: Price[];
  today: Period;
  month: Period;
  running: RunningCall[];
}

interface Quote {
  total: Decimal;
  currency: string;
  lines: (PriceWords & { unit: string; step_key: string; model: string; quantity: Decimal; amount: Decimal })[];
}

/** The first and the last day of a span. */
interface Days {
  first: string;
  last: string;
}

interface DayFigures {
  group: string;
  currency: string;
  calls: number;
  failed: number;
  amount: Decimal;
}

/** A group of a distributor's use: a day, a line, a model. */
interface UsageGroup extends DayFigures {
  pipeline_id: string;
  name: string;
}

interface DistributorLine {
  code: string;
  name: string;
  pipeline_id: string;
  callable: boolean;
  pricing_mode: string;
  discount_rate: Decimal;
  valid_from: string | null;
  valid_to: string | null;
  prices: Price[];
  gauges: Gauge[];
}

/** The answer of `distributor_overview`. */
interface DistributorOverview {
  now: string;
  distributor: Row;
  days: Days;
  by_day: DayFigures[];
  gauges: Gauge[];
  lines: DistributorLine[];
}

interface Statement {
  total: Decimal;
  currency: string;
  final: boolean;
  calls: number;
  running: number;
  from: string;
  to: string;
  lines: StatementLine[];
}

interface StatementLine extends PriceWords {
  pipeline_name: string;
  step_key: string;
  model: string;
  unit: string;
  calls: number;
  quantity: Decimal;
  amount: Decimal;
}

/** A bar of a chart: `words` is more about it, translated; `height` is drawn in place of `calls`. */
interface Bar {
  key: string;
  label: string;
  calls: number;
  failed?: number;
  words?: string;
  height?: number;
}

interface Chart {
  title: string;
  groupLabel: string;
  bars: Bar[];
  /** Makes buttons of the bars. */
  choose?: (bar: Bar) => void;
  chosen?: string;
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

interface FailingLine {
  id: string;
  name: string;
  calls: number;
  failed: number;
  success_rate: Decimal | null;
}

interface SlowLine {
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
  failing_lines: FailingLine[];
  slow_lines: SlowLine[];
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

/** A text, and how its box showed it. */
interface TextInBox {
  recordText: string;
  boxText: string;
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

/** `count` names the list that is not empty when the step is done. */
interface FirstStep {
  count: string;
  url: string;
  label: string;
  help: string;
}

/** What names a step, and which version of it is meant, to the server. */
type StepKey = Pick<Step, 'id' | 'lock_version'>;
