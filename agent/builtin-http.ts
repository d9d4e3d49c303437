/**
 * Node's own HTTP module. `import` of it reads every export, and with the getters of `WebSocket` and its kin loads undici,
 * which nobody here uses: 4 MB of a daemon as bundled, 16 from the source.
 */
export const http = process.getBuiltinModule('node:http');
