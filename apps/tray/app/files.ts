import { readFile } from 'node:fs/promises';
import path from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** The file of the window that a path of its address names; null for anything but a plain name inside. */
export function fileNameOf(pathname: string): string | null {
  if (pathname === '/' || pathname === '') return 'index.html';
  const parts = pathname.slice(1).split('/');
  const plain = parts.every((part) => /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(part));
  return plain && parts.length <= 8 && pathname.startsWith('/') && path.extname(pathname) in TYPES
    ? parts.join('/')
    : null;
}

/** Answers for the window's own files in `folder`, and for nothing else; each comes with the policy `csp`. */
export async function serveFile(folder: string, csp: string, method: string, pathname: string): Promise<Response> {
  const headers = {
    'Content-Security-Policy': csp,
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  };
  const name = method === 'GET' ? fileNameOf(pathname) : null;
  try {
    if (name === null) throw new Error('not one of ours');
    const body = await readFile(path.join(folder, name));
    return new Response(new Uint8Array(body), {
      headers: { ...headers, 'Content-Type': TYPES[path.extname(name)] as string },
    });
  } catch {
    return new Response('Not found', { status: 404, headers: { ...headers, 'Content-Type': 'text/plain' } });
  }
}
