import { stripVTControlCharacters } from 'node:util';

/** Width of help text, which is ASCII: the full one costs 25 ms of start for emoji tables. */
const stringWidth = (text: string): number => stripVTControlCharacters(text).length;

export default stringWidth;
