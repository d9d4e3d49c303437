import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface EapolRun {
  ok: boolean;
  output: string;
  /** How often the MPPE keys were those that the peer has derived. */
  keys: number;
  mismatches: number;
}

const folder = mkdtempSync(path.join(tmpdir(), 'eapol-'));
let runs = 0;

/** Runs `eapol_test` of wpa_supplicant against a server on loopback; `network` as in wpa_supplicant.conf. */
export function eapol(
  { port, secret, args = [] }: { port: number; secret: string; args?: string[] },
  network: Record<string, string | number>,
): Promise<EapolRun> {
  const lines = Object.entries({ key_mgmt: 'IEEE8021X', ...network }).map(([name, value]) =>
    typeof value === 'number' || /^[A-Z0-9]+$/.test(value) ? `  ${name}=${value}` : `  ${name}="${value}"`,
  );
  const conf = path.join(folder, `${++runs}.conf`);
  writeFileSync(conf, `network={\n${lines.join('\n')}\n}\n`, { mode: 0o600 });
  const all = ['-c', conf, '-a', '127.0.0.1', '-p', String(port), '-s', secret, '-t', '10', ...args];
  return new Promise((resolve) => {
    execFile('eapol_test', all, { maxBuffer: 64 << 20 }, (error, output) => {
      const keys = /MPPE keys OK: (\d+) {2}mismatch: (\d+)/.exec(output);
      resolve({ ok: error === null, output, keys: Number(keys?.[1]), mismatches: Number(keys?.[2]) });
    });
  });
}
