/** Names under which a local caller knows this API. */
const loopbackHosts: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

interface SiteHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}

/**
 * Why a request comes from where no request may come from, or `undefined`. A web page that
 * had its name rebound to a loopback address still sends its own name as `Host`, and one
 * that simply posts here sends its own `Origin`; neither gets as far as the token.
 */
export const foreignCaller = (headers: SiteHeaders, allowedHosts: readonly string[]): string | undefined => {
  const host = headers.host?.toLowerCase();
  if (host === undefined || ![...loopbackHosts, ...allowedHosts].includes(withoutPort(host))) {
    return `host ${headers.host ?? '(none)'} is not one of this API's names`;
  }
  const { origin } = headers;
  if (origin === undefined || isSameOrigin(origin, host)) return undefined;
  return `origin ${origin} may not call this API`;
};

const withoutPort = (host: string): string => host.replace(/:\d{1,5}$/, '');

const isSameOrigin = (origin: string, host: string): boolean =>
  origin === `http://${host}` || origin === `https://${host}`;
