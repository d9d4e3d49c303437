import { COMMANDS } from './commands.ts';

const names = COMMANDS.map(({ name }) => name).join(' ');
/** Options that a value follows: files for some, and for the others nothing that could be guessed. */
const valued = (files: boolean): string =>
  [
    ...new Set(
      COMMANDS.flatMap(({ options }) => Object.entries(options))
        .filter(([, { value, completes }]) => value !== undefined && (completes === 'file') === files)
        .map(([name]) => `--${name}`),
    ),
  ].join('|');
const flags = (options: object): string => [...Object.keys(options), 'help'].map((name) => `--${name}`).join(' ');

function bash(): string {
  const cases = COMMANDS.map(({ name, options, choices = [] }) => {
    const words = [...choices, flags(options)].join(' ');
    return `    ${name}) words="${name === 'help' ? names : words}" ;;\n`;
  }).join('');
  return `# bash completion for gatehouse: source <(gatehouse completion bash)
_gatehouse() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  COMPREPLY=()
  case "$previous" in
    ${valued(true)}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${valued(false)}) return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "${names}" -- "$current")); return; fi
  case "\${COMP_WORDS[1]}" in
${cases}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _gatehouse gatehouse
`;
}

/** For single quotes in zsh and fish alike, where a quote is left out rather than escaped. */
const plain = (text: string): string => text.replace(/'/g, '’').replace(/[[\]:\\]/g, ' ');

function zsh(): string {
  const commands = COMMANDS.map(({ name, help }) => `    '${name}:${plain(help)}'\n`).join('');
  const cases = COMMANDS.map(({ name, options, choices }) => {
    const specs = Object.entries(options).map(([option, { help, value, completes }]) => {
      const action = value === undefined ? '' : `:${value}:${completes === 'file' ? '_files' : ''}`;
      return ` '--${option}[${plain(help)}]${action}'`;
    });
    if (choices) specs.push(` '2:value:(${choices.join(' ')})'`);
    if (name === 'help') specs.push(` '2:command:(${names})'`);
    return `    ${name}) _arguments '--help[print help]'${specs.join('')} ;;\n`;
  }).join('');
  return `#compdef gatehouse
# zsh completion for gatehouse: gatehouse completion zsh > "\${fpath[1]}/_gatehouse"
_gatehouse() {
  local -a commands
  commands=(
${commands}  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  case "\${words[2]}" in
${cases}  esac
}
compdef _gatehouse gatehouse
`;
}

function fish(): string {
  const first = 'not __fish_seen_subcommand_from $__gatehouse_commands';
  const lines = COMMANDS.flatMap(({ name, help, options, choices = [] }) => {
    const within = `__fish_seen_subcommand_from ${name}`;
    const words = name === 'help' ? names : choices.join(' ');
    return [
      `complete -c gatehouse -n '${first}' -a ${name} -d '${plain(help)}'`,
      ...(words ? [`complete -c gatehouse -n '${within}' -a '${words}'`] : []),
      ...Object.entries(options).map(
        ([option, { help: text, value, completes }]) =>
          `complete -c gatehouse -n '${within}' -l ${option} -d '${plain(text)}'` +
          `${value === undefined ? '' : ' -r'}${completes === 'file' ? ' -F' : ''}`,
      ),
    ];
  });
  return `# fish completion for gatehouse: gatehouse completion fish | source
set -g __gatehouse_commands ${names}
complete -c gatehouse -f
complete -c gatehouse -l help -d 'print help'
${lines.join('\n')}
`;
}

/** The script that makes a shell complete `gatehouse`, from the table of commands. */
export const COMPLETIONS: Record<string, () => string> = { bash, zsh, fish };
