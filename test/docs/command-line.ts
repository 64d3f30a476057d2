// The lines of a block of commands, and which of them run until they are stopped. Pure.

/** One command of a block. */
export interface CommandLine {
  /** For the shell; of a `cd`, the directory. */
  readonly command: string;
  readonly kind: 'command' | 'host' | 'install' | 'sqs' | 'cd';
  /** The expected exit code. */
  readonly code: number;
}

/** A host: `npx svchost`, `npx svchost run` or `npx svchost dev`, with variables before and a directory after it. */
const host = /^([A-Za-z_]+=\S* +)*npx svchost( (run|dev))?( --dir \S+)?$/;

/** A comment that gives the exit code of a command; for a host, it means that the host ends by itself. */
const ending = / +# exit code (\d+)$/;

/**
 * Splits a block into commands: skips comments and empty lines, joins a line that ends in `\` with the next, and
 * separates commands at `&&`.
 */
export function commandLines(text: string): CommandLine[] {
  return text
    .replaceAll('\\\n', '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap((line) => (/['"]/.test(line) ? [line] : line.split(/ +&& +/)))
    .map((line) => {
      const [, digits] = ending.exec(line) ?? [];
      const command = line.replace(/ +# .*$/, '');
      const code = Number(digits ?? 0);
      if (command.startsWith('cd ')) return { command: command.slice(3).trim(), kind: 'cd', code };
      if (/^npm (install|ci)$/.test(command)) return { command, kind: 'install', code };
      if (command === 'npx fauxqs') return { command, kind: 'sqs', code };
      return { command, kind: digits === undefined && host.test(command) ? 'host' : 'command', code };
    });
}
