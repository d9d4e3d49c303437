import { readFileSync } from 'node:fs';
import { STATE_FORMAT } from '../../agent/daemon/format.ts';

const read = (name: string): string => readFileSync(new URL(`scripts/${name}`, import.meta.url), 'utf8');

/** A maintainer script, or the body of an rpm scriptlet: what all share, then its own part. */
export function scriptBody(name: string, version: string): string {
  return `set -e\n${read('common.sh')}\n${read(name)}`
    .replaceAll('@FORMAT@', String(STATE_FORMAT))
    .replaceAll('@VERSION@', version);
}

/** The same as a program of its own. */
export const script = (name: string, version: string): string => `#!/bin/sh\n${scriptBody(name, version)}`;
