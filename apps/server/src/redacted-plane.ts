import { ApiError, type ControlPlane, type DeployEvent } from '@orca/api';
import { messageOf } from './wire.ts';

/**
 * The one door through which the control plane speaks: every text of every answer and every
 * error passes the filter, so that no way of saying something can be forgotten.
 */
export const redactedPlane = (plane: ControlPlane, redact: (text: string) => string): ControlPlane => {
  const clean = <T>(answer: T): T => redactAll(answer, redact);
  const stream = async function* <T>(answers: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      for await (const answer of answers) yield clean(answer);
    } catch (error) {
      throw cleanError(error, redact);
    }
  };
  const one = async <T>(ask: () => Promise<T>): Promise<T> => {
    try {
      return clean(await ask());
    } catch (error) {
      throw cleanError(error, redact);
    }
  };
  return {
    deploy: (request, signal) => stream<DeployEvent>(plane.deploy(request, signal)),
    stop: (request, signal) => stream<DeployEvent>(plane.stop(request, signal)),
    logs: (request, signal) => stream(plane.logs(request, signal)),
    status: (signal) => one(() => plane.status(signal)),
    certs: (signal) => one(() => plane.certs(signal)),
    renewCert: (host, signal) => one(() => plane.renewCert(host, signal)),
    revokeCert: (host, signal) => one(() => plane.revokeCert(host, signal)),
    metrics: (signal) => one(() => plane.metrics(signal)),
  };
};

// The overload says what the body cannot: the shape stays, and only texts change.
function redactAll<T>(data: T, redact: (text: string) => string): T;
function redactAll(data: unknown, redact: (text: string) => string): unknown {
  if (typeof data === 'string') return redact(data);
  if (Array.isArray(data)) return data.map((item: unknown) => redactAll(item, redact));
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).map(([name, value]: [string, unknown]) => [name, redactAll(value, redact)]),
  );
}

const cleanError = (error: unknown, redact: (text: string) => string): unknown => {
  const message = messageOf(error);
  const shown = redact(message);
  if (shown === message) return error;
  return error instanceof ApiError ? new ApiError(error.status, shown) : new Error(shown);
};
