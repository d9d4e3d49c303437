/** The newest checkpoint of another log that this appliance has cosigned. */
export interface WitnessedRow {
  origin: string;
  size: number;
  /** Base64. */
  root: string;
  /** The whole checkpoint, with our cosignature. */
  note: string;
  /** RFC 3339 in UTC. */
  at: string;
}

export interface WitnessTables {
  log_witnessed: WitnessedRow;
}
