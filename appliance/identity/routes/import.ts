import Type from 'typebox';
import { HttpError, type Routes } from '../../http/index.ts';
import { createGate } from '../gate.ts';
import { importUsers } from '../import/index.ts';
import { MAX_FILE_BYTES, MAX_ROWS } from '../import/parse.ts';
import { ImportResult } from '../import/schema.ts';
import { problems } from '../schema.ts';
import { actorOf, type Service } from '../service.ts';

/** Imports at once, and those that may wait: each holds its file in memory. */
const IMPORTS_AT_ONCE = 1;
const IMPORTS_WAITING = 4;

/** Many users at once, from a CSV file. For the prefix /v1. */
export const importRoutes =
  (service: Service): Routes =>
  async (app) => {
    const gate = createGate(IMPORTS_AT_ONCE, IMPORTS_WAITING, 'imports');
    // Here, and only here, a body is a file.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('text/csv', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.addContentTypeParser('*', (_request, _payload, done) => done(notCsv()));

    app.post(
      '/users/import',
      {
        config: { access: 'administrator' },
        bodyLimit: MAX_FILE_BYTES,
        schema: {
          tags: ['users'],
          summary: 'Import users from CSV',
          description:
            'A header and the columns `username,email,name,network_password,groups` in any order; groups are separated ' +
            'by `;`. Users are found by user name: who is there is brought to what the row says (an empty ' +
            '`network_password` leaves it as it is), who is not is made. With any error nothing is written, and the ' +
            `answer is 422 with the same members. Up to ${MAX_ROWS} rows.`,
          consumes: ['text/csv'],
          querystring: Type.Object({
            dry_run: Type.Boolean({ default: false, description: 'Only say what would change' }),
          }),
          body: { content: { 'text/csv': { schema: Type.Unsafe<Buffer>({}) } } },
          response: problems({ 200: ImportResult }),
        },
        errorHandler: (error) => {
          if (error.code !== 'FST_ERR_CTP_BODY_TOO_LARGE') throw error;
          throw new HttpError(413, `the file is larger than ${MAX_FILE_BYTES / 1024 ** 2} MiB: split it`);
        },
      },
      async (request) => {
        const file: unknown = request.body;
        if (!Buffer.isBuffer(file)) throw notCsv();
        return gate(() => importUsers(service, file, request.query.dry_run, actorOf(request)));
      },
    );
  };

const notCsv = (): HttpError => new HttpError(415, 'send the file as the body, with the header Content-Type: text/csv');
