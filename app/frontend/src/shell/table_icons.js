/** The pictures of this application's tables, which generated pages ask for by the table's name. */

import { aliasIcons } from '../core/icons.js';

aliasIcons({
  pipelines: 'lines', pipeline_steps: 'steps', pipeline_versions: 'versions', pipeline_pricing: 'prices',
  app_audit: 'versions', pipeline_capacity: 'capacity', pipeline_usage_log: 'usage', distributors: 'distributors', distributor_pipeline: 'links',
  app_event: 'info', app_webhook: 'upload', app_webhook_delivery: 'publish',
});
