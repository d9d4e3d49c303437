import { Ajv } from 'ajv';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';

const options = { useDefaults: true, strict: false, allErrors: false } as const;
const strict = new Ajv(options);
/** Query strings and path parameters are text; numbers and booleans in them are read from it. */
const coercing = new Ajv({ ...options, coerceTypes: 'array' });

/** Bodies are taken as they are: a number where a string belongs is an error, not a string. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  (httpPart === 'body' ? strict : coercing).compile(schema);
