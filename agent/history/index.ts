export { type Carrying, Sessions, SessionsFile } from './sessions.ts';
export { type Bytes, TrafficFile, TrafficMeter } from './traffic.ts';
