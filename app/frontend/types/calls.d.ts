/** The list of calls and one call, as their page gets them from the server. */

interface CallsPageOptions {
  may_void: boolean;
  may_open_distributor: boolean;
}

interface CallRow {
  id: string;
  call_no: string;
  lock_version: number;
  distributor_id: string | null;
  distributor: string | null;
  pipeline_id: string;
  pipeline: string | null;
  version_no: number | null;
  client_ref: string | null;
  status: string;
  started_at: string;
  duration_ms: number | null;
  currency: string;
  amount: Decimal;
  charge: Decimal;
  items: number;
  archived: boolean;
}

interface CallPage {
  rows: CallRow[];
  next: Record<string, string> | null;
  period: { first_day: string | null; last_day: string | null };
  /** The names of what the filter names by id. */
  distributor: string | null;
  pipeline: string | null;
}

interface CallTotal {
  count: number;
  capped: boolean;
  sums: { currency: string; calls: number; amount: Decimal }[];
}

interface PackageMove {
  before: Decimal;
  after: Decimal;
  packages: number;
}

interface CallItem {
  step_key: string;
  model: string;
  unit: string;
  quantity: Decimal;
  pricing_type: string;
  unit_size: number;
  package_size: number;
  price: Decimal;
  list_price: Decimal;
  discount_rate: Decimal | null;
  price_scope: string | null;
  matched: string | null;
  effective_from: string | null;
  exact: string | null;
  packages: PackageMove | null;
  amount: Decimal;
  currency: string;
}

interface CallReversal {
  step_key: string;
  model: string;
  unit: string;
  quantity: Decimal;
  amount: Decimal;
  currency: string;
  month_key: string;
  packages: PackageMove | null;
}

/** The answer of `usage_call`. */
interface CallStory {
  call: CallRow & {
    source: string;
    idempotency_key: string | null;
    error: string | null;
    remark: string | null;
    tags: Record<string, string>;
    finished_at: string | null;
    lease_expires_at: string | null;
    estimate: Decimal | null;
    day_key: string;
    month_key: string;
    entry_no: number | null;
    created_by: string;
    created_by_text?: string;
    voided_at: string | null;
    voided_by: string | null;
    voided_by_text?: string;
    void_reason: string | null;
    void_request_id: string | null;
    request_id: string | null;
  };
  items: CallItem[];
  reversals: CallReversal[];
  amount: Decimal;
  charge: Decimal;
}

interface VoidedCall {
  id: string;
  call_no: string;
  lock_version: number;
  distributor: string | null;
  pipeline: string;
  client_ref: string | null;
  started_at: string;
  currency: string;
  charge: Decimal;
  refund: Decimal;
  refusal: string | null;
  packages: { unit: string; units: Decimal; package_size: number; taken_back: number; amount: Decimal; units_left: Decimal }[];
}

/** The answer of `usage_void_preview`. */
interface VoidPreview {
  calls: VoidedCall[];
  refunds: { currency: string; calls: number; amount: Decimal }[];
}
