import { createH2cUpstream } from './h2c-client/create-h2c-upstream.ts';
import { createHttp1Upstream } from './http1-client/create-http1-upstream.ts';
import type { Target } from './route.ts';
import type { ProxyTimeouts } from './settings.ts';
import type { Upstream } from './upstream.ts';

/** To each target in the protocol that it speaks. */
export const createUpstream = (timeouts: ProxyTimeouts): Upstream => {
  const http1 = createHttp1Upstream(timeouts);
  const h2c = createH2cUpstream(timeouts);
  const speaksH2c = ({ protocol }: Target): boolean => protocol === 'h2c';
  return {
    send: (target, request, handler) => (speaksH2c(target) ? h2c : http1).send(target, request, handler),
    retain: (targets) => {
      http1.retain(targets.filter((target) => !speaksH2c(target)));
      h2c.retain(targets.filter(speaksH2c));
    },
    close: async () => {
      await Promise.all([http1.close(), h2c.close()]);
    },
  };
};
