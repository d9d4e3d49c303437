// The agent as `gatehouse` runs it, with the fake kernel in the folder FAKE_KERNEL: `node fake-agent.ts <command> …`.
import { runCli } from '../../cli/main.ts';
import { runInForeground } from '../foreground.ts';
import { FakeKernel } from './fake-platform.ts';

process.exitCode = await runCli(process.argv.slice(2), process, (config) =>
  runInForeground(config, () => new FakeKernel(process.env.FAKE_KERNEL ?? ''), {
    tickEvery: 50,
    fingerprint: () => 'eth0 192.0.2.2/24',
  }),
);
