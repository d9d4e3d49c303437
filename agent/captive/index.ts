export { CaptiveWatch } from './watch.ts';
