export type { Archive, BlobTarget, VolumeSource } from './ports.ts';
