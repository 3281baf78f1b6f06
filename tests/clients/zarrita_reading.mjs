// How zarrita reads one array, the same in Node and in a page.
import FetchStore from '@zarrita/storage/fetch';
import * as zarr from 'zarrita';

// Opens the array at `url`. `suffix`: the shard index is asked for with `bytes=-N` instead of a HEAD and a closed range.
export async function openArray({ url, zarrFormat, suffix }) {
  const location = zarr.root(new FetchStore(url, { useSuffixRequest: suffix }));
  return (zarrFormat === 2 ? zarr.open.v2 : zarr.open.v3)(location, { kind: 'array' });
}

// All values: their shape, and the SHA-256 of their bytes in C order.
export async function readArray(array) {
  const { data, shape } = await zarr.get(array);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  const sha256 = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return { shape, dtype: array.dtype, sha256 };
}
