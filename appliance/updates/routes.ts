import { lstat } from 'node:fs/promises';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import Type from 'typebox';
import { notFound, type Routes } from '../http/index.ts';
import { FILE_NAME } from './releases.ts';

const FileParams = Type.Object({ name: Type.String() });

/**
 * The folder of the app's releases, to whoever asks: installers are public, and an app that updates itself trusts their
 * signature, not this box. One level of plain files: no list, no folders, no hidden files, no symbolic links.
 */
export const updatesRoutes =
  (folder: string): Routes =>
  async (app) => {
    await app.register(fastifyStatic, { serve: false, dotfiles: 'deny', index: false, cacheControl: false });
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
