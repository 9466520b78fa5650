import type { ServiceSpec } from './model.ts';

/** What a change of a field means for what is running. */
export type Impact = 'none' | 'reroute' | 'recreate';

/** A field without a row does not compile: nobody can forget to decide. */
export const impactOf: Readonly<Record<keyof ServiceSpec, Impact>> = {
  name: 'recreate',
  project: 'recreate',
  image: 'recreate',
  pullPolicy: 'none',
  replicas: 'none',
  command: 'recreate',
  env: 'recreate',
  port: 'reroute',
  route: 'reroute',
  dependsOn: 'none',
  publishedPorts: 'recreate',
  volumes: 'recreate',
  mounts: 'recreate',
  readiness: 'none',
  liveness: 'none',
  aliases: 'recreate',
  network: 'recreate',
  resources: 'recreate',
  restartPolicy: 'recreate',
  stopGraceMs: 'none',
  stopSignal: 'recreate',
  deploy: 'none',
  backup: 'none',
  source: 'none',
};
