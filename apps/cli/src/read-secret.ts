import type { Context } from './context.ts';
import { CliError } from './context.ts';

const enough = 1024 * 1024;

/** A value from standard input: typed without being shown, or piped; one line end at the end is not part of it. */
export const readSecret = (context: Context, name: string): Promise<string> =>
  context.stdin.isTTY ? askHidden(context, `value of ${name}`) : readPiped(context);

export const readPiped = async ({ stdin }: Context): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > enough) throw new CliError('the value is larger than 1 MiB');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
};

/** Asks on the terminal, without showing what is typed. */
export const askHidden = ({ stdin, stderr }: Context, what: string): Promise<string> =>
  new Promise((resolve, reject) => {
    // First the mode, then the question: what is typed, or pasted, at once must not be shown either.
    stdin.setRawMode(true).setEncoding('utf8').resume();
    stderr.write(`${what} (not shown): `);
    let text = '';
    const finish = (act: () => void): void => {
      stdin.setRawMode(false).pause();
      stdin.off('data', hear);
      stderr.write('\n');
      act();
    };
    const hear = (typedText: string): void => {
      for (const key of typedText) {
        if (key === '\r' || key === '\n' || key === '\u0004') return finish(() => resolve(text));
        if (key === '\u0003') return finish(() => reject(new CliError('nothing was changed', 130)));
        text = key === '\u007f' ? Array.from(text).slice(0, -1).join('') : text + key;
      }
      return undefined;
    };
    stdin.on('data', hear);
  });
