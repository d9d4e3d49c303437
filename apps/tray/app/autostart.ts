import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const FILE = 'gatehouse-app.desktop';

/** Desktop Entry Specification 1.5, "The Exec key": one quoted argument. */
function quoted(argument: string): string {
  const inner = argument.replace(/["`$\\]/g, '\\$&').replaceAll('%', '%%');
  // The string as a whole is escaped once more, as each value of a desktop entry is.
  return `"${inner.replaceAll('\\', '\\\\')}"`;
}

/** The entry that starts `program` hidden at login. */
export function autostartEntry(program: string): string {
  return [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Gatehouse',
    // One that was removed since isn't tried.
    `TryExec=${program.replaceAll('\\', '\\\\')}`,
    `Exec=${quoted(program)} --hidden`,
    'Icon=gatehouse-app',
    'Terminal=false',
    'X-GNOME-Autostart-enabled=true',
    '',
  ].join('\n');
}

/** Where the user's own entries are (XDG Autostart Specification 0.5). */
export function autostartFolder(env: NodeJS.ProcessEnv, home = os.homedir()): string {
  const config = env.XDG_CONFIG_HOME;
  return path.join(config && path.isAbsolute(config) ? config : path.join(home, '.config'), 'autostart');
}

/** Writes or removes the entry; never leaves half of one. Throws what the file system says. */
export function setAutostart(folder: string, program: string, on: boolean): void {
  const file = path.join(folder, FILE);
  if (!on) {
    rmSync(file, { force: true });
    return;
  }
  if (/[\n\r\0]/.test(program)) throw new Error('the path of this program has a line break');
  mkdirSync(folder, { recursive: true });
  const fresh = `${file}.${process.pid}.new`;
  writeFileSync(fresh, autostartEntry(program), { mode: 0o644 });
  renameSync(fresh, file);
}
