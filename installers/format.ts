/** Which state this version's daemon can use: for installers beside this folder, which don't look into the agent. */
export { STATE_FORMAT } from '../agent/daemon/format.ts';
