// The agent as `gatehouse` runs it, with the fake kernel in the folder FAKE_KERNEL: `node fake-agent.ts <command> …`.
import { runCli } from '../../cli/main.ts';

process.exitCode = await runCli(process.argv.slice(2), process, async (config) => {
  const { runInForeground } = await import('../foreground.ts');
  const { FakeKernel } = await import('./fake-platform.ts');
  const { fakeParts } = await import('./fake-parts.ts');
  return runInForeground(config, () => new FakeKernel(process.env.FAKE_KERNEL ?? ''), fakeParts);
});
