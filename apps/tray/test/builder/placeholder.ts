import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PLACEHOLDER } from '../../packaging/guard.ts';

/** How @electron/fuses finds the switches in Electron: a sentinel, version 1, their number, each as `0` or `1`. */
const FUSES = Buffer.concat([
  Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'),
  Buffer.from([1, 9]),
  Buffer.from('101100111'),
]);

/** The least of an ELF file for x86-64: a header that no kernel would run, and the switches. */
function elf(): Buffer {
  const header = Buffer.alloc(64);
  Buffer.from('7f454c46020101', 'hex').copy(header);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(0x3e, 18);
  header.writeUInt32LE(1, 20);
  return Buffer.concat([header, FUSES]);
}

/** The least of a PE32+ file with one section that holds the switches: electron-builder edits its resources. */
function pe(): Buffer {
  const file = Buffer.alloc(0x400);
  file.write('MZ', 0, 'latin1');
  file.writeUInt32LE(0x80, 0x3c);
  file.write('PE\0\0', 0x80, 'latin1');
  const coff = 0x84;
  file.writeUInt16LE(0x8664, coff);
  file.writeUInt16LE(1, coff + 2);
  file.writeUInt16LE(240, coff + 16);
  file.writeUInt16LE(0x22, coff + 18);
  const optional = coff + 20;
  file.writeUInt16LE(0x20b, optional);
  file.writeUInt32LE(0x1000, optional + 20);
  file.writeBigUInt64LE(0x140000000n, optional + 24);
  file.writeUInt32LE(0x1000, optional + 32);
  file.writeUInt32LE(0x200, optional + 36);
  file.writeUInt16LE(6, optional + 48);
  file.writeUInt32LE(0x2000, optional + 56);
  file.writeUInt32LE(0x200, optional + 60);
  file.writeUInt16LE(2, optional + 68);
  file.writeUInt32LE(16, optional + 108);
  const section = optional + 240;
  file.write('.data', section, 'latin1');
  for (const [offset, value] of [
    [8, 0x200],
    [12, 0x1000],
    [16, 0x200],
    [20, 0x200],
    [36, 0xc0000040],
  ] as const) {
    file.writeUInt32LE(value, section + offset);
  }
  FUSES.copy(file, 0x200);
  return withVersion(file);
}

/** electron-builder edits the version that it finds. It brings the library for that. */
function withVersion(file: Buffer): Buffer {
  const builder = createRequire(createRequire(import.meta.url).resolve('electron-builder'));
  const { NtExecutable, NtExecutableResource, Resource } = builder('resedit');
  const program = NtExecutable.from(file);
  const resource = NtExecutableResource.from(program);
  const version = Resource.VersionInfo.createEmpty();
  version.setFileVersion(45, 4, 1, 0, 1033);
  version.setStringValues({ lang: 1033, codepage: 1200 }, { FileDescription: 'Electron', ProductName: 'Electron' });
  version.outputToResourceEntries(resource.entries);
  resource.outputResource(program);
  return Buffer.from(program.generate());
}

/** The header of a Mach-O file for x86-64 without load commands, and the switches. */
function macho(): Buffer {
  const header = Buffer.alloc(32);
  header.writeUInt32LE(0xfeedfacf, 0);
  header.writeUInt32LE(0x01000007, 4);
  header.writeUInt32LE(2, 12);
  return Buffer.concat([header, FUSES]);
}

const plist = (values: Record<string, string>): string => {
  const entries = Object.entries(values).map(([key, value]) => `<key>${key}</key><string>${value}</string>`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>${entries.join('')}</dict></plist>
`;
};

/** A folder that stands in for Electron's own, for one system. Nothing of it can be released: see `guard.ts`. */
export function placeholderElectron(folder: string, platform: 'linux' | 'win32' | 'darwin'): void {
  const write = (name: string, content: string | Buffer, mode = 0o644): void => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content, { mode });
  };
  write(PLACEHOLDER, 'Stands in for Electron in tests.\n');
  write('LICENSE', 'of Electron');
  write('version', '45.4.1');
  if (platform !== 'darwin') {
    write(platform === 'linux' ? 'electron' : 'electron.exe', platform === 'linux' ? elf() : pe(), 0o755);
    if (platform === 'linux') write('chrome-sandbox', elf(), 0o755);
    write('locales/en-US.pak', '');
    return;
  }
  const contents = 'Electron.app/Contents';
  const main = { CFBundleExecutable: 'Electron', CFBundleIdentifier: 'com.github.Electron', CFBundleName: 'Electron' };
  write(`${contents}/Info.plist`, plist(main));
  write(`${contents}/MacOS/Electron`, macho(), 0o755);
  write(`${contents}/Resources/${PLACEHOLDER}`, 'Stands in for Electron in tests.\n');
  write(`${contents}/Resources/electron.icns`, '');
  write(`${contents}/Frameworks/Electron Framework.framework/Electron Framework`, macho(), 0o755);
  write(`${contents}/Frameworks/Electron Framework.framework/Resources/en.lproj/locale.pak`, '');
  for (const suffix of ['', ' (GPU)', ' (Plugin)', ' (Renderer)']) {
    const name = `Electron Helper${suffix}`;
    const helper = { CFBundleExecutable: name, CFBundleIdentifier: 'com.github.Electron.helper', CFBundleName: name };
    write(`${contents}/Frameworks/${name}.app/Contents/Info.plist`, plist(helper));
    write(`${contents}/Frameworks/${name}.app/Contents/MacOS/${name}`, macho(), 0o755);
  }
}

/** An app as its build leaves it, with things beside that don't belong into a package. */
export function builtApp(folder: string, manifest: string): void {
  const files: Record<string, string> = {
    'dist/main.js': "import { app } from 'electron';\n",
    'dist/main.js.map': '{}',
    'dist/preload.cjs': "'use strict';\n",
    'dist/icon.png': 'png',
    'dist/tray/connected.png': 'png',
    'dist/window/index.html': '<!doctype html>',
    'dist/window/assets/index.js': 'void 0;\n',
    'dist/window/assets/index.js.map': '{}',
    'dist/fake/index.html': 'the fake',
    'node_modules/left-pad/index.js': '',
    'node_modules/left-pad/package.json': '{"name":"left-pad","version":"1.0.0"}',
    '.env': 'CSC_KEY_PASSWORD=secret',
    'signing-key.pem': 'secret',
    'shell/main.ts': '',
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  cpSync(manifest, path.join(folder, 'package.json'));
}
