import { connect } from '../client.ts';
import type { Context, GlobalOptions } from '../context.ts';
import { paletteFor } from '../render/ansi.ts';
import { certLines } from '../render/cert-table.ts';

export interface CertsOptions extends GlobalOptions {
  readonly json: boolean;
}

/** Shows the certificate of every domain; 1 when one of them should have one and has none. */
export const certs = async (context: Context, options: CertsOptions): Promise<number> => {
  const all = await connect(context, options).certs(context.signal);
  if (options.json) context.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
  else context.stdout.write(`${certLines(all, paletteFor(context.stdout, context.env), Date.now()).join('\n')}\n`);
  return all.some(({ state }) => state === 'failed') ? 1 : 0;
};

export interface CertActionOptions extends CertsOptions {
  readonly host: string;
}

export const renewCert = async (context: Context, options: CertActionOptions): Promise<number> => {
  await connect(context, options).renewCert(options.host, context.signal);
  return tell(context, options, 'renewing', 'a new certificate is being got; see: orca certs');
};

export const revokeCert = async (context: Context, options: CertActionOptions): Promise<number> => {
  await connect(context, options).revokeCert(options.host, context.signal);
  return tell(context, options, 'revoked', 'revoked; a new certificate with a new key is being got; see: orca certs');
};

const tell = (context: Context, { host, json }: CertActionOptions, result: string, words: string): number => {
  context.stdout.write(json ? `${JSON.stringify({ host, result }, null, 2)}\n` : `${host}: ${words}\n`);
  return 0;
};
