const UNIX = '/run/gatehouse/agent.sock';
const SOCKETS: Readonly<Record<string, string>> = {
  darwin: '/var/run/gatehouse/agent.sock',
  // Only administrators may create a pipe there, so whoever answers on it is one.
  win32: '\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Gatehouse',
};

/** Where the agent's daemon listens unless `GATEHOUSE_AGENT_SOCKET` says otherwise: a Unix socket, or a named pipe. */
export const defaultAgentSocket = (platform: string): string => SOCKETS[platform] ?? UNIX;
