import Type from 'typebox';
import { CursorQuery } from '../../http/index.ts';

export const MAX_PAGE = 1000;
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ description: 'RFC 3339, UTC' });
// An enum, so that a fault names all of the values.
const SessionType = Type.Enum(['radius', 'overlay']);
const SessionStatus = Type.Enum(['active', 'ended']);
const Count = (description: string) => Type.Integer({ minimum: 0, description });

export const SessionView = Type.Object({
  id: Type.String(),
  type: SessionType,
  site_id: Type.String(),
  status: SessionStatus,
  user: Type.String({ description: 'The name that was used' }),
  user_id: Nullable(Type.String()),
  mac: Nullable(Type.String()),
  ip: Nullable(Type.String()),
  ipv6: Nullable(Type.String({ description: 'An address, or a prefix with its length' })),
  nas: Nullable(
    Type.Object({ id: Type.String(), name: Type.String({ description: 'Empty once the NAS is deleted' }) }),
  ),
  nas_port: Nullable(Type.String({ description: 'NAS-Port-Id, else NAS-Port' })),
  ssid: Nullable(Type.String()),
  called_station: Nullable(Type.String()),
  started_at: Time,
  updated_at: Time,
  ended_at: Nullable(Time),
  duration: Count('Seconds, up to now while it is active'),
  bytes_in: Count('Octets that the NAS received from the user (Acct-Input-Octets and -Gigawords)'),
  bytes_out: Count('Octets that the NAS sent to the user'),
  packets_in: Count('Packets that the NAS received from the user'),
  packets_out: Count('Packets that the NAS sent to the user'),
  terminate_cause: Nullable(
    Type.String({
      description:
        'Acct-Terminate-Cause by name; or `lost` (the NAS said nothing of it any more), `superseded` (the same device ' +
        'began anew at the same port) or `unknown`',
    }),
  ),
  policy: Nullable(Type.String()),
  method: Nullable(Type.String()),
  acct_session_id: Nullable(Type.String()),
});
export type SessionView = Type.Static<typeof SessionView>;

export const SessionQuery = Type.Object({
  ...CursorQuery(MAX_PAGE).properties,
  site: Type.Optional(Type.String({ maxLength: 64 })),
  status: Type.Optional(SessionStatus),
  user: Type.Optional(Type.String({ maxLength: 253, description: 'A user id, or a name' })),
  mac: Type.Optional(Type.String({ maxLength: 64 })),
  type: Type.Optional(SessionType),
});
export type SessionQuery = Type.Static<typeof SessionQuery>;

export const SessionParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

export const Reauthorized = Type.Object({
  action: Type.Union([Type.Literal('coa'), Type.Literal('disconnect'), Type.Literal('none')], {
    description: '`disconnect` where the decision is a refusal by now; `none` where it is not ours to make',
  }),
  policy: Nullable(Type.String()),
});
