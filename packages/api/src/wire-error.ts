import type { WireIssue } from './contract.ts';

/** The body of every refusal; in a stream that has begun, its last line (which then has `status` too). */
export interface WireError {
  readonly error: string;
  readonly issues?: readonly WireIssue[];
  readonly status?: number;
}

interface Fault {
  readonly status: number;
  readonly body: WireError;
}

/** Turns whatever was thrown into what the caller is told. */
export const faultOf = (thrown: unknown): Fault => {
  const { code, status, statusCode, message, issues } = fieldsOf(thrown);
  if (code === 'ORCA_API') {
    const listed = Array.isArray(issues) && issues.length > 0 ? { issues } : {};
    return { status: httpStatus(status) ?? 500, body: { error: message, ...listed } };
  }
  const refused = httpStatus(statusCode);
  if (refused !== undefined && refused < 500) return { status: refused, body: { error: refusal(code, message) } };
  return { status: 500, body: { error: `internal error: ${message}` } };
};

/** Rewords the framework's messages that do not say what to do. */
const refusal = (code: unknown, message: string): string => {
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return 'send the body as content-type: application/json';
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return 'the body is larger than 1 MiB';
  return message;
};

const httpStatus = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 400 && value <= 599 ? value : undefined;

interface Fields {
  readonly code?: unknown;
  readonly status?: unknown;
  readonly statusCode?: unknown;
  readonly issues?: unknown;
  readonly message: string;
}

const fieldsOf = (thrown: unknown): Fields =>
  thrown instanceof Error
    ? { ...Object.fromEntries(Object.entries(thrown)), message: thrown.message }
    : { message: String(thrown) };
