import { BuildError, run } from '../../../installers/tools.ts';

const XCRUN = '/usr/bin/xcrun';
const NEEDED = ['APPLE_API_KEY', 'APPLE_API_KEY_ID', 'APPLE_API_ISSUER'] as const;

/**
 * Has Apple look at a package, app and daemon in it included, and staples the ticket to it: where the three variables are
 * set (`APPLE_API_KEY` is the path of a .p8 file of App Store Connect); else one line says that it wasn't. Throws
 * BuildError when only some are set, and with what notarytool said.
 */
export async function notarize(
  pkg: string,
  env: NodeJS.ProcessEnv = process.env,
  { xcrun = run, say = (line: string): void => void process.stdout.write(`${line}\n`) } = {},
): Promise<void> {
  const missing = NEEDED.filter((name) => !env[name]);
  if (missing.length === NEEDED.length) {
    say(`${pkg} is not notarized: ${NEEDED.join(', ')} are not set. macOS will refuse to open it.`);
    return;
  }
  if (missing.length > 0) throw new BuildError(`to notarize, set ${missing.join(' and ')} too`);
  const [key = '', id = '', issuer = ''] = NEEDED.map((name) => env[name]);
  await xcrun(XCRUN, ['notarytool', 'submit', pkg, '--key', key, '--key-id', id, '--issuer', issuer, '--wait']);
  // Fails where Apple didn't accept it: there is no ticket then.
  await xcrun(XCRUN, ['stapler', 'staple', pkg]);
  say(`${pkg} is notarized`);
}
