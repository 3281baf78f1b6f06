// zarrita in Node, over Node's own fetch.
import { done, readAll } from './checks.mjs';
import { openArray, readArray } from './zarrita_reading.mjs';

await readAll('zarrita in Node', openArray, readArray);
done();
