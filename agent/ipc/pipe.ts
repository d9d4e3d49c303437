import path from 'node:path';
import { type Commands, systemCommands } from '../os/run.ts';

/** The local group whose members may speak to the agent on Windows, beside SYSTEM and administrators. */
const PIPE_GROUP = 'Gatehouse Users';

/**
 * PowerShell that gives the pipe its access list. Node offers only "everybody may write" (`writableAll`), which for a
 * pipe holds the right to serve instances of it: any program of any user could then answer in the daemon's place. Here
 * that right is the group's, whose members may do everything with the agent anyway; nobody has it over the network. Until
 * this has run, the list is the system's default, by which only SYSTEM and administrators may write.
 */
export function pipeScript(socketPath: string, group: string = PIPE_GROUP): string {
  const quote = (text: string): string => `'${text.replace(/['\u2018-\u201b]/g, '$&$&')}'`;
  const name = quote(socketPath.slice('\\\\.\\pipe\\'.length));
  return [
    "$ErrorActionPreference = 'Stop'",
    `$account = New-Object Security.Principal.NTAccount(${quote(group)})`,
    '$sid = $account.Translate([Security.Principal.SecurityIdentifier]).Value',
    "$rights = [IO.Pipes.PipeAccessRights]'ReadWrite, ReadPermissions, ChangePermissions'",
    `$pipe = New-Object IO.Pipes.NamedPipeClientStream('.', ${name}, $rights, [IO.Pipes.PipeOptions]::None, ` +
      '[Security.Principal.TokenImpersonationLevel]::Anonymous, [IO.HandleInheritability]::None)',
    '$pipe.Connect(5000)',
    '$security = New-Object IO.Pipes.PipeSecurity',
    `$security.SetSecurityDescriptorSddlForm("D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GRGW;;;$sid)", 'Access')`,
    '$pipe.SetAccessControl($security)',
    '$pipe.Dispose()',
  ].join('\n');
}

/** Lets the group speak to the pipe that this process serves. Says in the log when it can't; never throws. */
export async function openPipeToGroup(
  socketPath: string,
  log: (message: string) => void,
  commands: Pick<Commands, 'run'> = systemCommands('win32'),
): Promise<void> {
  const { SystemRoot = 'C:\\Windows' } = process.env;
  const shell = path.win32.join(SystemRoot, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  const script = Buffer.from(pipeScript(socketPath), 'utf16le').toString('base64');
  try {
    await commands.run(shell, ['-NoProfile', '-NonInteractive', '-EncodedCommand', script]);
  } catch {
    log(
      `only administrators may use the agent: there is no local group '${PIPE_GROUP}', or the pipe's access can't be set. ` +
        'The installer makes the group; restart the service after that.',
    );
  }
}
