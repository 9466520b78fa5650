import { stripVTControlCharacters } from 'node:util';

const stripAnsi = (text: string): string => stripVTControlCharacters(text);

export default stripAnsi;
