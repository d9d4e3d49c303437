export { carries } from './evaluate.ts';
export { reduce } from './reducer.ts';
export { type Effect, type Input, initialState, type Now, TIMES, type TunnelState } from './state.ts';
export { parseEndpoint, primaryHub, stateProblem } from './validate.ts';
