// The lines of a block of commands, and which of them go on until they are stopped. Pure.

export interface CommandLine {
  /** For the shell; of a `cd`, the directory. */
  readonly command: string;
  readonly kind: 'command' | 'host' | 'install' | 'sqs' | 'cd';
  /** What it must end with. */
  readonly code: number;
}

/** A host: `npx svchost`, `npx svchost run` and `npx svchost dev`, with variables before and a directory behind. */
const host = /^([A-Za-z_]+=\S* +)*npx svchost( (run|dev))?( --dir \S+)?$/;

/** A comment that says how a command ends; of a host it says that it ends by itself. */
const ending = / +# exit code (\d+)$/;

/**
 * Takes a block apart: comments and empty lines are left out, a `\` at the end of a line joins the next one to it, and
 * what follows an `&&` is a command of its own.
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
