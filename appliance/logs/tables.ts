/** Rows of logs. Times are RFC 3339 in UTC (those of records with microseconds), flags are 0 or 1. */
export interface SourceRow {
  /** The sender's address: what lasts when the log itself is begun anew. Empty for the appliance. */
  address: string;
  name: string;
  /** Lower-case name: what is unique. */
  name_key: string;
  /** Name of a parser; null where lines are recognised. */
  parser: string | null;
  class: string;
  site_id: string;
  updated_at: string;
}

export interface SearchRow {
  id: string;
  /** Null once the owner is deleted; then any administrator may change it. */
  owner_id: string | null;
  name: string;
  name_key: string;
  shared: number;
  /** JSON: the parameters of `GET /logs`. */
  query: string;
  created_at: string;
  updated_at: string;
}

export interface HoldRow {
  id: string;
  name: string;
  reason: string;
  from_at: string;
  /** Null is open: what comes is held too. */
  to_at: string | null;
  /** A source's address; null holds all. */
  source_address: string | null;
  created_at: string;
  created_by: string;
  released_at: string | null;
  released_by: string | null;
}

export interface ExportRow {
  id: string;
  status: 'queued' | 'running' | 'done' | 'failed';
  case_number: string | null;
  /** JSON: what was given as `source`. */
  source: string | null;
  from_at: string;
  to_at: string;
  q: string | null;
  requested_by: string;
  username: string;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  count: number | null;
  bytes: number | null;
  sha256: string | null;
  error: string | null;
}

export interface LogTables {
  log_sources: SourceRow;
  log_searches: SearchRow;
  /** Days that records of a class are kept; null is for ever. A class without a row has its default. */
  log_retention: { class: string; days: number | null };
  log_holds: HoldRow;
  log_exports: ExportRow;
}
