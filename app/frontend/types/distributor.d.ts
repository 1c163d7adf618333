/** A distributor: key and limits, pipelines, use and statements, as its page gets them from the server. */

type DistributorPage = import('../src/pages/distributor/distributor_page.js').DistributorPage;

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

/** A group of a distributor's use: a day, a pipeline, a model. */
interface UsageGroup extends DayFigures {
  pipeline_id: string;
  name: string;
}

interface DistributorPipeline {
  id: string;
  lock_version: number;
  code: string;
  name: string;
  pipeline_id: string;
  callable: boolean;
  pricing_mode: string;
  discount_rate: Decimal;
  valid_from: string | null;
  valid_to: string | null;
  prices: (Price & { price_scope: 'own' | 'general' })[];
  gauges: Gauge[];
}

interface OwnPrice extends Price {
  id: string;
  lock_version: number;
}

/** The answer of `own_prices`: `own` are those in force and those to come. */
interface OwnPricesAnswer {
  now: string;
  next_month: string;
  distributor: { id: string; name: string; currency: string };
  link: Pick<DistributorPipeline, 'id' | 'lock_version' | 'pipeline_id' | 'name' | 'pricing_mode' | 'discount_rate'>;
  general: Price[];
  own: OwnPrice[];
  complete: boolean;
}

/** The answer of `distributor_overview`. */
interface DistributorOverview {
  key_count: number;
  now: string;
  distributor: Row;
  days: Days;
  by_day: DayFigures[];
  gauges: Gauge[];
  lines: DistributorPipeline[];
}

interface Adjustment {
  booked_at: string;
  amount: Decimal;
  reason: string;
  reference: string | null;
}

/** A month with something in it, of `statement_list`. */
interface StatementMonth {
  month: string;
  state: 'open' | 'ended' | 'closed';
  number: string | null;
}

interface Statement {
  month: string;
  time_zone: string;
  closed_at: string | null;
  lines_amount: Decimal;
  corrections_amount: Decimal;
  adjustments_amount: Decimal;
  amount: Decimal;
  number: string | null;
  status: 'open' | 'ended' | 'closed';
  total: Decimal;
  currency: string;
  calls: number;
  running: number;
  from: string;
  to: string;
  lines: StatementLine[];
  corrections: StatementCorrection[];
  adjustments: Adjustment[];
}

interface StatementCorrection extends StatementLine {
  month: string;
  call_no: string;
  reason: string | null;
}

interface StatementLine extends PriceWords {
  pipeline: string;
  pipeline_name: string;
  step_key: string;
  model: string;
  unit: string;
  calls: number;
  quantity: Decimal;
  amount: Decimal;
}
