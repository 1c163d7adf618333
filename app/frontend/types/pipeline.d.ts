/** A pipeline: its draft, versions, prices and capacity, as its page gets them from the server. */

type PipelinePage = import('../src/pages/pipeline/pipeline_page.js').PipelinePage;
type PipelineData = import('../src/pages/pipeline/pipeline_data.js').PipelineData;
type Board = import('../src/pages/pipeline/board.js').Board;

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
interface PipelineDraft {
  line: Pipeline;
  /** What the line is like; sent back with what is decided upon it. */
  state: string;
  /** What is asked for first, then the last that are over. */
  publications: Publication[];
  live: { version_no: number } | null;
  draft_differs: boolean;
  stages: Step[][];
  problems: Problem[];
  publishable: boolean;
  contributors: Contributor[];
  types: Record<string, ConfigSchema>;
  models: string[];
  functions: string[];
  orphaned_prices: OrphanedPrice[];
}

/** A price whose step would go live under another code, or not at all. */
interface OrphanedPrice extends PriceWords {
  id: string;
  step_key: string;
  model: string;
  unit: string;
  new_step_key: string | null;
}

/** A reference that was rewritten as its step got another code. */
interface ChangedReference {
  id: string;
  step_key: string;
  field: string;
  from: string;
  to: string;
}

/** A request to put something live at a time, or with the approval of a second person. */
interface Publication {
  id: string;
  action: 'publish' | 'rollback' | 'approval_off';
  version_no: number | null;
  notes: string | null;
  publish_at: string | null;
  status: 'waiting' | 'scheduled' | 'done' | 'cancelled' | 'failed';
  problem: string | null;
  requested_name: string;
  approved_name: string | null;
  /** Of what is open: whether the line moved since. */
  is_stale?: boolean;
  may_approve?: boolean;
}

interface Pipeline {
  needs_approval: number;
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

/** A piece of a line of text. */
interface DiffPart {
  text: string;
  isMarked: boolean;
}

/** A line of two texts compared; its numbers count from 1, 0 where a text has it not. */
interface DiffLine {
  kind: 'same' | 'removed' | 'added';
  parts: DiffPart[];
  before: number;
  after: number;
}

/** What came between a page and a decision upon it. */
interface StateChange {
  who: string;
  when: string;
  what: string;
}

/** A version's snapshot, its numbers exact. */
interface VersionDefinition {
  pipeline: { name: string; description: string | null };
  steps: (StepDefinition & { config: any })[];
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
  /** Whose own it is; '' is everybody's. */
  distributor_id: string;
  distributor: string | null;
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
interface PipelineFigures {
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

/** A text, and how its box showed it. */
interface TextInBox {
  recordText: string;
  boxText: string;
}

/** What names a step, and which version of it is meant, to the server. */
type StepKey = Pick<Step, 'id' | 'lock_version'>;
