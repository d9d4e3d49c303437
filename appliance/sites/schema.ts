import Type from 'typebox';

const Time = Type.String({ format: 'date-time' });

export const Site = Type.Object({
  id: Type.String(),
  name: Type.String(),
  time_zone: Type.String({ description: 'IANA time zone, for example Europe/Rome; the times of policies are in it' }),
  created_at: Time,
  updated_at: Time,
});
export type Site = Type.Static<typeof Site>;

export const SiteChange = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })),
    time_zone: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  { additionalProperties: false, minProperties: 1 },
);
export type SiteChange = Type.Static<typeof SiteChange>;

export const SiteParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
