import Type from 'typebox';

const Id = Type.String({ maxLength: 64 });
const Timestamp = Type.String({ description: 'RFC 3339, UTC' });
const MAX_INTEGER = 2 ** 31 - 1;
const Minutes = Type.Integer({ minimum: 1, maximum: MAX_INTEGER, description: 'In minutes' });
const Changes = Type.Integer({ minimum: 1, maximum: 1000 });

export const IncidentParams = Type.Object({ incidentId: Id });
export const IncidentQuery = Type.Object({
  resolved: Type.Optional(Type.Boolean({ description: 'Only those that are, or are not, resolved' })),
});

export const SecurityIncident = Type.Object({
  id: Type.String(),
  peer_id: Type.String(),
  peer_name: Type.String(),
  network_id: Type.String(),
  network_name: Type.String(),
  incident_type: Type.Enum(['shared_config', 'session_conflict', 'suspicious_activity'], { type: 'string' }),
  detected_at: Timestamp,
  public_key: Type.String(),
  endpoints: Type.Array(Type.String()),
  details: Type.String(),
  resolved: Type.Boolean(),
  resolved_at: Type.Union([Timestamp, Type.Null()]),
  resolved_by: Type.Union([Type.String({ description: 'User id' }), Type.Null()]),
});
export type SecurityIncident = Type.Static<typeof SecurityIncident>;

const configFields = {
  enabled: Type.Boolean(),
  session_conflict_threshold_minutes: Minutes,
  endpoint_change_threshold_minutes: Minutes,
  max_endpoint_changes_per_day: Changes,
  port_change_threshold_minutes: Minutes,
  max_port_changes_per_window: Changes,
};
export const SecurityConfigUpdate = Type.Partial(Type.Object(configFields));
export type SecurityConfigUpdate = Type.Static<typeof SecurityConfigUpdate>;

export const SecurityConfig = Type.Object({
  id: Type.String(),
  network_id: Type.String(),
  ...configFields,
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type SecurityConfig = Type.Static<typeof SecurityConfig>;
