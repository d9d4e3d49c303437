import { lstat } from 'node:fs/promises';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { notFound, type Routes } from '../http/index.ts';
import { FILE_NAME } from './releases.ts';

/** Of what a person may want to read in a browser. */
const TYPES: Readonly<Record<string, string>> = {
  '.yml': 'text/yaml; charset=utf-8',
  '.sig': 'text/plain; charset=utf-8',
};

const FileParams = Type.Object({ name: Type.String() });

/**
 * The folder of the app's releases, to whoever asks: installers are public, and an app that updates itself trusts their
 * signature, not this box. One level of plain files: no list, no folders, no hidden files, no symbolic links.
 */
export const updatesRoutes =
  (folder: string): Routes =>
  async (app) => {
    const setHeaders = (reply: FastifyReply, file: string): void => {
      // Beside the console, at the same origin: whatever lies here is data to a browser, never a page or a script. (What
      // could run is forbidden by the server's Content-Security-Policy too.)
      reply.header('content-type', TYPES[path.extname(file)] ?? 'application/octet-stream');
    };
    await app.register(fastifyStatic, {
      serve: false,
      dotfiles: 'deny',
      index: false,
      cacheControl: false,
      setHeaders,
    });
    app.get(
      '/:name',
      { config: { access: 'public' }, schema: { params: FileParams, hide: true } },
      async ({ params: { name } }, reply) => {
        const stat = FILE_NAME.test(name) ? await lstat(path.join(folder, name)).catch(() => null) : null;
        if (!stat?.isFile()) throw notFound('update');
        // By its ETag it is asked for anew each time: a release replaces its description under the same name.
        reply.header('cache-control', 'no-cache');
        return reply.sendFile(name, folder);
      },
    );
  };
